"""The operator's view of people, companies and the audit."""

from typing import Any, cast
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Count, F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import impersonation
from accounts.admin_keys import ApiKeyAdmin  # noqa: F401  (registers itself)
from accounts.admin_privacy import DataExportAdmin, DeletionReceiptAdmin  # noqa: F401  (the same)
from accounts.audit_words import sentence_of
from accounts.audited_admin import AuditedAdmin
from accounts.companies import suspend_company, unsuspend_company
from accounts.models import AuditEntry, Company, Membership, User
from config.base.refusal import Refusal

# Rights here are "operator" and "superuser"; addresses are shown with their person. How somebody signs in is theirs
# alone, and keys of providers come from the environment.
admin.site.unregister([Group, EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken])


class _Kept(AuditedAdmin):
    """Rows that come from sign-up and stay: an operator changes them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _Addresses(TabularInline):
    model = EmailAddress
    fields = ["email", "verified", "primary"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _Memberships(TabularInline):
    model = Membership
    fields = ["user", "company", "role", "created_at"]
    # Roles are the company's own business, and its last owner stays one.
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        found: QuerySet[Membership] = super().get_queryset(request)
        return found.select_related("user", "company")


@admin.register(User)
class UserAdmin(_Kept):
    """People. A password is reset by the person; an operator switches off."""

    list_display = ["email", "username", "full_name", "is_active", "is_staff", "verified_at", "date_joined"]
    list_filter = ["is_active", "is_staff", "language"]
    search_fields = ["email", "username", "full_name"]
    ordering = ["-id"]
    fields = [
        "email",
        "username",
        "full_name",
        "language",
        "time_zone",
        "is_active",
        "is_staff",
        "is_superuser",
        "verified_at",
        "date_joined",
        "last_login",
        "deleted_at",
    ]
    readonly_fields = ["email", "verified_at", "date_joined", "last_login", "deleted_at"]
    inlines = [_Addresses, _Memberships]
    actions_detail = ["sign_in_as"]
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Operators are changed by superusers alone: nobody switches off whoever has more rights."""
        is_operator = obj is not None and (obj.is_staff or obj.is_superuser)
        may: bool = super().has_change_permission(request, obj)
        return may and (request.user.is_superuser or not is_operator)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Nobody gives rights, to others or to themselves, but those who have all of them."""
        rights = [] if request.user.is_superuser else ["is_staff", "is_superuser"]
        return [*self.readonly_fields, *rights]

    def has_sign_in_as_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Superusers, and operators with the permission."""
        return impersonation.may_sign_in_as(cast("User", request.user))

    @action(description=_("Sign in as…"), url_path="sign-in-as", permissions=["sign_in_as"], icon="visibility")
    def sign_in_as(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then see the product as this person; it is told to the person, and written down."""
        impersonation.refuse_without_proof(request)
        person = get_object_or_404(User, pk=UUID(object_id))
        form = SignInAsForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            operator, reason = cast("User", request.user), form.cleaned_data["reason"]
            try:
                impersonation.begin(operator=operator, person=person, reason=reason, request=request)
                return redirect("generate")
            except Refusal as refusal:
                form.add_error(None, refusal.sentence)
        context = {**self.admin_site.each_context(request), "title": _("Sign in as…"), "person": person, "form": form}
        status = 422 if form.errors else 200
        return render(request, "admin/accounts/sign_in_as.html", context | {"opts": self.opts}, status=status)


class SignInAsForm(forms.Form):
    """Why an operator signs in as somebody."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("The person reads this, and so does whoever runs a company of theirs."),
        widget=UnfoldAdminTextInputWidget,
    )


class SuspendForm(forms.Form):
    """Why a company is switched off."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("The company's people read this."),
        widget=UnfoldAdminTextInputWidget,
    )


@admin.register(Company)
class CompanyAdmin(_Kept):
    """Companies: how large, on which plan, with how many credits. One that is suspended can do nothing."""

    list_display = ["name", "slug", "kind", "plan", "member_count", "balance", "state", "created_at"]
    list_filter = ["is_active", "kind", "subscription__plan"]
    search_fields = ["name", "slug", "email", "domain"]
    ordering = ["-id"]
    fields = ["name", "slug", "kind", "email", "domain", "plan", "credits", "state", "delete_after", "created_at"]
    readonly_fields = ["kind", "domain", "plan", "credits", "state", "delete_after", "created_at"]
    inlines = [_Memberships]
    actions_detail = ["suspend", "unsuspend"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        """With what the list shows; billing's rows are reached by their names alone."""
        found: QuerySet[Company] = super().get_queryset(request)
        return found.annotate(
            _members=Count("memberships"),
            _plan=F("subscription__plan__name"),
            _subscription=F("subscription__pk"),
            _balance=F("wallet__balance"),
        )

    @admin.display(description=_("members"), ordering="_members")
    def member_count(self, company: Company) -> int:
        """Counted by the list's own query."""
        return int(company._members)  # type: ignore[attr-defined]

    @admin.display(description=_("balance"), ordering="_balance")
    def balance(self, company: Company) -> int | None:
        """Credits; read by the list's own query."""
        found: int | None = company._balance  # type: ignore[attr-defined]
        return found

    @admin.display(description=_("plan"), ordering="_plan")
    def plan(self, company: Company) -> str:
        """The plan, and where it is changed."""
        if company._subscription is None:  # type: ignore[attr-defined]
            return "-"
        address = reverse("admin:billing_subscription_change", args=[company._subscription])  # type: ignore[attr-defined]
        return format_html('<a href="{}">{}</a>', address, company._plan)  # type: ignore[attr-defined]

    @admin.display(description=_("credits"))
    def credits(self, company: Company) -> str:
        """The balance, and where it is adjusted."""
        address = reverse("admin:billing_wallet_adjust", args=[company.pk])
        return format_html('{} · <a href="{}">{}</a>', self.balance(company), address, _("Adjust credits"))

    @admin.display(description=_("state"), ordering="is_active")
    def state(self, company: Company) -> str:
        """Whether anything can be done there, and if not, why."""
        if company.deleted_at:
            return gettext("deleted")
        if company.suspended_reason:
            return gettext("suspended: %(reason)s") % {"reason": company.suspended_reason}
        return gettext("active") if company.is_active else gettext("switched off by its owner")

    def has_suspend_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may change companies."""
        return request.user.has_perm("accounts.change_company")

    @action(description=_("Suspend"), url_path="suspend", permissions=["suspend"], icon="block")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then switch the company off; its owner cannot switch it on."""
        company = get_object_or_404(Company, pk=UUID(object_id), deleted_at=None)
        form = SuspendForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            suspend_company(company=company, operator=cast("User", request.user), reason=reason, request=request)
            messages.success(request, _("The company is suspended."))
            return redirect("admin:accounts_company_change", object_id)
        context = {**self.admin_site.each_context(request), "title": _("Suspend"), "company": company, "form": form}
        return render(request, "admin/accounts/suspend.html", context | {"opts": self.opts})

    @action(description=_("Lift suspension"), url_path="unsuspend", permissions=["suspend"], icon="undo")
    def unsuspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask once more, then switch the company on."""
        company = get_object_or_404(Company, pk=UUID(object_id), deleted_at=None)
        if request.method == "POST":
            if unsuspend_company(company=company, operator=cast("User", request.user), request=request):
                messages.success(request, _("The company is active again."))
            else:
                messages.info(request, _("The company was not suspended."))
            return redirect("admin:accounts_company_change", object_id)
        context = {**self.admin_site.each_context(request), "title": _("Lift suspension"), "company": company}
        return render(request, "admin/accounts/suspend.html", context | {"opts": self.opts})


@admin.register(Membership)
class MembershipAdmin(_Kept):
    """Who belongs where."""

    list_display = ["user", "company", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "company"]
    search_fields = ["user__email", "company__name"]
    ordering = ["-id"]
    readonly_fields = ["user", "company", "role", "credit_cap", "cap_period", "created_at"]
    show_full_result_count = False


@admin.register(AuditEntry)
class AuditEntryAdmin(AuditedAdmin):
    """Who did what; nobody changes it."""

    list_display = ["at", "told", "address", "company"]
    list_filter = ["action"]
    list_select_related = ["company"]
    search_fields = ["=actor", "=target", "=operator", "=address"]
    ordering = ["-id"]
    show_full_result_count = False

    @admin.display(description=_("what"))
    def told(self, entry: AuditEntry) -> str:
        """The entry in words."""
        return sentence_of(entry)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
