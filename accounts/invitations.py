"""Asking people into a company: by a mail with a token, or by the domain of an address that they have proved.

The token has 32 random bytes; what is kept of it is a digest. One invitation per company and address is open at a time:
asking again sends a new token, after which the old one is dead. Whoever takes a seat does so below the company's lock,
so the last one is given once.
"""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.company_locks import Role, add_member, full_sentence, lock_company, lock_for, refuse_personal
from accounts.company_refusals import (
    AlreadyMember,
    CompanyFull,
    DomainNotOpen,
    InvitationGone,
    NoSuchInvitation,
    NotAllowed,
    SentJustNow,
    WrongAddress,
)
from accounts.company_rules import domain_of, is_public_host
from accounts.invitation_mail import send_invitation
from accounts.models import AuditEntry, Company, Invitation, Membership, User
from accounts.seats import seats_of
from accounts.services import record_audit
from accounts.viewer import Viewer
from config.base import realtime
from config.base.refusal import Refusal

LIFETIME = timedelta(days=7)
# Between two mails to one address.
PAUSE = timedelta(minutes=1)
_TOKEN_BYTES = 32


def invite(*, viewer: Viewer, email: str, role: str, request: HttpRequest | None = None) -> Invitation:
    """Ask an address into the viewer's company; a mail goes on commit. One that is open already is sent anew.

    Raises `NotAllowed`, `PersonalCompany`, `AlreadyMember`, `CompanyFull`, `SentJustNow`; on commit
    `accounts.refusals.MailNotSent`, when the invitation is kept and may be sent again.
    """
    address = email.strip().lower()
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        company = mine.company
        refuse_personal(company)
        _refuse_role(mine, role)
        if _belongs(company, address):
            raise AlreadyMember(_("%(email)s belongs to the company already.") % {"email": address}, field="email")
        earlier = Invitation.objects.filter(company=company, email=address, accepted_at=None, revoked_at=None).first()
        if earlier is not None:
            return _send_anew(earlier, mine, role, request)
        _refuse_when_full(company)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        invitation = Invitation.objects.create(
            company=company,
            email=address,
            role=role,
            token_digest=digest_of(token),
            invited_by=viewer.user,
            expires_at=timezone.now() + LIFETIME,
        )
        _note(invitation, viewer.user.email, "invitation.sent", request)
        send_invitation(invitation, token=token)
    return invitation


def resend(*, viewer: Viewer, invitation: Invitation, request: HttpRequest | None = None) -> Invitation:
    """Send an open invitation again, with a new token and the whole time; the old token is dead.

    Raises `NotAllowed`, `NoSuchInvitation`, `SentJustNow`; on commit `accounts.refusals.MailNotSent`.
    """
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        found = _open(mine, invitation)
        return _send_anew(found, mine, found.role, request)


def revoke(*, viewer: Viewer, invitation: Invitation, request: HttpRequest | None = None) -> None:
    """Take an open invitation back. Raises `NotAllowed`, `NoSuchInvitation`."""
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        found = _open(mine, invitation)
        _refuse_role(mine, found.role)
        _close(found)
        _note(found, viewer.user.email, "invitation.revoked", request)


def find(token: str) -> Invitation | None:
    """The invitation that a token from a mail belongs to, whatever became of it; None for any other text."""
    return Invitation.objects.filter(token_digest=digest_of(token)).select_related("company", "invited_by").first()


def accept(*, user: User, token: str, request: HttpRequest | None = None) -> Membership:
    """Take the seat that an invitation offers; the same person doing it again gets the same membership.

    Raises `NoSuchInvitation`, `InvitationGone` (its code says why), `WrongAddress`, `CompanyFull`.
    """
    with transaction.atomic():
        known = find(token)
        if known is None:
            raise NoSuchInvitation(_("This invitation does not exist. Ask for a new one."))
        company = lock_company(known.company_id)
        invitation = Invitation.objects.select_related("invited_by").get(pk=known.pk)
        place = Membership.objects.filter(company=company, user=user).first()
        if invitation.accepted_by_id == user.pk and place is not None:
            return place
        _refuse_gone(invitation, company, token)
        if not _is_address_of(user, invitation):
            raise _wrong(invitation)
        if place is None:
            place = add_member(company, user, invitation.role)
        Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(
            accepted_at=timezone.now(), accepted_by=user
        )
        realtime.readmit(company_id=company.pk, user_id=user.pk)
        invitation.company = place.company = company
        _note(invitation, user.email, "invitation.accepted", request)
    return place


def obstacle(*, invitation: Invitation | None, user: User | None) -> Refusal | None:
    """Why an invitation cannot be accepted as things are; None when it can, or when nobody is signed in yet."""
    if invitation is None:
        return NoSuchInvitation(_("This invitation does not exist. Ask for a new one."))
    gone = _gone(invitation, invitation.company)
    if gone is not None or user is None:
        return gone
    return None if _is_address_of(user, invitation) else _wrong(invitation)


def decline(*, token: str, request: HttpRequest | None = None) -> Invitation:
    """Say no to an invitation: whoever holds the token may. Raises `NoSuchInvitation`, `InvitationGone`."""
    with transaction.atomic():
        known = find(token)
        if known is None:
            raise NoSuchInvitation(_("This invitation does not exist. Ask for a new one."))
        company = lock_company(known.company_id)
        invitation = Invitation.objects.get(pk=known.pk)
        _refuse_gone(invitation, company, token)
        invitation.company = company
        _close(invitation)
        _note(invitation, invitation.email, "invitation.declined", request)
    return known


def joinable(user: User) -> list[Company]:
    """Companies that take the person because of a proved address, and to which the person does not belong.

    Not those that put the person out, or that the person left with a cap: the way back there is an invitation.
    """
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    domains = {domain for domain in map(domain_of, addresses) if not is_public_host(domain)}
    if not domains:
        return []
    open_ = Company.objects.filter(_open_to(domains)).exclude(memberships__user=user)
    went = AuditEntry.objects.filter(
        company__in=open_, action__in=("member.removed", "member.left"), detail__user=str(user.pk)
    )
    last = {entry.company_id: entry for entry in went.order_by("id")}
    return [
        company
        for company in open_.order_by("name")
        if company.pk not in last
        or (last[company.pk].action == "member.left" and last[company.pk].detail.get("cap") is None)
    ]


def join_by_domain(*, user: User, company: Company, request: HttpRequest | None = None) -> Membership:
    """Join a company that is open to the domain of a proved address. Joining twice is joining once.

    Raises `DomainNotOpen`, `CompanyFull`.
    """
    with transaction.atomic():
        now_is = lock_company(company.pk)
        place = Membership.objects.filter(company=now_is, user=user).first()
        if place is not None:
            return place
        if now_is not in joinable(user):
            raise DomainNotOpen(_("This company is not open to addresses like yours. Ask for an invitation."))
        place = add_member(now_is, user, Role.MEMBER)
        place.company = now_is
        realtime.readmit(company_id=now_is.pk, user_id=user.pk)
        record_audit(actor=user.email, action="member.joined", target=user.email, company=now_is, request=request)
    return place


def token_in(address: str) -> str:
    """The token of an invitation's page, "" for any other address."""
    prefix = reverse("invitation", args=["-"]).removesuffix("-")
    token = address.removeprefix(prefix)
    return token if address.startswith(prefix) and "/" not in token else ""


def digest_of(token: str) -> str:
    """What is kept of a token: SHA-256 in hex. Its 32 random bytes cannot be guessed, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_invitations(company: Company) -> "list[Invitation]":
    """Invitations of a company that can be accepted or sent again, the newest first."""
    found = Invitation.objects.filter(company=company, accepted_at=None, revoked_at=None)
    return list(found.select_related("invited_by").order_by("-id"))


def seats_used(company: Company) -> int:
    """Members, and invitations that may yet be accepted: each has a seat laid for it."""
    waiting = Invitation.objects.filter(
        company=company, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )
    return Membership.objects.filter(company=company).count() + waiting.count()


def _send_anew(invitation: Invitation, mine: Membership, role: str, request: HttpRequest | None) -> Invitation:
    now = timezone.now()
    # As it was, too: another role would take an owner's back.
    _refuse_role(mine, invitation.role)
    if invitation.expires_at <= now:
        # It had given its seat back.
        _refuse_when_full(mine.company)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    changes = {
        "role": role,
        "token_digest": digest_of(token),
        "invited_by": mine.user,
        "sent_at": now,
        "expires_at": now + LIFETIME,
    }
    if not Invitation.objects.filter(pk=invitation.pk, sent_at__lte=now - PAUSE).update(**changes):
        wait = max(1, int((invitation.sent_at + PAUSE - now).total_seconds()) + 1)
        raise SentJustNow(
            _("The invitation to %(email)s was sent less than a minute ago. Wait a little, then send it again.")
            % {"email": invitation.email},
            retry_after=wait,
        )
    for name, value in changes.items():
        setattr(invitation, name, value)
    invitation.company = mine.company
    _note(invitation, mine.user.email, "invitation.resent", request)
    send_invitation(invitation, token=token)
    return invitation


def _refuse_role(mine: Membership, role: str) -> None:
    if role == Role.OWNER and mine.role != Role.OWNER:
        raise NotAllowed(_("Only owners of the company may change an owner or make one."), field="role")


def _refuse_when_full(company: Company) -> None:
    seats = seats_of(company)
    used = seats_used(company)
    if seats is not None and used >= seats:
        raise CompanyFull(full_sentence(used, seats), field="email")


def _refuse_gone(invitation: Invitation, company: Company, token: str) -> None:
    """Raises `InvitationGone` for what cannot be accepted, as the locked rows have it."""
    if invitation.token_digest != digest_of(token):
        raise InvitationGone(
            _("A newer invitation was sent. Open the link in the latest mail."), code="invitation_replaced"
        )
    gone = _gone(invitation, company)
    if gone is not None:
        raise gone


def _gone(invitation: Invitation, company: Company) -> InvitationGone | None:
    if invitation.revoked_at is not None:
        return InvitationGone(_("This invitation was taken back. Ask for a new one."), code="invitation_revoked")
    if invitation.accepted_at is not None:
        return InvitationGone(_("This invitation was used already. Ask for a new one."), code="invitation_used")
    if invitation.is_expired:
        return InvitationGone(_("This invitation is too old. Ask for a new one."), code="invitation_expired")
    if not company.is_active:
        sentence = _("%(company)s is not active just now. Try again later.") % {"company": company.name}
        return InvitationGone(sentence, code="company_inactive")
    return None


def _wrong(invitation: Invitation) -> WrongAddress:
    return WrongAddress(
        _("This invitation is for %(invited)s. Sign in with that address, or add it to your profile.")
        % {"invited": invitation.email}
    )


def _is_address_of(user: User, invitation: Invitation) -> bool:
    mine: bool = EmailAddress.objects.filter(user=user, verified=True, email__iexact=invitation.email).exists()
    return mine


def _belongs(company: Company, address: str) -> bool:
    return Membership.objects.filter(
        company=company, user__emailaddress__email__iexact=address, user__emailaddress__verified=True
    ).exists()


def _open(mine: Membership, invitation: Invitation) -> Invitation:
    found = Invitation.objects.filter(pk=invitation.pk, company=mine.company, accepted_at=None, revoked_at=None).first()
    if found is None:
        raise NoSuchInvitation(_("This invitation was used or taken back meanwhile."))
    found.company = mine.company
    return found


def _close(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(revoked_at=timezone.now())


def _open_to(domains: set[str]) -> Q:
    return Q(domain__in=domains, joins_by_domain=True, is_active=True, kind=Company.Kind.TEAM, delete_after=None)


def _note(invitation: Invitation, actor: str, action: str, request: HttpRequest | None) -> None:
    record_audit(
        actor=actor,
        action=action,
        target=invitation.email,
        company=invitation.company,
        detail={"role": invitation.role},
        request=request,
    )
