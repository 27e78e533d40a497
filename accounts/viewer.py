"""Who is looking: the user and the company in whose name a request acts."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Company, Membership, User
from config.base.refusal import Refusal

SESSION_KEY = "company"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person acting for a company; every read and write of tenant data takes one."""

    user: User
    company: Company
    role: str


class NoCompany(Refusal):
    """The person has no active company to act for."""

    code = "no_company"
    status = 403


def viewer_for(user: User | AnonymousUser, *, company_id: str | None = None) -> Viewer | None:
    """Return who acts: in the chosen company while the person belongs to it, else in the personal one.

    None for anonymous visitors, for people without an active company. One query.
    """
    if not isinstance(user, User) or not user.is_active:
        return None
    memberships = list(
        Membership.objects.filter(user=user, company__is_active=True).select_related("company").order_by("id")
    )
    if not memberships:
        return None
    chosen = next((row for row in memberships if str(row.company_id) == company_id), None)
    personal = next((row for row in memberships if row.company.kind == Company.Kind.PERSONAL), memberships[0])
    membership = chosen or personal
    return Viewer(user=user, company=membership.company, role=membership.role)


def viewer_of(request: HttpRequest) -> Viewer:
    """The viewer of a page or of an API request whose user is known. Raises `NoCompany`.

    Found once a request and for that user; DRF requests are unwrapped, so both share the finding.
    """
    plain: HttpRequest = getattr(request, "_request", request)
    found: Viewer | None = getattr(plain, "_viewer", None)
    if found is None or found.user != request.user:
        session = getattr(plain, "session", {})
        found = viewer_for(request.user, company_id=session.get(SESSION_KEY))
        if found is None:
            raise NoCompany(_("Your company is not active. Write to us if that surprises you."))
        plain._viewer = found  # type: ignore[attr-defined]
    return found
