"""What a signed-in page request knows: the company it acts for, and the person's language and clock."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject

from accounts.models import Company, Membership, User
from accounts.people import languages
from accounts.sessions import note_seen
from accounts.viewer import AccountEnding, NoCompany, places_of, reader_of
from config.base.refusal_pages import refuse


class SessionMiddleware:
    """Note that a signed-in browser was seen, now and then, for the list of sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The session of an operator who is signed in as somebody is none of that person's.
        is_own = getattr(request, "sign_in_as", None) is None
        if is_own and SESSION_KEY in request.session and isinstance(request.user, User):
            note_seen(request, user=request.user)
        return self.get_response(request)


class CompanyMiddleware:
    """Attach `request.company`, the company in whose name the request acts, or None, and `request.places`, all
    memberships of the person; both are found only when asked for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.company = SimpleLazyObject(lambda: _company(request))  # type: ignore[attr-defined]
        request.places = SimpleLazyObject(lambda: _places(request))  # type: ignore[attr-defined]
        user = request.user if SESSION_KEY in request.session else None
        if not isinstance(user, User):
            return self.get_response(request)
        with _as_at_home(user):
            return self.get_response(request)


class EndingMiddleware:
    """Shows nothing but the way back to who asked for the account to be deleted and has signed in since."""

    # What works all the same: going, keeping the account, and fetching what one had asked for.
    FREE = frozenset(["logout", "account_logout", "account-keep", "export-file", "dev-mail", "dev-mail-message"])

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Answer in the view's place, or leave it to the view."""
        user = request.user if SESSION_KEY in request.session else None
        if not isinstance(user, User) or user.delete_after is None:
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        return None if name in self.FREE else refuse(request, AccountEnding(user))


@contextmanager
def _as_at_home(user: User) -> Iterator[None]:
    """The person's own language and time zone."""
    with ExitStack() as stack:
        if user.language in dict(languages()):
            stack.enter_context(translation.override(user.language))
        try:
            stack.enter_context(timezone.override(ZoneInfo(user.time_zone)))
        except (ZoneInfoNotFoundError, ValueError):
            # A name that this machine's list of zones does not have (any more).
            stack.enter_context(timezone.override(None))
        yield


def _places(request: HttpRequest) -> list[Membership]:
    return places_of(request, request.user) if isinstance(request.user, User) else []


def _company(request: HttpRequest) -> Company | None:
    try:
        return reader_of(request).company
    except NoCompany:
        return None
