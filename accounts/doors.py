"""Asking allauth's own API views, and putting what they answer into our words.

They know sign-in, its stages, limits and lock-outs; they answer `{status, data, meta, errors}` of their own, which
becomes flat JSON or a refusal here. The request's JSON body is what they read too.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.account import views as allauth_views
from allauth.headless.account.inputs import SignupInput
from allauth.headless.constants import Client
from allauth.headless.internal.restkit import inputs
from allauth.headless.mfa import views as mfa_views
from allauth.headless.mfa.inputs import AuthenticateInput
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts.forms import WholeSignup
from accounts.limits import seconds_left
from accounts.models import User
from accounts.refusals import InvalidCode, InvalidCredentials, InvalidKey, SignInOver, TooManyAttempts
from accounts.second_factor import Waiting
from accounts.security_forms import Once
from accounts.tokens import drop_session

# The step of a sign-in that asks for a second factor.
MFA = "mfa_authenticate"


@dataclass(frozen=True)
class Answer:
    """What allauth said."""

    status: int
    meta: dict[str, Any] = field(default_factory=dict)
    flows: frozenset[str] = frozenset()
    """The steps that are still wanted, such as `verify_email`."""
    factors: tuple[str, ...] = ()
    """What a second factor may be: `totp`, `recovery_codes`, `webauthn`."""
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


class SecondFactorInput(Once, AuthenticateInput):
    """A code that works once, at whichever door."""


class SecondFactorView(mfa_views.AuthenticateView):
    """allauth's second step with our input."""

    input_class = SecondFactorInput


def _door(view: Any) -> Callable[[HttpRequest], HttpResponse]:
    entry: Callable[[HttpRequest], HttpResponse] = view.as_api_view(client=Client.APP)
    return entry


REGISTER = _door(RegisterView)
LOGIN = _door(allauth_views.LoginView)
VERIFY_EMAIL = _door(allauth_views.VerifyEmailView)
REQUEST_RESET = _door(allauth_views.RequestPasswordResetView)
RESET = _door(allauth_views.ResetPasswordView)
SECOND_FACTOR = _door(SecondFactorView)


def ask(door: Callable[[HttpRequest], HttpResponse], request: Request, *, limit: str = "", key: str = "") -> Answer:
    """Let allauth answer the request. Raises `TooManyAttempts` when its limit named `limit` is reached.

    A session that such a call began and that nobody can go on with is forgotten; one that waits for a second factor is
    told as `meta["session_token"]`, which is for `accounts.second_factor` alone.
    """
    plain = request._request
    response = door(plain)
    if response.status_code == 429:
        raise _too_many(plain, limit, key)
    body = json.loads(response.content)
    meta = body.get("meta") or {}
    data = body.get("data") or {}
    flows = data.get("flows", []) if isinstance(data, dict) else []
    pending = {flow["id"]: flow for flow in flows if flow.get("is_pending")}
    if "session_token" in meta and "access_token" not in meta and MFA not in pending:
        drop_session(meta["session_token"])
    return Answer(
        status=response.status_code,
        meta=meta,
        flows=frozenset(pending),
        factors=tuple(pending.get(MFA, {}).get("types", ())),
        errors=tuple(body.get("errors", ())),
        new_user=getattr(plain, "_new_user", None),
    )


def ask_for_second_factor(request: Request, waiting: Waiting) -> Answer:
    """Let allauth check the code in the request for a sign-in that waits.

    Raises `SignInOver`, `InvalidCode`, `TooManyAttempts`; the sign-in goes on waiting after the last two.
    """
    over = _("This sign-in took too long or was finished. Begin again with your password.")
    request._request._waiting_session = waiting.session_key  # type: ignore[attr-defined]
    try:
        answer = ask(SECOND_FACTOR, request, limit="login_failed", key=waiting.limit_key)
    except ImmediateHttpResponse as error:
        # The session is gone.
        raise SignInOver(over) from error
    refuse_errors(answer, request, limit_key=waiting.limit_key)
    if "access_token" not in answer.meta:
        raise SignInOver(over)
    return answer


def refuse_errors(answer: Answer, request: Request, *, email: str = "", limit_key: str = "") -> None:
    """Raise the refusal that allauth's errors stand for; nothing when there are none.

    `limit_key` is what failures were counted by, when that is not the e-mail address.
    """
    codes = {error["code"] for error in answer.errors}
    if not codes:
        return
    sentence = answer.errors[0]["message"]
    if "too_many_login_attempts" in codes:
        key = limit_key or get_adapter()._get_login_attempts_cache_key(request._request, email=email)
        raise _too_many(request._request, "login_failed", key)
    if "email_password_mismatch" in codes:
        raise InvalidCredentials(sentence)
    if "incorrect_code" in codes:
        raise InvalidCode(_("This code is wrong, was used, or is too old. Try the next one."), field="code")
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
