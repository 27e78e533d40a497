"""How a company ends, for a while or for good: switched off, suspended, asked to be deleted, deleted by the clock.

A company that is switched off can do nothing: nobody acts for it, no job of it is let go; what runs goes on to its end
and is settled. Everything is kept until a deletion's grace period is over.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import branding
from accounts.account_mail import tell_of_deletion
from accounts.company_locks import Role, lock_company, lock_for, refuse_personal
from accounts.company_refusals import NotAllowed, StateUnchanged, Suspended
from accounts.models import ApiKey, AuditEntry, Company, Invitation, Membership, User
from accounts.services import record_audit
from accounts.viewer import Viewer
from config.base import realtime, registry

GRACE = timedelta(days=30)
# How many companies one turn of the clock works on.
BATCH = 20

logger = logging.getLogger(__name__)


def deactivate_company(*, viewer: Viewer, request: HttpRequest | None = None) -> None:
    """Switch the viewer's company off; its owner may switch it on again.

    Raises `NotAllowed`, `PersonalCompany`, `CompanyInactive`.
    """
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.OWNER)
        refuse_personal(mine.company)
        Company.objects.filter(pk=mine.company_id, is_active=True).update(is_active=False)
        realtime.revoke(company_id=mine.company_id)
        _note(mine.company, viewer.user, "company.deactivated", request)


def reactivate_company(*, user: User, company: Company, request: HttpRequest | None = None) -> None:
    """Switch a company on that its owner had switched off.

    Raises `NotAllowed` for others than owners, `Suspended` when an operator switched it off, `StateUnchanged`.
    """
    with transaction.atomic():
        now_is = lock_company(company.pk)
        if not Membership.objects.filter(company=now_is, user=user, role=Role.OWNER).exists():
            raise NotAllowed(_("Only owners of the company may do this."))
        if now_is.suspended_reason:
            raise Suspended(
                _("An operator suspended this company: %(reason)s Write to us to have it looked at again.")
                % {"reason": now_is.suspended_reason}
            )
        alive = Q(delete_after=None) | Q(delete_after__gt=timezone.now())
        if not Company.objects.filter(alive, pk=company.pk, is_active=False, deleted_at=None).update(is_active=True):
            raise StateUnchanged(_("The company is active already, or its time is over."))
        realtime.readmit(company_id=company.pk)
        _note(now_is, user, "company.reactivated", request)


def suspend_company(*, company: Company, operator: User, reason: str, request: HttpRequest | None = None) -> bool:
    """Switch a company off for a reason, by an operator. False when it was suspended for that reason before."""
    with transaction.atomic():
        now_is = lock_company(company.pk)
        wanted = {"is_active": False, "suspended_reason": reason[:300]}
        if not Company.objects.filter(pk=company.pk, deleted_at=None).exclude(**wanted).update(**wanted):
            return False
        realtime.revoke(company_id=company.pk)
        _note(now_is, operator, "company.suspended", request, reason=reason)
    return True


def unsuspend_company(*, company: Company, operator: User, request: HttpRequest | None = None) -> bool:
    """Switch a suspended company on, by an operator. False when it was not suspended."""
    with transaction.atomic():
        now_is = lock_company(company.pk)
        suspended = Company.objects.filter(pk=company.pk, deleted_at=None).exclude(suspended_reason="")
        if not suspended.update(is_active=True, suspended_reason=""):
            return False
        realtime.readmit(company_id=company.pk)
        _note(now_is, operator, "company.unsuspended", request)
    return True


def request_deletion(*, viewer: Viewer, request: HttpRequest | None = None) -> datetime:
    """Have the viewer's company deleted after `GRACE`; returns when. Until then everything goes on.

    The caller has made sure that it is really the owner who asks. Raises `NotAllowed`, `PersonalCompany`,
    `StateUnchanged`.
    """
    at = timezone.now() + GRACE
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.OWNER)
        refuse_personal(mine.company)
        if not Company.objects.filter(pk=mine.company_id, delete_after=None).update(delete_after=at):
            raise StateUnchanged(_("The company is to be deleted already."))
        _note(mine.company, viewer.user, "company.deletion_requested", request, at=at.isoformat())
        tell_of_deletion(company=mine.company, at=at, by=viewer.user)
    return at


def cancel_deletion(*, viewer: Viewer, request: HttpRequest | None = None) -> None:
    """Keep the viewer's company after all. Raises `NotAllowed`, `StateUnchanged`."""
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.OWNER)
        waiting = Company.objects.filter(pk=mine.company_id, delete_after__gt=timezone.now(), deleted_at=None)
        if not waiting.update(delete_after=None):
            raise StateUnchanged(_("The company is not to be deleted, or its time is over."))
        _note(mine.company, viewer.user, "company.deletion_cancelled", request)


def delete_due_companies() -> int:
    """What the clock does: delete companies whose grace period is over; return how many are gone now.

    One that still has work under way, or more than one call erases, is gone on with at the next turn.
    """
    due = Company.objects.filter(delete_after__lte=timezone.now(), deleted_at=None)
    ids = list(due.order_by("delete_after").values_list("pk", flat=True)[:BATCH])
    return sum(erase_company(company_id=company_id) for company_id in ids)


def erase_company(*, company_id: UUID) -> bool:
    """One step of deleting a company whose time is over; True once it is gone. Doing a step again changes nothing.

    First nobody may act for it, then what is under way ends, then each app erases what is its people's own, and last
    go keys, invitations and memberships. The row stays as a tombstone, and with it the sums of the ledger.
    """
    due = Company.objects.filter(pk=company_id, delete_after__lte=timezone.now(), deleted_at=None)
    if not due.exists():
        return False
    with transaction.atomic():
        if due.filter(is_active=True).update(is_active=False):
            realtime.revoke(company_id=company_id)
    if not all(registry.company_closing(company_id)) or not all(registry.company_deleted(company_id)):
        return False
    branding.remove_logos(company_id=company_id)
    with transaction.atomic():
        company = lock_company(company_id)
        Invitation.objects.filter(company=company).delete()
        ApiKey.objects.filter(company=company).delete()
        Membership.objects.filter(company=company).delete()
        # That things were done, and when, stays; who did them goes.
        AuditEntry.objects.filter(company=company).update(
            actor="", target="", agent="", address=None, detail={}, person=None
        )
        gone = due.update(
            name=_("Deleted company"),
            slug=f"deleted-{company_id.hex}",
            domain=None,
            email="",
            joins_by_domain=False,
            logo_key="",
            accent="",
            suspended_reason="",
            entitlements={},
            deleted_at=timezone.now(),
        )
        if gone:
            record_audit(actor="darkroom", action="company.deleted", target=str(company_id), company=company)
    logger.info("company %s was deleted", company_id)
    return bool(gone)


def _note(company: Company, user: User, action: str, request: HttpRequest | None, **detail: str) -> None:
    record_audit(actor=user.email, action=action, target=company.name, company=company, detail=detail, request=request)
