"""What the pages about money share."""

from typing import cast

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.audited_admin import AuditedAdmin
from accounts.models import User


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

    def show_act(
        self, request: HttpRequest, *, title: str, text: str, back: str, form: forms.Form | None = None
    ) -> HttpResponse:
        """The page that asks before something is done: what it is about, its form, and the way back."""
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "text": text,
            "back": back,
            "form": form,
            "opts": self.opts,
        }
        return render(request, "admin/billing/act.html", context)


def operator_of(request: HttpRequest) -> User:
    """Who acts; the admin lets nobody else in."""
    return cast("User", request.user)
