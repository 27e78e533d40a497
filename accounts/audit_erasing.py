"""Taking a person out of the audit: what was done, and when, stays; who it was does not.

The audit's trigger lets words be emptied or replaced by `DELETED`, and nothing else.
"""

import re
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db.models import Q

from accounts.models import ApiKey, AuditEntry
from accounts.person_addresses import OwnAddress, while_theirs, written_by

DELETED = "deleted"


def forget_company(company_id: UUID) -> None:
    """What Django's own log of the admin says of a company that goes with its only person."""
    LogEntry.objects.filter(object_id=str(company_id)).update(object_repr=DELETED, change_message="")


def forget_person(*, user_id: UUID, addresses: list[OwnAddress]) -> None:
    """Have the audit, and Django's own log of the admin, name the person by no address, place, device or key any more.

    In companies that stay an entry keeps what it says of others.
    """
    acts = AuditEntry.objects.all()
    acted, about = written_by(addresses), Q(person=user_id)
    acts.filter(acted | about, company=None).update(detail={})
    # Before the actor's address is gone, by which they are found.
    acts.filter(acted).update(address=None, agent="")
    acts.filter(about).update(address=None, agent="", person=None)
    for one in addresses:
        theirs = acts.filter(while_theirs(one))
        pattern = _whole(one.email)
        for field in ("actor", "operator", "target"):
            theirs.filter(**{f"{field}__iregex": pattern}).update(**{field: DELETED})
        theirs.filter(detail__iregex=pattern).update(detail={})
        LogEntry.objects.filter(while_theirs(one, "action_time"), object_repr__iregex=pattern).update(
            object_repr=DELETED, change_message=""
        )
    LogEntry.objects.filter(object_id=str(user_id)).update(object_repr=DELETED, change_message="")
    for key in ApiKey.objects.filter(user=user_id):
        named = acts.filter(company=key.company_id, action__startswith="api_key.")
        named.filter(target__contains=key.prefix).update(target=DELETED)
        named.filter(detail__by_key__contains=key.prefix).update(detail={})


def _whole(email: str) -> str:
    """The address by itself, not the end or the beginning of a longer one."""
    return rf"(?<![\w.+%-]){re.escape(email)}(?![\w-]|\.\w)"
