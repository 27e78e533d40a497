"""Entry to the event stream: a short-lived signed cookie, renewed with each page and fragment."""

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from config.base.realtime import TICKET_SECONDS

COOKIE = "events"
PATH = "/events/"
# Seconds. A page that shows nothing new for this long renews the cookie with the next fragment it fetches.
LIFETIME = TICKET_SECONDS
_SALT = "config.event_ticket"


def make_ticket(*, user_id: UUID, company_id: UUID, session: str = "") -> str:
    """Return a signed text that opens the stream of one company to one user for `LIFETIME` seconds.

    `session` is the `session_mark` of the browser that gets it; when that session is ended, so is the stream.
    """
    return signing.dumps([str(user_id), str(company_id), session], salt=_SALT)


def read_ticket(ticket: str) -> tuple[str, str, str] | None:
    """Return `(user id, company id, session mark)` of a ticket that is ours and not too old, else None."""
    try:
        user_id, company_id, session = signing.loads(ticket, salt=_SALT, max_age=LIFETIME)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(user_id), str(company_id), str(session)


def session_mark(session_key: str) -> str:
    """What a session may be called where its key must not be seen; "" for none."""
    return salted_hmac(_SALT, session_key).hexdigest()[:24] if session_key else ""


class EventTicketMiddleware:
    """Hand each signed-in visitor a fresh ticket; take it away from one who signed out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        company = getattr(request, "company", None) if SESSION_KEY in request.session else None
        if company and request.user.pk:
            response.set_cookie(
                COOKIE,
                make_ticket(
                    user_id=request.user.pk,
                    company_id=company.pk,
                    session=session_mark(request.session.session_key or ""),
                ),
                max_age=LIFETIME,
                path=PATH,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Strict",
            )
        elif COOKIE in request.COOKIES:
            response.delete_cookie(COOKIE, path=PATH)
        return response
