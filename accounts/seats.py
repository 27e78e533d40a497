"""Who has a seat. After a downgrade a company may have more people than its plan has seats for.

Nobody is put out: whoever joined last looks on, and makes, spends and changes nothing until there is a seat again.
Owners always have one. It is counted with every request, so it ends at once when the plan grows or somebody goes.
"""

from functools import cache

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import Company, Membership
from config.base.refusal import Allowance, Refusal


class SeatFrozen(Refusal):
    """The company has more people than seats, and this person joined too late for one."""

    code = "seat_frozen"
    status = 403

    def __init__(self, company: Company) -> None:
        used, limit = Membership.objects.filter(company=company).count(), seats_of(company) or 0
        super().__init__(
            _(
                "%(company)s has %(used)d members and its plan has seats for %(limit)d, so you can look at everything "
                "and change nothing. Ask its owner for a larger plan or for a free seat."
            )
            % {"company": company.name, "used": used, "limit": limit},
            allowance=Allowance(used=used, limit=limit),
        )


def seats_of(company: Company) -> int | None:
    """How many people the plan has room for; None: as many as wanted."""
    seats: int | None = company.entitlements.get("seats", 1)
    return seats


def with_place(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    """Annotate `ahead`: how many of the company's people have a seat before this one."""
    return memberships.annotate(ahead=_ahead())


@cache
def _ahead() -> Coalesce:
    """Put together once: it is a part of every request."""
    others = Membership.objects.filter(company=OuterRef("company")).exclude(pk=OuterRef("pk"))
    ahead = others.filter(Q(role=Membership.Role.OWNER) | Q(pk__lt=OuterRef("pk")))
    counted = ahead.order_by().values("company").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def has_seat(*, company: Company, role: str, ahead: int) -> bool:
    """Whether somebody with so many people before them has a seat."""
    seats = seats_of(company)
    return role == Membership.Role.OWNER or seats is None or ahead < seats
