"""Requests of an operator who is signed in as somebody are that person's, within narrow rules."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import impersonation
from accounts.impersonation_rules import LOGOUT, is_refused
from accounts.models import User
from config.base import logs
from config.base.refusal import Refusal
from config.base.refusal_pages import refuse


class NotMeanwhile(Refusal):
    """Not while an operator is signed in as the person."""

    code = "not_while_signed_in_as"
    status = 403


class SignInAsMiddleware:
    """Sets `request.sign_in_as`, the row, or None; with one, `request.user` is the person. After authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.sign_in_as = None  # type: ignore[attr-defined]
        row_id = request.session.get(impersonation.STATE)
        if row_id is None:
            return self.get_response(request)
        operator = request.user
        row = impersonation.standing(row_id=row_id, operator=operator) if isinstance(operator, User) else None
        if row is None:
            impersonation.leave(request)
            return self.get_response(request)
        _become(request, row.person)
        request.sign_in_as = row  # type: ignore[attr-defined]
        logs.bind(operator=row.operator.pk)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: Any, kwargs: Any) -> HttpResponse | None:
        """Refuse what may not be done in somebody's name. Signing out is the way back to oneself."""
        row = request.sign_in_as  # type: ignore[attr-defined]
        if row is None:
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if name in LOGOUT and request.method == "POST":
            impersonation.end(row=row, request=request)
            return redirect("admin:accounts_user_change", row.person_id)
        if not is_refused(request):
            return None
        sentence = _("You are signed in as %(person)s. This is theirs alone to see or do; end that first.")
        return refuse(request, NotMeanwhile(sentence % {"person": row.person.email}))


def _become(request: HttpRequest, person: User) -> None:
    async def later() -> User:
        return person

    request.user = person
    request.auser = later
    # What logs and authentication remember of the request.
    request._cached_user = person  # type: ignore[attr-defined]
