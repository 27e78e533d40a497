"""Money for operators. Rows of the ledger are only looked at; what changes credits or plans goes through services."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from billing.corrections import adjust_credits, change_plan
from billing.entitlements import write_entitlements
from billing.models import CreditLot, Hold, LedgerEntry, Plan, Subscription, UsageCounter, Wallet
from billing.services import InsufficientCredits
from config.base.ids import uuid7


class ReadOnlyAdmin(AuditedAdmin):
    """Rows to look at: nothing is added, changed or deleted."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Services write these rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Services write these rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What happened stays."""
        return False


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    """Plans are data: edited here, taken out of the offer instead of deleted."""

    list_display = ["name", "price_label", "monthly_credits", "daily_generations", "parallel_jobs", "is_active"]
    ordering = ["position"]

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        """Companies on the plan have what it gives at once."""
        super().save_model(request, obj, form, change)
        write_entitlements(plan=obj)

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        """Companies are on it, or were."""
        return False


@admin.register(Subscription)
class SubscriptionAdmin(AuditedAdmin):
    """Which company is on which plan; the plan can be changed by hand."""

    notes_itself = True
    list_display = ["company", "plan", "status", "source", "period_start", "period_end"]
    list_filter = ["plan", "status", "source"]
    list_select_related = ["company", "plan"]
    search_fields = ["company__name", "company__slug", "company__email"]
    fields = ["company", "plan", "status", "source", "period_start", "period_end", "grace_until"]
    readonly_fields = ["company", "status", "source", "period_start", "period_end", "grace_until"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A company gets its subscription when it is made."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        """A company is always on a plan."""
        return False

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """Through the service, which leaves an audit entry."""
        change_plan(company=obj.company, plan=obj.plan, actor=cast("User", request.user))


class AdjustForm(forms.Form):
    """How many credits to give or to take back, and why. `key` makes a form that is sent twice count once."""

    amount = forms.IntegerField(
        label=_("Credits"),
        help_text=_("Negative to take back; never more than is available."),
        min_value=-1_000_000_000,
        max_value=1_000_000_000,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("The company reads this in its statement."),
        widget=UnfoldAdminTextInputWidget,
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def clean_amount(self) -> int:
        """Nothing is no adjustment."""
        amount: int = self.cleaned_data["amount"]
        if not amount:
            raise forms.ValidationError(_("Say how many credits."))
        return amount


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    """Wallets; credits are given or taken back with a reason."""

    list_display = ["company", "balance", "held", "available", "debt", "unlimited"]
    list_filter = ["unlimited"]
    list_select_related = ["company"]
    search_fields = ["company__name", "company__slug", "company__email"]
    ordering = ["-company_id"]
    readonly_fields = ["available"]
    actions_detail = ["adjust"]

    def has_adjust_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who may change wallets; the rows themselves are read-only here."""
        return request.user.has_perm("billing.change_wallet")

    @action(description=_("Adjust credits"), url_path="adjust", permissions=["adjust"], icon="exposure")
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for amount and reason, then adjust."""
        wallet = get_object_or_404(Wallet.objects.select_related("company"), pk=UUID(object_id))
        form = AdjustForm(request.POST or None, initial={"key": uuid7()})
        if request.method == "POST" and form.is_valid() and self._adjusted(request, wallet, form):
            return redirect("admin:billing_wallet_change", object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Adjust credits"),
            "opts": self.opts,
            "wallet": wallet,
            "form": form,
        }
        return render(request, "billing/adjust.html", context)

    def _adjusted(self, request: HttpRequest, wallet: Wallet, form: AdjustForm) -> bool:
        """Call the service; a refusal becomes the form's error."""
        try:
            done = adjust_credits(
                company=wallet.company,
                amount=form.cleaned_data["amount"],
                reason=form.cleaned_data["reason"],
                actor=cast("User", request.user),
                key=f"adjust:{form.cleaned_data['key']}",
            )
        except InsufficientCredits as refusal:
            form.add_error("amount", refusal.sentence)
            return False
        if done:
            messages.success(request, _("The credits were adjusted."))
        else:
            messages.info(request, _("That was done already; nothing changed."))
        return True


class OfWallet(ReadOnlyAdmin):
    """Rows that belong to a wallet."""

    list_select_related = ["wallet__company"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the company, which every row names."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("wallet__company")

    @admin.display(description=_("company"))
    def company(self, row: CreditLot | Hold | LedgerEntry) -> str:
        """The owner's name."""
        return str(row.wallet.company)


@admin.register(CreditLot)
class CreditLotAdmin(OfWallet):
    """What came together and expires together."""

    list_display = ["company", "amount", "remaining", "expires_at", "created_at"]
    search_fields = ["wallet__company__name", "wallet__company__slug"]


@admin.register(Hold)
class HoldAdmin(OfWallet):
    """What is and was promised to jobs."""

    list_display = ["company", "cause", "amount", "settled", "state", "reason", "created_at", "closed_at"]
    list_filter = ["state"]
    search_fields = ["key", "cause", "wallet__company__name", "wallet__company__slug"]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(OfWallet):
    """Every change of every balance."""

    list_display = ["company", "number", "kind", "amount", "balance_after", "cause", "actor", "created_at"]
    list_filter = ["kind"]
    search_fields = ["key", "cause", "actor", "wallet__company__name", "wallet__company__slug"]


@admin.register(UsageCounter)
class UsageCounterAdmin(ReadOnlyAdmin):
    """How much of the limits is used."""

    list_display = ["company", "name", "period", "used"]
    list_filter = ["name"]
    list_select_related = ["company"]
    search_fields = ["company__name", "company__slug"]
    ordering = ["-id"]
