"""Writes of the accounts app: people, their personal companies, the audit."""

import secrets
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import errors

from accounts.models import AuditEntry, Company, Membership, SignInAs, User
from accounts.people import username_stem
from accounts.refusals import EmailTaken, UsernameTaken
from config.base import registry
from config.base.client_address import client_address
from config.base.logs import current_request

# A random suffix of 24 bits: more than a few collisions in a row mean that something else is wrong.
_ATTEMPTS = 6


def sign_up(*, user: User) -> Company:
    """Save a new person together with the personal company; both exist or neither does.

    `user` is unsaved and has an address and a password. The user name is made from the address and kept unique
    whoever else signs up at this moment. Raises `EmailTaken`.
    """
    stem = user.username or username_stem(user.email)
    with transaction.atomic():
        for attempt in range(_ATTEMPTS):
            user.username = _candidate(stem, attempt)
            try:
                with transaction.atomic():
                    user.save(force_insert=True)
                break
            except IntegrityError as error:
                if _violated(error) == "user_email_unique":
                    raise EmailTaken(_("Somebody with this e-mail address is here already."), field="email") from error
                if attempt == _ATTEMPTS - 1:
                    raise
        return create_personal_company(user=user)


def create_personal_company(*, user: User) -> Company:
    """Make the company of one that a person owns, and all that a company needs, in one transaction.

    Its short name is the user name, with a suffix when a team took that before.
    """
    with transaction.atomic():
        for attempt in range(_ATTEMPTS):
            company = Company(
                name=user.get_full_name(),
                slug=_candidate(user.username, attempt),
                kind=Company.Kind.PERSONAL,
                email=user.email,
            )
            try:
                with transaction.atomic():
                    company.save(force_insert=True)
                break
            except IntegrityError:
                if attempt == _ATTEMPTS - 1:
                    raise
        Membership.objects.create(company=company, user=user, role=Membership.Role.OWNER)
        registry.company_created(company.pk)
        return company


def verify_person(*, user: User) -> bool:
    """Note that the person proved the address, and let the apps above welcome the personal company, once for ever.

    Returns False, and changes nothing, when that had happened before or happens elsewhere at this moment.
    """
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, verified_at=None).update(verified_at=timezone.now()):
            return False
        company = Company.objects.get(
            kind=Company.Kind.PERSONAL, memberships__user=user, memberships__role=Membership.Role.OWNER
        )
        registry.person_verified(user.pk, company.pk)
    user.refresh_from_db(fields=["verified_at"])
    return True


def add_verified_person(*, email: str, password: str, full_name: str = "", is_operator: bool = False) -> User:
    """Make a person whose address is known to be theirs (demo accounts, tests); everything else is a real sign-up."""
    user = User(email=email.lower(), full_name=full_name, is_staff=is_operator, is_superuser=is_operator)
    user.set_password(password)
    with transaction.atomic():
        sign_up(user=user)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        verify_person(user=user)
    return user


def update_person(*, user: User, **changes: str) -> User:
    """Save changed names, language or time zone, checked by the form or serializer before. Raises `UsernameTaken`."""
    before = {name: getattr(user, name) for name in changes}
    for name, value in changes.items():
        setattr(user, name, value)
    try:
        with transaction.atomic():
            user.save(update_fields=list(changes))
    except IntegrityError as error:
        # The page that tells so must not greet the person by the name that was refused.
        for name, value in before.items():
            setattr(user, name, value)
        raise UsernameTaken(_("This user name is taken. Choose another one."), field="username") from error
    return user


def record_audit(
    *,
    actor: str,
    action: str,
    target: str = "",
    company: Company | None = None,
    person: User | None = None,
    detail: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
) -> AuditEntry:
    """Write down who did what: `actor` and `target` as text that stays readable when their rows are gone.

    From where, by which program and by which operator in the actor's name is taken from the request that this thread
    works on, or from `request`; what the product does by itself has none. `person` is whose account it is about: the
    actor's own unless another one is named.
    """
    entry = _entry(request or current_request.get(), actor, action, target, detail)
    entry.company = company
    entry.person = person or entry.person
    entry.save(force_insert=True)
    return entry


def record_of_account(
    *,
    user: User,
    action: str,
    actor: str = "",
    detail: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
) -> None:
    """Write down what concerns how a person signs in: for the person, and for whoever runs a company they belong to.

    One entry for each company, so that each has its own log and keeps it. `actor` is the person unless named.
    """
    places = Membership.objects.filter(user=user).order_by("id").values_list("company_id", "company__kind")
    # The personal company first: its entry is the one that the person sees.
    found = sorted(places, key=lambda place: place[1] != Company.Kind.PERSONAL)
    companies: list[UUID | None] = [company_id for company_id, _kind in found]
    entries = []
    for number, company_id in enumerate(companies or [None]):
        entry = _entry(request or current_request.get(), actor or user.email, action, user.email, detail)
        entry.company_id = company_id
        entry.person = None if number else user
        entries.append(entry)
    AuditEntry.objects.bulk_create(entries)


def _entry(
    request: HttpRequest | None, actor: str, action: str, target: str, detail: dict[str, Any] | None
) -> AuditEntry:
    entry = AuditEntry(actor=actor[:254], action=action, target=target[:254], detail=detail or {})
    if request is None:
        return entry
    entry.address = str(client_address(request) or "") or None
    entry.agent = request.headers.get("User-Agent", "")[:200]
    asking = getattr(request, "user", None)
    if isinstance(asking, User) and asking.email == actor:
        entry.person = asking
    acting = getattr(request, "sign_in_as", None)
    if isinstance(acting, SignInAs) and acting.operator.email != actor:
        entry.operator = acting.operator.email
    return entry


def _candidate(stem: str, attempt: int) -> str:
    return stem if attempt == 0 else f"{stem[:33]}-{secrets.token_hex(3)}"


def _violated(error: IntegrityError) -> str:
    """The name of the constraint that refused the row."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, errors.IntegrityError) else ""
