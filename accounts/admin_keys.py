"""The operator's view of API keys: looked at and revoked, never made or changed."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.audited_admin import AuditedAdmin
from accounts.keys import revoke_as_operator
from accounts.models import ApiKey, User


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    """Keys by their prefix; nobody can read a secret."""

    list_display = ["name", "prefix", "user", "company", "scopes", "last_used_at", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user", "company"]
    search_fields = ["prefix", "name", "user__email", "company__name"]
    ordering = ["-id"]
    fields = [
        "name",
        "prefix",
        "user",
        "company",
        "scopes",
        "credit_cap",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ]
    readonly_fields = fields
    actions = ["revoke"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who may look at keys as an operator may end them."""
        return bool(request.user.has_perm("accounts.change_apikey"))

    @admin.action(description=gettext_lazy("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End the chosen keys; each is written down."""
        operator = cast("User", request.user)
        ended = sum(
            revoke_as_operator(operator=operator, key=key, request=request)
            for key in queryset.select_related("company").order_by("pk")
        )
        self.message_user(request, _("%(count)d keys were revoked.") % {"count": ended}, messages.SUCCESS)
