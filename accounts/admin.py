"""The operator's view of people, companies and the audit."""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from accounts.models import AuditEntry, Company, Membership, User
from accounts.services import record_audit

# Rights here are "operator" and "superuser"; addresses are shown with their person.
admin.site.unregister([Group, EmailAddress])


class _Kept(ModelAdmin):
    """Rows that come from sign-up and stay: an operator changes them, and each change is written down."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:
        super().save_model(request, obj, form, change)
        record_audit(
            actor=str(request.user),
            action=f"{obj._meta.model_name}.changed",
            target=str(obj),
            company=obj if isinstance(obj, Company) else None,
            detail={"changed": form.changed_data},
        )


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
    readonly_fields = ["user", "company", "created_at"]
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
    show_full_result_count = False


@admin.register(Company)
class CompanyAdmin(_Kept):
    """Companies. An inactive one can do nothing."""

    list_display = ["name", "slug", "kind", "member_count", "is_active", "created_at"]
    list_filter = ["is_active", "kind"]
    search_fields = ["name", "slug", "email"]
    ordering = ["-id"]
    fields = ["name", "slug", "kind", "email", "is_active", "created_at"]
    readonly_fields = ["kind", "created_at"]
    inlines = [_Memberships]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        found: QuerySet[Company] = super().get_queryset(request)
        return found.annotate(_members=Count("memberships"))

    @admin.display(description=_("members"), ordering="_members")
    def member_count(self, company: Company) -> int:
        """Counted by the list's own query."""
        return int(company._members)  # type: ignore[attr-defined]


@admin.register(Membership)
class MembershipAdmin(_Kept):
    """Who belongs where."""

    list_display = ["user", "company", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "company"]
    search_fields = ["user__email", "company__name"]
    ordering = ["-id"]
    readonly_fields = ["user", "company", "created_at"]
    show_full_result_count = False


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):
    """Who did what; nobody changes it."""

    list_display = ["at", "actor", "action", "target", "company"]
    list_filter = ["action"]
    list_select_related = ["company"]
    search_fields = ["actor", "target"]
    ordering = ["-id"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
