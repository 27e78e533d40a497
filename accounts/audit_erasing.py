"""Taking a person out of the audit: what was done, and when, stays; who it was does not."""

import json
import re
from uuid import UUID

from django.contrib.admin.models import LogEntry

from accounts.models import ApiKey, AuditEntry
from accounts.person_addresses import OwnAddress, speaks_of, written_by


def pseudonym_of(user_id: UUID) -> str:
    """What stands in the audit where the person's address stood."""
    return f"deleted-{user_id.hex}"


def forget_company(company_id: UUID) -> None:
    """Forget all but acts and times of a company that goes with its only person."""
    AuditEntry.objects.filter(company=company_id).update(target="", detail={}, address=None, agent="")
    LogEntry.objects.filter(object_id=str(company_id)).update(object_repr="", change_message="")


def forget_person(*, user_id: UUID, addresses: list[OwnAddress]) -> int:
    """Put a pseudonym in place of the person wherever the audit names one of the addresses; returns how many entries.

    From where the person acted, and by which device, is forgotten.
    """
    name = pseudonym_of(user_id)
    own = AuditEntry.objects.filter(written_by(addresses))
    own.filter(company=None).update(detail={})
    changed = own.update(actor=name, address=None, agent="")
    for one in addresses:
        pattern = _whole(one.email)
        for entry in AuditEntry.objects.filter(speaks_of(one)).iterator():
            entry.actor = pattern.sub(name, entry.actor)
            entry.target = pattern.sub(name, entry.target)[:254]
            entry.detail = json.loads(pattern.sub(name, json.dumps(entry.detail, ensure_ascii=False)))
            entry.save(update_fields=["actor", "target", "detail"])
            changed += 1
    _forget_keys(user_id)
    _forget_in_admin(user_id, addresses)
    return changed


def _forget_keys(user_id: UUID) -> None:
    """What the person called API keys; by how they begin they stay known to their company."""
    for key in ApiKey.objects.filter(user=user_id):
        named = AuditEntry.objects.filter(company=key.company_id, action__startswith="api_key.")
        named.filter(target__contains=key.prefix).update(target=f"{key.prefix}…")
        for entry in named.filter(detail__by_key__contains=key.prefix):
            entry.detail["by_key"] = f"{key.prefix}…"
            entry.save(update_fields=["detail"])


def _forget_in_admin(user_id: UUID, addresses: list[OwnAddress]) -> None:
    """Django's own log of what operators did in the admin."""
    LogEntry.objects.filter(object_id=str(user_id)).update(object_repr=pseudonym_of(user_id), change_message="")
    for one in addresses:
        named = LogEntry.objects.filter(object_repr__icontains=one.email)
        if one.until:
            named = named.filter(action_time__lte=one.until)
        for entry in named.iterator():
            entry.object_repr = _whole(one.email).sub(pseudonym_of(user_id), entry.object_repr)[:200]
            entry.change_message = ""
            entry.save(update_fields=["object_repr", "change_message"])


def _whole(email: str) -> re.Pattern[str]:
    """The address by itself, not the end of a longer one."""
    return re.compile(rf"(?<![\w.+%-]){re.escape(email)}(?![\w-]|\.\w)", re.IGNORECASE)
