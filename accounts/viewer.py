"""Who is looking: the user and the company in whose name a request acts."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Company, Membership, User
from accounts.seats import SeatFrozen, has_seat, with_place
from config.base.refusal import Refusal

SESSION_KEY = "company"
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
ALL_SCOPES = frozenset(ApiKey.Scope.values)
_ADMINS = (Membership.Role.OWNER, Membership.Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person acting for a company; every read and write of tenant data takes one.

    `api_key` is the key by which a program acts, whose `scopes` are fewer; sessions and JWT have all.
    """

    user: User
    company: Company
    role: str
    api_key: ApiKey | None = None
    scopes: frozenset[str] = ALL_SCOPES
    # False for whoever a downgrade left without a seat: such a person only looks (`accounts.seats`).
    has_seat: bool = True

    def can(self, scope: str) -> bool:
        """Whether this way of signing in allows `read`, `generate` or `manage`."""
        return scope in self.scopes

    @property
    def is_admin(self) -> bool:
        """Whether the person may run the company: an owner or an admin of it."""
        return self.role in _ADMINS

    @property
    def is_owner(self) -> bool:
        """Whether the company is the person's own, alone or with others."""
        return self.role == Membership.Role.OWNER


class NoCompany(Refusal):
    """The person has no active company to act for."""

    code = "no_company"
    status = 403


class CompanyInactive(NoCompany):
    """The company that the person chose to act for is switched off."""

    code = "company_inactive"
    template = "accounts/company_inactive.html"

    def __init__(self, membership: Membership) -> None:
        super().__init__(
            _("%(company)s is not active: nothing can be done there, and nothing is lost.")
            % {"company": membership.company.name}
        )
        self.membership = membership


class AccountEnding(NoCompany):
    """The person asked for the account to be deleted, and may do nothing but keep it."""

    code = "account_ending"
    template = "accounts/ending.html"

    def __init__(self, user: User) -> None:
        day = date_format(user.delete_after, "DATE_FORMAT") if user.delete_after else ""
        super().__init__(
            _("Your account is to be deleted on %(day)s. Sign in on the website to keep it.") % {"day": day}
        )
        self.at = user.delete_after


def memberships_of(user: User) -> list[Membership]:
    """All places of a person, also in companies that are switched off, the oldest first. One query."""
    return list(with_place(Membership.objects.filter(user=user).select_related("company").order_by("id")))


def viewer_for(user: User | AnonymousUser, *, company_id: str | None = None) -> Viewer | None:
    """Return who acts: in the chosen company while the person belongs to it, else in the personal one.

    None for anonymous visitors, for people without an active company. One query. Raises `CompanyInactive` when the
    chosen company is switched off, `AccountEnding` when the account is to be deleted.
    """
    if not isinstance(user, User) or not user.is_active:
        return None
    return _choose(user, memberships_of(user), company_id)


def _choose(user: User, memberships: Sequence[Membership], company_id: str | None) -> Viewer | None:
    if user.delete_after is not None:
        raise AccountEnding(user)
    chosen = next((row for row in memberships if str(row.company_id) == company_id), None)
    if chosen is not None and not chosen.company.is_active:
        raise CompanyInactive(chosen)
    active = [row for row in memberships if row.company.is_active]
    if not active:
        return None
    personal = next((row for row in active if row.company.kind == Company.Kind.PERSONAL), active[0])
    membership = chosen or personal
    company, role, ahead = membership.company, membership.role, membership.ahead  # type: ignore[attr-defined]
    return Viewer(user=user, company=company, role=role, has_seat=has_seat(company=company, role=role, ahead=ahead))


def viewer_of(request: HttpRequest) -> Viewer:
    """The viewer of a page or of an API request whose user is known, who may act.

    Raises `NoCompany`, and `SeatFrozen` where a request that changes something comes from somebody without a seat.
    """
    found = reader_of(request)
    if not found.has_seat and request.method not in SAFE:
        raise SeatFrozen(found.company)
    return found


def reader_of(request: HttpRequest) -> Viewer:
    """The viewer, whoever it is: for what people do about themselves, and to leave. Raises `NoCompany`.

    Found once a request and for that user; DRF requests are unwrapped, so both share the finding.
    """
    plain: HttpRequest = getattr(request, "_request", request)
    found: Viewer | None = getattr(plain, "_viewer", None)
    if found is None or found.user != request.user:
        session = getattr(plain, "session", {})
        user = request.user
        if isinstance(user, User) and user.is_active:
            found = _choose(user, places_of(plain, user), session.get(SESSION_KEY))
        else:
            found = None
        if found is None:
            raise NoCompany(_("Your company is not active. Write to us if that surprises you."))
        plain._viewer = found  # type: ignore[attr-defined]
    return found


def rate_factor(request: HttpRequest) -> int:
    """How many times the usual limits the plan of the request's company gives; 1 for who acts for none."""
    try:
        return int(reader_of(request).company.entitlements.get("rate", 1))
    except NoCompany:
        return 1


def places_of(request: HttpRequest, user: User) -> list[Membership]:
    """`memberships_of` the person, read once a request: the viewer comes from it, and the menu of companies."""
    found: tuple[UUID, list[Membership]] | None = getattr(request, "_places", None)
    if found is None or found[0] != user.pk:
        found = (user.pk, memberships_of(user))
        request._places = found  # type: ignore[attr-defined]
    return found[1]


def forget_viewer(request: HttpRequest) -> None:
    """Have the viewer found again: what the person belongs to, or acts for, has just changed."""
    plain: HttpRequest = getattr(request, "_request", request)
    for name in ("_viewer", "_places"):
        if hasattr(plain, name):
            delattr(plain, name)
