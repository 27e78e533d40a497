"""Every e-mail address that is or was a person's: what is written about people by address is found by these."""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from accounts.models import AuditEntry, User


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address in small letters, and until when it was the person's; None: it still is."""

    email: str
    until: datetime | None = None


def addresses_of(user: User) -> list[OwnAddress]:
    """The present addresses of a person, then former ones, as far back as the audit knows."""
    present = {user.email.lower(), *(one.lower() for one in _addresses(user).values_list("email", flat=True))} - {""}
    found = [OwnAddress(email) for email in sorted(present)]
    known = set(present)
    following = list(found)
    while following:
        for former in _before(following.pop()):
            if former.email not in known:
                known.add(former.email)
                found.append(former)
                following.append(former)
    return found


def written_by(addresses: list[OwnAddress]) -> Q:
    """Entries whose actor is one of the addresses, while it was the person's."""
    mine = Q(pk__in=[])
    for one in addresses:
        mine |= Q(actor__iexact=one.email) & while_theirs(one)
    return mine


def while_theirs(one: OwnAddress, moment: str = "at") -> Q:
    """Rows of the time in which the address was the person's: somebody else may have it now."""
    return Q(**{f"{moment}__lte": one.until}) if one.until else Q()


def _addresses(user: User) -> QuerySet[EmailAddress]:
    found: QuerySet[EmailAddress] = EmailAddress.objects.filter(user=user)
    return found


def _before(later: OwnAddress) -> list[OwnAddress]:
    """What an address took the place of."""
    changes = AuditEntry.objects.filter(while_theirs(later), action="email.changed", detail__to__iexact=later.email)
    return [OwnAddress(entry.detail["from"].lower(), entry.at) for entry in changes.order_by("-id")]
