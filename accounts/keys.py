"""Keys by which programs act for a person in a company.

A secret is `dk_` and 8 letters and digits (its prefix: shown, and looked up by), `_`, and 32 random characters. Only
a keyed digest of it is kept, so neither the database nor its copies open anything.
"""

import re
import secrets
import string
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts.company_locks import Role, lock_for
from accounts.company_refusals import NotAllowed
from accounts.models import ApiKey, Company, Membership, User
from accounts.refusals import Inactive, KeyEnded, KeyInput, PlanRequired, TooManyKeys
from accounts.seats import has_seat, with_place
from accounts.services import record_audit
from accounts.viewer import CompanyInactive, Viewer

# How many keys that still work one person may have in one company.
MOST_KEYS = 50
# A key's last use is written down this often at most: reads must not become writes.
USE_NOTED_EVERY = timedelta(minutes=1)

_SALT = "accounts.keys"
_LETTERS = string.ascii_letters + string.digits
_SECRET = re.compile(r"(dk_[A-Za-z0-9]{8})_[A-Za-z0-9_-]{32}")
_ATTEMPTS = 6


def create_key(
    *,
    viewer: Viewer,
    name: str,
    scopes: Collection[str],
    credit_cap: int | None,
    expires_at: datetime | None,
    request: HttpRequest | None = None,
) -> tuple[ApiKey, str]:
    """Make a key of the viewer's own and return it with its secret, which nobody can read again.

    `credit_cap` is the most credits that it may ever spend. Raises `PlanRequired`, `TooManyKeys`, `KeyInput`,
    `NotAllowed`, `CompanyInactive`.
    """
    with transaction.atomic():
        # Whoever is put out at this moment gets no key: that locks the company's row too.
        mine = lock_for(viewer)
        refuse_without_plan(mine.company)
        _check_input(scopes, credit_cap, expires_at)
        _check_rights(viewer, mine.role, scopes, expires_at)
        key, secret = _insert(
            ApiKey(
                company=mine.company,
                user=viewer.user,
                name=name,
                scopes=[scope for scope in ApiKey.Scope.values if scope in scopes],
                credit_cap=credit_cap,
                expires_at=expires_at,
            )
        )
        record_audit(
            actor=viewer.user.email,
            action="api_key.created",
            target=str(key),
            company=mine.company,
            detail={"scopes": key.scopes, "by_key": str(viewer.api_key) if viewer.api_key else ""},
            request=request,
        )
    return key, secret


def revoke_key(*, viewer: Viewer, key: ApiKey, request: HttpRequest | None = None) -> bool:
    """End a key at once and for ever. False when it had ended that way before. Raises `NotAllowed`."""
    if key.company_id != viewer.company.pk or not (viewer.is_admin or key.user_id == viewer.user.pk):
        raise NotAllowed(_("Only its owner, or whoever runs the company, can revoke this key."))
    return _revoke(key, actor=viewer.user, request=request)


def revoke_as_operator(*, operator: User, key: ApiKey, request: HttpRequest | None = None) -> bool:
    """The same by whoever runs this product."""
    return _revoke(key, actor=operator, request=request)


def keys_visible_to(viewer: Viewer) -> QuerySet[ApiKey]:
    """One's own keys in the company; for those who run it, everybody's. The newest first."""
    found = ApiKey.objects.filter(company=viewer.company).select_related("user").order_by("-id")
    return found if viewer.is_admin else found.filter(user=viewer.user)


def get_key(viewer: Viewer, key_id: UUID) -> ApiKey:
    """The key, or 404 for whoever may not see it."""
    return get_object_or_404(keys_visible_to(viewer), pk=key_id)


def authenticate(secret: str) -> ApiKey | None:
    """The key that the secret proves, in whatever state; None for every other text. One query.

    The key comes with its company, its person and the person's place there: `role` ("" for none), and `ahead`, how many
    have a seat before it.
    """
    parts = _SECRET.fullmatch(secret)
    if parts is None:
        return None
    place = Membership.objects.filter(company=OuterRef("company"), user=OuterRef("user"))
    key = (
        ApiKey.objects.filter(prefix=parts[1])
        .select_related("company", "user")
        .annotate(
            role=Subquery(place.values("role")[:1]),
            ahead=Subquery(with_place(place).values("ahead")[:1]),  # type: ignore[misc]
        )
        .first()
    )
    # An unknown prefix takes the time of a known one.
    known = key.digest if key else ""
    for age, signing_key in enumerate([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]):
        if constant_time_compare(_digest(secret, signing_key), known):
            if age and key:
                # Signed with a key that is on its way out: from now on by the one that stays.
                ApiKey.objects.filter(pk=key.pk, digest=known).update(digest=_digest(secret, settings.SECRET_KEY))
            return key
    return None


def viewer_by(key: ApiKey) -> Viewer:
    """Who acts by a key from `authenticate`, which notes the use, at most once a minute.

    Raises `KeyEnded`, `Inactive`, `CompanyInactive`, `PlanRequired`.
    """
    role: str = getattr(key, "role", None) or ""
    now = timezone.now()
    _refuse_ended(key, role, now)
    if not key.company.is_active:
        raise CompanyInactive(Membership(company=key.company, user=key.user, role=role))
    refuse_without_plan(key.company)
    note_use(key, now)
    scopes = frozenset(key.scopes)
    if role not in (Role.OWNER, Role.ADMIN):
        # Whoever runs the company no more, runs it by no key either.
        scopes -= {ApiKey.Scope.MANAGE.value}
    seat = has_seat(company=key.company, role=role, ahead=getattr(key, "ahead", 0))
    return Viewer(user=key.user, company=key.company, role=role, api_key=key, scopes=scopes, has_seat=seat)


def note_use(key: ApiKey, now: datetime) -> bool:
    """Write down that the key was used; of many uses within a minute one alone does, and returns True."""
    if key.last_used_at is not None and key.last_used_at > now - USE_NOTED_EVERY:
        return False
    is_due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
    return bool(ApiKey.objects.filter(is_due, pk=key.pk, revoked_at=None).update(last_used_at=now))


def has_api(company: Company) -> bool:
    """Whether the company's plan lets programs in."""
    return bool(company.entitlements.get("api", False))


def refuse_without_plan(company: Company) -> None:
    """Raises `PlanRequired` when the company's plan has no API access."""
    if not has_api(company):
        raise PlanRequired(
            _("The plan of %(company)s has no API access. Choose a plan that has; the keys work again then.")
            % {"company": company.name}
        )


def _refuse_ended(key: ApiKey, role: str, now: datetime) -> None:
    if key.revoked_at is not None:
        raise KeyEnded(_("This API key was revoked. Make a new one."), code="key_revoked")
    if key.expires_at is not None and key.expires_at <= now:
        raise KeyEnded(_("This API key has expired. Make a new one."), code="key_expired")
    if not role:
        raise KeyEnded(_("The person of this API key does not belong to the company any more."), code="key_revoked")
    if key.user.delete_after is not None:
        raise KeyEnded(_("The account of this API key is to be deleted."), code="key_revoked")
    if not key.user.is_active:
        raise Inactive(_("Your account is not active. Write to us if that surprises you."))


def _check_input(scopes: Collection[str], credit_cap: int | None, expires_at: datetime | None) -> None:
    if not scopes or not set(scopes) <= set(ApiKey.Scope.values):
        raise KeyInput(_("Choose what the key may do: read, generate, manage."), field="scopes")
    if credit_cap is not None and credit_cap < 1:
        raise KeyInput(_("Allow at least one credit, or leave the cap empty."), field="credit_cap")
    if expires_at is not None and expires_at <= timezone.now():
        raise KeyInput(_("Choose a time in the future, or none."), field="expires_at")


def _check_rights(viewer: Viewer, role: str, scopes: Collection[str], expires_at: datetime | None) -> None:
    if ApiKey.Scope.MANAGE in scopes and role not in (Role.OWNER, Role.ADMIN):
        raise NotAllowed(_("Only owners and admins of the company can have keys that manage it."), field="scopes")
    if viewer.api_key is not None:
        _refuse_growth(viewer.api_key, viewer, scopes, expires_at)
    ours = ApiKey.objects.filter(company=viewer.company, user=viewer.user, revoked_at=None)
    if ours.exclude(expires_at__lte=timezone.now()).count() >= MOST_KEYS:
        raise TooManyKeys(
            _("You have %(limit)d keys in this company already. Revoke one that you no longer need.")
            % {"limit": MOST_KEYS}
        )


def _refuse_growth(maker: ApiKey, viewer: Viewer, scopes: Collection[str], expires_at: datetime | None) -> None:
    """A key made by a key may do, spend and last no more than that one."""
    if not set(scopes) <= viewer.scopes:
        raise NotAllowed(_("A key cannot make a key that may do more than itself."), field="scopes")
    if maker.credit_cap is not None:
        raise NotAllowed(_("A key with a credit cap cannot make keys."))
    if maker.expires_at is not None and (expires_at is None or expires_at > maker.expires_at):
        raise NotAllowed(_("A key cannot make a key that lasts longer than itself."), field="expires_at")


def _insert(key: ApiKey) -> tuple[ApiKey, str]:
    """Save the key under a prefix that nobody has; the digest is of the whole secret."""
    for attempt in range(_ATTEMPTS):
        key.prefix = "dk_" + "".join(secrets.choice(_LETTERS) for _letter in range(8))
        secret = f"{key.prefix}_{secrets.token_urlsafe(24)}"
        key.digest = _digest(secret, settings.SECRET_KEY)
        try:
            with transaction.atomic():
                key.save(force_insert=True)
            break
        except IntegrityError:
            if attempt == _ATTEMPTS - 1:
                raise
    return key, secret


def _revoke(key: ApiKey, *, actor: User, request: HttpRequest | None) -> bool:
    with transaction.atomic():
        now = timezone.now()
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
            return False
        key.revoked_at = now
        record_audit(actor=actor.email, action="api_key.revoked", target=str(key), company=key.company, request=request)
    return True


def _digest(secret: str, signing_key: str) -> str:
    return salted_hmac(_SALT, secret, secret=signing_key, algorithm="sha256").hexdigest()
