"""The base of every page of the admin: what an operator adds, changes or deletes there is in the audit."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import Company, User
from accounts.services import record_audit


class AuditedAdmin(ModelAdmin):
    """Writes an audit entry beside Django's own log, which knows neither address nor company.

    `notes_itself` is for pages whose additions and changes have better words of their own; deletions are noted anyway.
    """

    notes_itself = False

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        entry: LogEntry = super().log_addition(request, obj, message)
        self._note(request, obj, "admin.added")
        return entry

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        entry: LogEntry = super().log_change(request, obj, message)
        if message:
            self._note(request, obj, "admin.changed", fields=_fields(message))
        return entry

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> Any:
        # Read before they are gone; each by its own name.
        found = list(queryset)
        entries = super().log_deletions(request, queryset)
        for obj in found:
            self._note(request, obj, "admin.deleted")
        return entries

    def _note(self, request: HttpRequest, obj: Model, action: str, **detail: Any) -> None:
        if self.notes_itself and action != "admin.deleted":
            return
        company = obj if isinstance(obj, Company) else getattr(obj, "company", None)
        record_audit(
            actor=str(request.user),
            action=action,
            target=str(obj),
            company=company if isinstance(company, Company) else None,
            person=obj if isinstance(obj, User) else None,
            detail={"model": str(obj._meta.verbose_name), **detail},
            request=request,
        )


def _fields(message: Any) -> list[str]:
    """The labels of what was changed, in the form and in the rows below it, from Django's own message."""
    parts = message if isinstance(message, list) else []
    told = [change for part in parts if isinstance(part, dict) for change in part.values()]
    return [str(label) for change in told for label in change.get("fields", [change.get("object", "")])]
