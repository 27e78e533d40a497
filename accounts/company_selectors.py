"""Reads for the company's pages and API."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, IntegerField, QuerySet, When

from accounts.company_locks import Role
from accounts.invitations import open_invitations
from accounts.models import Company, Invitation, Membership
from accounts.seats import has_seat, seats_of, with_place
from accounts.viewer import Viewer
from config.base import registry
from config.base.registry import MemberUsage

NOTHING = MemberUsage(day=0, month=0)


@dataclass(frozen=True, slots=True)
class Member:
    """One row of the list of members. `usage` is None where it is not shown; whoever has no seat only looks."""

    place: Membership
    usage: MemberUsage | None
    is_self: bool
    may_change: bool
    has_seat: bool

    @property
    def used(self) -> int:
        """Credits used in the period of the member's cap."""
        usage = self.usage or NOTHING
        return usage.day if self.place.cap_period == Membership.Period.DAY else usage.month


@dataclass(frozen=True, slots=True)
class Seats:
    """`used` are members and open invitations; `limit` is None on plans without one."""

    used: int
    limit: int | None

    @property
    def is_full(self) -> bool:
        """Whether nobody can be invited."""
        return self.limit is not None and self.used >= self.limit


def memberships_in(company: Company) -> QuerySet[Membership]:
    """Who belongs to a company: owners first, then admins, then members, the longest here first."""
    rank = Case(When(role=Role.OWNER, then=0), When(role=Role.ADMIN, then=1), default=2, output_field=IntegerField())
    return with_place(Membership.objects.filter(company=company).select_related("user").order_by(rank, "id"))


def members_for(viewer: Viewer, places: Sequence[Membership]) -> list[Member]:
    """Rows as the viewer may see them: usage of all for those who run the company, of oneself for others."""
    usage = usage_in(viewer.company.pk)
    return [
        Member(
            place=place,
            usage=usage.get(place.user_id, NOTHING) if viewer.is_admin or place.user_id == viewer.user.pk else None,
            is_self=place.user_id == viewer.user.pk,
            may_change=viewer.is_admin and (viewer.is_owner or place.role != Role.OWNER),
            has_seat=has_seat(company=viewer.company, role=place.role, ahead=place.ahead),  # type: ignore[attr-defined]
        )
        for place in places
    ]


def usage_in(company_id: UUID) -> dict[UUID, MemberUsage]:
    """What the members of a company have used, by user id."""
    return {user_id: used for found in registry.member_usage(company_id) for user_id, used in found.items()}


def invitations_for(viewer: Viewer) -> list[Invitation]:
    """Open invitations, for those who run the company."""
    return open_invitations(viewer.company) if viewer.is_admin else []


def seats_in(company: Company, *, members: int, invitations: int) -> Seats:
    """How many seats are taken, of how many."""
    return Seats(used=members + invitations, limit=seats_of(company))
