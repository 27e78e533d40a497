"""Asking allauth's own API views, and putting what they answer into our words.

They know sign-in, its stages, limits and lock-outs; they answer `{status, data, meta, errors}` of their own, which
becomes flat JSON or a refusal here. The request's JSON body is what they read too.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.headless.account import views as allauth_views
from allauth.headless.account.inputs import SignupInput
from allauth.headless.constants import Client
from allauth.headless.internal.restkit import inputs
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts.forms import WholeSignup
from accounts.limits import seconds_left
from accounts.models import User
from accounts.refusals import InvalidCredentials, InvalidKey, TooManyAttempts
from accounts.tokens import drop_session


@dataclass(frozen=True)
class Answer:
    """What allauth said."""

    status: int
    meta: dict[str, Any] = field(default_factory=dict)
    flows: frozenset[str] = frozenset()
    """The steps that are still wanted, such as `verify_email`."""
    errors: tuple[dict[str, str], ...] = ()
    new_user: User | None = None


class RegisterInput(WholeSignup, SignupInput):
    """allauth's sign-up with a name; remembers whom it made, which the answer must not tell."""

    full_name = inputs.CharField(max_length=150, required=False)

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Return the new person and None, or None and the answer to give."""
        user, response = super().try_save(request)
        request._new_user = user  # type: ignore[attr-defined]
        return user, response


class RegisterView(allauth_views.SignupView):
    """allauth's sign-up with our input."""

    input_class = {"POST": RegisterInput}


def _door(view: Any) -> Callable[[HttpRequest], HttpResponse]:
    entry: Callable[[HttpRequest], HttpResponse] = view.as_api_view(client=Client.APP)
    return entry


REGISTER = _door(RegisterView)
LOGIN = _door(allauth_views.LoginView)
VERIFY_EMAIL = _door(allauth_views.VerifyEmailView)
REQUEST_RESET = _door(allauth_views.RequestPasswordResetView)
RESET = _door(allauth_views.ResetPasswordView)


def ask(door: Callable[[HttpRequest], HttpResponse], request: Request, *, limit: str = "", key: str = "") -> Answer:
    """Let allauth answer the request. Raises `TooManyAttempts` when its limit named `limit` is reached.

    A session that such a call began and that nobody can go on with is forgotten.
    """
    plain = request._request
    response = door(plain)
    if response.status_code == 429:
        raise _too_many(plain, limit, key)
    body = json.loads(response.content)
    meta = body.get("meta") or {}
    data = body.get("data") or {}
    if "session_token" in meta and "access_token" not in meta:
        drop_session(meta["session_token"])
    flows = data.get("flows", []) if isinstance(data, dict) else []
    return Answer(
        status=response.status_code,
        meta=meta,
        flows=frozenset(flow["id"] for flow in flows if flow.get("is_pending")),
        errors=tuple(body.get("errors", ())),
        new_user=getattr(plain, "_new_user", None),
    )


def refuse_errors(answer: Answer, request: Request, *, email: str = "") -> None:
    """Raise the refusal that allauth's errors stand for; nothing when there are none."""
    codes = {error["code"] for error in answer.errors}
    if not codes:
        return
    sentence = answer.errors[0]["message"]
    if "too_many_login_attempts" in codes:
        key = get_adapter()._get_login_attempts_cache_key(request._request, email=email)
        raise _too_many(request._request, "login_failed", key)
    if "email_password_mismatch" in codes:
        raise InvalidCredentials(sentence)
    if codes & {"invalid_or_expired_key", "invalid_password_reset", "email_taken"}:
        raise InvalidKey(sentence, field="key")
    fields: dict[str, list[ErrorDetail]] = {}
    for error in answer.errors:
        fields.setdefault(error.get("param", "detail"), []).append(ErrorDetail(error["message"], code=error["code"]))
    raise ValidationError(fields)


def _too_many(request: HttpRequest, limit: str, key: str) -> TooManyAttempts:
    return TooManyAttempts(
        _("Too many tries in a short time. Wait a little, then try again."),
        retry_after=max(1, seconds_left(request, limit, key=key)),
    )
