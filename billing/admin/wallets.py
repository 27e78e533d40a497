"""Wallets and the ledger: only looked at; credits are given or taken back with a reason."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from billing.adjustments import adjust_or_ask
from billing.admin.base import ReadOnlyAdmin, operator_of
from billing.models import AdjustmentRequest, CreditLot, Hold, LedgerEntry, UsageCounter, Wallet
from billing.services import InsufficientCredits
from config.base.ids import uuid7


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
        words = {
            "company": wallet.company,
            "balance": wallet.balance,
            "held": wallet.held,
            "available": wallet.available,
        }
        text = _now("%(company)s has %(balance)d credits, %(held)d of them held: %(available)d available.") % words
        if settings.TWO_PERSON_CREDITS is not None:
            limit = {"limit": settings.TWO_PERSON_CREDITS}
            text += " " + _now("More than %(limit)d within a day wait for another operator.") % limit
        back = reverse("admin:billing_wallet_change", args=[object_id])
        return self.show_act(request, title=_now("Adjust credits"), text=text, back=back, form=form)

    def _adjusted(self, request: HttpRequest, wallet: Wallet, form: AdjustForm) -> bool:
        """Call the service; a refusal becomes the form's error."""
        try:
            done = adjust_or_ask(
                company=wallet.company,
                amount=form.cleaned_data["amount"],
                reason=form.cleaned_data["reason"],
                actor=operator_of(request),
                key=form.cleaned_data["key"],
            )
        except InsufficientCredits as refusal:
            form.add_error("amount", refusal.sentence)
            return False
        if isinstance(done, AdjustmentRequest):
            messages.info(request, _now("Another operator has to approve this; it waits under credit adjustments."))
        elif done:
            messages.success(request, _now("The credits were adjusted."))
        else:
            messages.info(request, _now("That was done already; nothing changed."))
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
