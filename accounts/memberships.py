"""Who belongs to a company and as what: roles, caps, leaving, removing, handing over.

Each act locks the company's row, decides on what it finds there, and writes the audit in the same transaction. Whoever
goes leaves the work with the company; keys end, the stream closes, and the next request is for the personal company.
"""

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.account_mail import tell_of_removal, tell_of_role
from accounts.company_locks import Role, lock_for, member_of, refuse_personal, refuse_without_owner
from accounts.company_refusals import NotAllowed
from accounts.models import ApiKey, Company, Invitation, Membership
from accounts.services import record_audit
from accounts.viewer import Viewer
from config.base import realtime


def set_role(*, viewer: Viewer, member: Membership, role: str, request: HttpRequest | None = None) -> Membership:
    """Give a member another role. Only owners make owners or change one; the last owner stays one.

    Raises `NotAllowed`, `NoSuchMember`, `LastOwner`. The same role again changes nothing.
    """
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        found = member_of(mine.company, member)
        if role == found.role:
            return found
        _refuse_above(mine, found, role)
        if found.role == Role.OWNER:
            refuse_without_owner(mine.company, found.user)
        before = found.role
        Membership.objects.filter(pk=found.pk, role=before).update(role=role)
        found.role = role
        _note(mine, "member.role", found, request, {"from": before, "to": role})
        _tell_of_role(mine, found, before)
    return found


def set_cap(
    *,
    viewer: Viewer,
    member: Membership,
    credit_cap: int | None,
    cap_period: str,
    request: HttpRequest | None = None,
) -> Membership:
    """Limit what a member may spend in a UTC day or month; None: no limit. Raises `NotAllowed`, `NoSuchMember`."""
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        found = member_of(mine.company, member)
        _refuse_above(mine, found, found.role)
        changed = Membership.objects.filter(pk=found.pk).exclude(credit_cap=credit_cap, cap_period=cap_period)
        if changed.update(credit_cap=credit_cap, cap_period=cap_period):
            found.credit_cap, found.cap_period = credit_cap, cap_period
            _note(mine, "member.cap", found, request, {"cap": credit_cap, "period": cap_period})
    return found


def remove_member(*, viewer: Viewer, member: Membership, request: HttpRequest | None = None) -> None:
    """Put somebody out of the company. Raises `NotAllowed`, `NoSuchMember`, `LastOwner`, `PersonalCompany`."""
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        refuse_personal(mine.company)
        found = member_of(mine.company, member)
        _refuse_above(mine, found, found.role)
        _end(found)
        _note(mine, "member.removed", found, request, {"role": found.role, "user": str(found.user_id)})
        tell_of_removal(member=found, by=viewer.user)


def leave_company(*, viewer: Viewer, request: HttpRequest | None = None) -> None:
    """Leave the company that the viewer acts for. Raises `LastOwner`, `PersonalCompany`."""
    with transaction.atomic():
        mine = lock_for(viewer)
        refuse_personal(mine.company)
        _end(mine)
        detail = {"role": mine.role, "user": str(mine.user_id), "cap": mine.credit_cap}
        _note(mine, "member.left", mine, request, detail)


def transfer_ownership(*, viewer: Viewer, member: Membership, request: HttpRequest | None = None) -> Membership:
    """Make a member an owner in the viewer's place, who stays as an admin.

    Raises `NotAllowed`, `NoSuchMember`, `PersonalCompany`.
    """
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.OWNER)
        refuse_personal(mine.company)
        found = member_of(mine.company, member)
        if found.pk == mine.pk:
            raise NotAllowed(_("You are an owner already. Choose somebody else."), field="member")
        if found.user.delete_after is not None:
            raise NotAllowed(_("This person's account is to be deleted. Choose somebody else."), field="member")
        Membership.objects.filter(pk=found.pk).update(role=Role.OWNER)
        Membership.objects.filter(pk=mine.pk, role=Role.OWNER).update(role=Role.ADMIN)
        before, found.role = found.role, Role.OWNER
        _note(mine, "company.transferred", found, request, {})
        if before != Role.OWNER:
            _tell_of_role(mine, found, before)
    return found


def close_doors(company: Company, *, user_id: UUID | None = None) -> None:
    """Revoke the API keys of a company, or of one person there, at once."""
    keys = ApiKey.objects.filter(company=company, revoked_at=None)
    if user_id is not None:
        keys = keys.filter(user_id=user_id)
    keys.update(revoked_at=timezone.now())


def _refuse_above(mine: Membership, member: Membership, role: str) -> None:
    if Role.OWNER in (member.role, role) and mine.role != Role.OWNER:
        raise NotAllowed(_("Only owners of the company may change an owner or make one."))


def _end(member: Membership) -> None:
    if member.role == Role.OWNER:
        refuse_without_owner(member.company, member.user)
    Membership.objects.filter(pk=member.pk).delete()
    close_doors(member.company, user_id=member.user_id)
    # One that was not needed so far is no way back in.
    addresses = EmailAddress.objects.filter(user=member.user, verified=True).values_list("email", flat=True)
    waiting = Invitation.objects.filter(company=member.company, accepted_at=None, revoked_at=None)
    waiting.filter(email__in=[address.lower() for address in addresses]).update(revoked_at=timezone.now())
    realtime.revoke(company_id=member.company_id, user_id=member.user_id)


def _tell_of_role(mine: Membership, member: Membership, before: str) -> None:
    # Who steps down alone knows it.
    if member.user_id != mine.user_id:
        tell_of_role(member=member, before=before, by=mine.user)


def _note(
    mine: Membership, action: str, member: Membership, request: HttpRequest | None, detail: dict[str, Any]
) -> None:
    record_audit(
        actor=mine.user.email,
        action=action,
        target=member.user.email,
        company=mine.company,
        detail=detail,
        request=request,
    )
