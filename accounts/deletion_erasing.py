"""The day on which an account goes: one step after the other, each safe to do again, so that any of them may die.

What is theirs alone goes with its companies, then their files, then what the apps above know of them by name; last, in
one transaction, every way in, every address, every mention in the audit, and the row itself becomes a tombstone.
"""

import logging
from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from accounts import audit_erasing, avatars, company_endings, exports
from accounts.company_locks import Role, lock_company
from accounts.deletion_receipts import open_receipt, send_tell
from accounts.models import ApiKey, Company, DataExport, DeletionReceipt, Invitation, Membership, SignInAs, User
from accounts.person_addresses import OwnAddress, addresses_of, while_theirs
from accounts.services import record_audit
from config.base import realtime, registry
from config.base.crypto import encrypt

# How many accounts one turn of the clock works on, and how many steps of deleting one company it takes.
BATCH = 20
STEPS = 25

logger = logging.getLogger(__name__)


def delete_due_people() -> int:
    """What the clock does: delete accounts whose grace period is over; returns how many are gone now."""
    due = User.objects.filter(delete_after__lte=timezone.now(), deleted_at=None)
    ids = list(due.order_by("delete_after").values_list("pk", flat=True)[:BATCH])
    return sum(erase_person(user_id=user_id) for user_id in ids)


def erase_person(*, user_id: UUID) -> bool:
    """Go on with deleting an account whose time is over; True once it is gone. Doing it again changes nothing."""
    user = User.objects.filter(pk=user_id, delete_after__lte=timezone.now(), deleted_at=None).first()
    if user is None:
        return False
    own = _own_companies(user)
    if not all(all(registry.company_closing(company_id)) for company_id in own):
        return False
    _begin(user, own)
    for company_id in own:
        audit_erasing.forget_company(company_id)
        if not _erase_company(company_id):
            return False
    _remove_files(user)
    addresses = addresses_of(user)
    person = registry.ErasedPerson(id=user.pk, addresses=frozenset(one.email for one in addresses))
    if not all(registry.person_deleted(person)):
        return False
    # Sessions that ended by themselves may hold an address: those begun before the grace period have all ended by now.
    SessionStore.clear_expired()
    return _bury(user, addresses)


def _own_companies(user: User) -> list[UUID]:
    """Companies that have nobody else: the personal one, and a team that only this person is left in."""
    mine = Membership.objects.filter(user=user).values("company")
    alone = Company.objects.filter(pk__in=mine, deleted_at=None).annotate(people=Count("memberships")).filter(people=1)
    return list(alone.order_by("pk").values_list("pk", flat=True))


def _begin(user: User, own: list[UUID]) -> None:
    """Write down how much there is, once; from here on nobody acts for the person's companies: it cannot be undone."""
    with transaction.atomic():
        for company_id in own:
            lock_company(company_id)
        receipt = open_receipt(user=user, now=timezone.now())
        counts = _counts(user, own)
        DeletionReceipt.objects.filter(pk=receipt.pk, begun_at=None).update(counts=counts, begun_at=timezone.now())
        Company.objects.filter(pk__in=own, deleted_at=None).update(
            is_active=False, delete_after=Least(Coalesce("delete_after", user.delete_after), user.delete_after)
        )


def _counts(user: User, own: list[UUID]) -> dict[str, int]:
    counts = {"companies": len(own)}
    for company_id in own:
        for found in registry.company_counted(company_id):
            for name, count in found.items():
                counts[name] = counts.get(name, 0) + count
    factors = Authenticator.objects.filter(user=user).count() + SocialAccount.objects.filter(user=user).count()
    return counts | {
        "memberships": Membership.objects.filter(user=user).exclude(company__in=own).count(),
        "addresses": EmailAddress.objects.filter(user=user).count(),
        "sign_ins": factors + user.has_usable_password(),
        "keys": ApiKey.objects.filter(user=user).count(),
        "exports": DataExport.objects.filter(user=user).exclude(key="").count(),
    }


def _erase_company(company_id: UUID) -> bool:
    for _step in range(STEPS):
        if company_endings.erase_company(company_id=company_id):
            return True
    # The clock's other hand may have been faster.
    return Company.objects.filter(pk=company_id, deleted_at__isnull=False).exists()


def _remove_files(user: User) -> None:
    avatars.remove_avatar(user=user)
    # A worker that makes one at this moment finds it to be nobody's, and takes its file away.
    DataExport.objects.filter(user=user).delete()
    for folder in (avatars.FOLDER, exports.FOLDER):
        _remove_folder(f"{folder}/{user.pk}")


def _remove_folder(place: str) -> None:
    if hasattr(default_storage, "remove_folder"):
        default_storage.remove_folder(place)
        return
    try:
        folders, names = default_storage.listdir(place)
    except FileNotFoundError:
        return
    for name in names:
        default_storage.delete(f"{place}/{name}")
    for folder in folders:
        _remove_folder(f"{place}/{folder}")
    default_storage.delete(place)


def _bury(user: User, addresses: list[OwnAddress]) -> bool:
    """All that is left, in one transaction; its last statement is the mail's message."""
    with transaction.atomic():
        now = timezone.now()
        _leave_companies(user)
        due = User.objects.filter(pk=user.pk, delete_after__lte=now, deleted_at=None)
        if not due.select_for_update().exists():
            return False
        _close_doors(user, now)
        _forget_addresses(user, addresses)
        audit_erasing.forget_person(user_id=user.pk, addresses=addresses)
        due.update(**_tombstone(user, now))
        receipt = DeletionReceipt.objects.get(user=user)
        DeletionReceipt.objects.filter(pk=receipt.pk).update(
            user=None, finished_at=now, mail_to=encrypt(user.email), language=user.language
        )
        record_audit(
            actor="darkroom", action="account.deleted", target=receipt.reference, detail={"counts": receipt.counts}
        )
        transaction.on_commit(lambda: send_tell(receipt.pk), robust=True)
    logger.info("account %s was deleted, receipt %s", user.pk, receipt.reference)
    return True


def _leave_companies(user: User) -> None:
    """What was made there stays with them, nameless. A company that would have no owner gets its oldest hand."""
    for company_id in sorted(Membership.objects.filter(user=user).values_list("company_id", flat=True)):
        company = lock_company(company_id)
        Membership.objects.filter(company=company, user=user).delete()
        others = Membership.objects.filter(company=company)
        if company.is_team and not others.filter(role=Role.OWNER).exists():
            heir = others.filter(role=Role.ADMIN).order_by("id").first() or others.order_by("id").first()
            if heir is not None:
                others.filter(pk=heir.pk).update(role=Role.OWNER)
                record_audit(actor="darkroom", action="company.inherited", target=str(heir.user_id), company=company)
        realtime.revoke(company_id=company_id, user_id=user.pk)


def _close_doors(user: User, now: datetime) -> None:
    for session in UserSession.objects.filter(user=user):
        session.end()
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    # Jobs of companies that stay were made by them, so the rows do too.
    ApiKey.objects.filter(user=user).update(name="", digest="", revoked_at=Coalesce("revoked_at", now))
    SignInAs.objects.filter(person=user).update(reason="")
    user.groups.clear()
    user.user_permissions.clear()


def _forget_addresses(user: User, addresses: list[OwnAddress]) -> None:
    EmailAddress.objects.filter(user=user).delete()
    Invitation.objects.filter(accepted_by=user).delete()
    for one in addresses:
        Invitation.objects.filter(while_theirs(one, "created_at"), email__iexact=one.email).delete()
        if one.until is None:
            Company.objects.filter(email__iexact=one.email).update(email="")


def _tombstone(user: User, now: datetime) -> dict[str, object]:
    return {
        "email": "",
        "username": f"deleted-{user.pk.hex}",
        "full_name": "",
        "avatar_key": "",
        "language": "en",
        "time_zone": "UTC",
        "password": make_password(None),
        "last_login": None,
        "is_active": False,
        "is_staff": False,
        "is_superuser": False,
        "deleted_at": now,
    }
