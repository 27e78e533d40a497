"""The operator's view of copies and deletions: looked at, never made or changed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import DataExport, DeletionReceipt


class _Seen(ModelAdmin):
    """Rows that nobody writes by hand."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(DeletionReceipt)
class DeletionReceiptAdmin(_Seen):
    """Proof of what was deleted, found by the reference that its person has."""

    list_display = ["reference", "requested_at", "begun_at", "finished_at", "told_at"]
    list_filter = [("finished_at", admin.EmptyFieldListFilter)]
    search_fields = ["reference"]
    ordering = ["-id"]
    fields = ["reference", "user", "requested_at", "begun_at", "finished_at", "told_at", "counts"]
    readonly_fields = fields


@admin.register(DataExport)
class DataExportAdmin(_Seen):
    """How far copies are; nobody but their person can fetch one."""

    list_display = ["user", "state", "requested_at", "attempts", "finished_at", "told_at", "expires_at", "bytes"]
    list_filter = ["state"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["-id"]
    fields = [*list_display, "files", "lease_until"]
    readonly_fields = fields
