"""A program shows anew that it acts for the person: by the password, by a second factor, else by a fresh sign-in."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.headless.tokens.strategies.jwt import internal
from allauth.mfa.models import Authenticator
from django.utils.translation import gettext as _
from rest_framework.request import Request

from accounts.limits import count
from accounts.models import User
from accounts.privacy_refusals import ProofWanted
from accounts.security_forms import CodeAgainForm


def prove(request: Request, *, user: User, password: str, code: str) -> None:
    """Return when it is the person who asks. Raises `ProofWanted`, `TooManyAttempts`.

    Whatever the person has is asked for: the password, and beside it the code of a second factor. Who has neither
    signed in elsewhere, and must have done that within the last few minutes.
    """
    count(request._request, "reauthenticate", sentence=_("Too many tries. Wait a minute."))
    has_password = user.has_usable_password()
    has_factor = Authenticator.objects.filter(user=user).exists()
    if has_password and not user.check_password(password):
        raise ProofWanted(_("This is not your password."), field="password", code="wrong_password")
    if has_factor and not CodeAgainForm(data={"code": code}, user=user).is_valid():
        raise ProofWanted(
            _("Send the code of your authenticator app, or a recovery code."), field="code", code="invalid_code"
        )
    if not has_password and not has_factor and not _signed_in_just_now(request):
        raise ProofWanted(_("Sign in again, then ask within five minutes."), code="sign_in_again")


def _signed_in_just_now(request: Request) -> bool:
    claims = request.auth if isinstance(request.auth, dict) else {}
    session: Any = internal.get_token_session(claims) if "sid" in claims else request._request.session
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY, []) if session is not None else []
    newest = max((record.get("at", 0) for record in records), default=0)
    return bool(time.time() - newest < app_settings.REAUTHENTICATION_TIMEOUT)
