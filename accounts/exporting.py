"""What accounts has of a person, for a copy of everything: who they are, where they belong, how they sign in."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import Q

from accounts.devices import device_name
from accounts.models import ApiKey, AuditEntry, DataExport, Invitation, Membership, User
from accounts.person_addresses import addresses_of, written_by
from config.base.registry import ExportDocument, ExportFile
from config.base.walking import walk

Rows = Iterator[Mapping[str, object]]


def export_person(user_id: UUID) -> Iterable[ExportDocument | ExportFile]:
    """Everything but secrets: no password, key or code, not even their digests, is among it."""
    user = User.objects.get(pk=user_id)
    yield ExportDocument("person.json", _person(user))
    yield ExportDocument("addresses.json", _addresses(user))
    yield ExportDocument("memberships.json", _memberships(user))
    yield ExportDocument("invitations.json", _invitations(user))
    yield ExportDocument("sign-in.json", _ways_in(user))
    yield ExportDocument("sessions.json", _sessions(user))
    yield ExportDocument("api-keys.json", _keys(user))
    yield ExportDocument("acts.json", _acts(user))
    yield ExportDocument("exports.json", _exports(user))
    if user.avatar_key:
        yield ExportFile("avatar.webp", user.avatar_key)


def _person(user: User) -> Rows:
    yield {
        "id": user.pk,
        "email": user.email,
        "username": user.username,
        "full_name": user.full_name,
        "language": user.language,
        "time_zone": user.time_zone,
        "joined_at": user.date_joined,
        "verified_at": user.verified_at,
        "last_sign_in_at": user.last_login,
        "to_be_deleted_at": user.delete_after,
    }


def _addresses(user: User) -> Rows:
    kept = {row.email.lower(): row for row in EmailAddress.objects.filter(user=user)}
    for one in addresses_of(user):
        row = kept.get(one.email)
        yield {
            "email": one.email,
            "is_verified": bool(row and row.verified),
            "is_primary": bool(row and row.primary),
            "until": one.until,
        }


def _memberships(user: User) -> Rows:
    for place in walk(Membership.objects.filter(user=user).select_related("company")):
        yield {
            "company": place.company_id,
            "name": place.company.name,
            "kind": place.company.kind,
            "role": place.role,
            "credit_cap": place.credit_cap,
            "cap_period": place.cap_period,
            "since": place.created_at,
        }


def _invitations(user: User) -> Rows:
    proved = EmailAddress.objects.filter(user=user, verified=True).values("email")
    concerned = Q(email__in=proved) | Q(accepted_by=user) | Q(invited_by=user)
    for asked in walk(Invitation.objects.filter(concerned).select_related("company")):
        yield {
            "company": asked.company.name,
            # Whom the person invited is somebody else's address.
            "is_own_invitation_of_others": asked.invited_by_id == user.pk,
            "role": asked.role,
            "made_at": asked.created_at,
            "expires_at": asked.expires_at,
            "accepted_at": asked.accepted_at,
            "revoked_at": asked.revoked_at,
        }


def _ways_in(user: User) -> Rows:
    yield {"kind": "password", "is_set": user.has_usable_password()}
    for factor in walk(Authenticator.objects.filter(user=user)):
        yield {
            "kind": factor.type,
            "name": factor.data.get("name", "") if factor.type == Authenticator.Type.WEBAUTHN else "",
            "added_at": factor.created_at,
            "last_used_at": factor.last_used_at,
        }
    for account in walk(SocialAccount.objects.filter(user=user)):
        yield {
            "kind": account.provider,
            "id": account.uid,
            "added_at": account.date_joined,
            "last_used_at": account.last_login,
            "as_it_was_told": account.extra_data,
        }


def _sessions(user: User) -> Rows:
    for row in walk(UserSession.objects.filter(user=user)):
        yield {
            "device": device_name(row.user_agent),
            "program": row.user_agent,
            "address": row.ip,
            "began_at": row.created_at,
            "last_seen_at": row.last_seen_at,
        }


def _keys(user: User) -> Rows:
    for key in walk(ApiKey.objects.filter(user=user)):
        yield {
            "name": key.name,
            "begins_with": key.prefix,
            "company": key.company_id,
            "scopes": key.scopes,
            "credit_cap": key.credit_cap,
            "made_at": key.created_at,
            "expires_at": key.expires_at,
            "last_used_at": key.last_used_at,
            "revoked_at": key.revoked_at,
        }


def _acts(user: User) -> Rows:
    addresses = addresses_of(user)
    own = {one.email for one in addresses}
    for entry in walk(AuditEntry.objects.filter(written_by(addresses) | Q(person=user))):
        yield {
            "at": entry.at,
            "action": entry.action,
            "is_by_you": entry.actor.lower() in own and not entry.operator,
            # Of whom or what: other people's addresses stay theirs.
            "target": entry.target if "@" not in entry.target or entry.target.lower() in own else "",
            "company": entry.company_id,
            "address": entry.address,
            "program": entry.agent,
        }


def _exports(user: User) -> Rows:
    for made in walk(DataExport.objects.filter(user=user)):
        yield {"id": made.pk, "asked_at": made.requested_at, "state": made.state, "bytes": made.bytes}
