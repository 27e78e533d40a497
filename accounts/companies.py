"""Companies that several people share: making, changing, switching. Names of the other acts stand here too.

Each act locks the company's row, decides on what it finds there, and writes the audit in the same transaction.
"""

import secrets
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from psycopg import errors

from accounts.company_endings import (
    cancel_deletion,
    deactivate_company,
    delete_due_companies,
    reactivate_company,
    request_deletion,
    suspend_company,
    unsuspend_company,
)
from accounts.company_locks import Role, lock_for, refuse_personal
from accounts.company_refusals import DomainRefused, NotAllowed, SlugTaken, TooManyCompanies
from accounts.company_rules import domain_of, slug_stem
from accounts.memberships import leave_company, remove_member, set_cap, set_role, transfer_ownership
from accounts.models import Company, Membership, User
from accounts.services import record_audit
from accounts.viewer import SESSION_KEY, Viewer, forget_viewer, viewer_for
from config.base import registry

__all__ = [
    "cancel_deletion",
    "create_team",
    "deactivate_company",
    "delete_due_companies",
    "leave_company",
    "provable_domains",
    "reactivate_company",
    "remove_member",
    "request_deletion",
    "set_cap",
    "set_role",
    "suspend_company",
    "switch_company",
    "transfer_ownership",
    "unsuspend_company",
    "update_company",
]

# How many teams one person may own at a time.
MOST_OWNED = 20
_ATTEMPTS = 6


def create_team(*, user: User, name: str, request: HttpRequest | None = None) -> Company:
    """Make a company for several people, owned by `user`, with a wallet of its own and no credits.

    `name` is clean already. Raises `TooManyCompanies`.
    """
    with transaction.atomic():
        # Two at once count each other.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        owned = Membership.objects.filter(
            user=user, role=Role.OWNER, company__kind=Company.Kind.TEAM, company__deleted_at=None
        ).count()
        if owned >= MOST_OWNED:
            raise TooManyCompanies(
                _("You own %(used)d of at most %(limit)d companies. Delete one that you no longer need.")
                % {"used": owned, "limit": MOST_OWNED}
            )
        company = _insert(name, user.email)
        Membership.objects.create(company=company, user=user, role=Role.OWNER)
        registry.company_created(company.pk)
        record_audit(actor=user.email, action="company.created", target=name, company=company, request=request)
    company.refresh_from_db()
    return company


def _insert(name: str, email: str) -> Company:
    stem = slug_stem(name)
    for attempt in range(_ATTEMPTS):
        slug = stem if attempt == 0 else f"{stem}-{secrets.token_hex(3)}"
        company = Company(name=name, slug=slug, kind=Company.Kind.TEAM, email=email)
        try:
            with transaction.atomic():
                company.save(force_insert=True)
            break
        except IntegrityError:
            if attempt == _ATTEMPTS - 1:
                raise
    return company


def update_company(*, viewer: Viewer, request: HttpRequest | None = None, **changes: Any) -> Company:
    """Change name, slug, email, domain (None: none) or joins_by_domain of the viewer's company.

    Values are clean already. Raises `NotAllowed`, `SlugTaken`, `DomainRefused`, `PersonalCompany`.
    """
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        company = mine.company
        wanted = {name: value for name, value in changes.items() if getattr(company, name) != value}
        if wanted.get("domain") or wanted.get("joins_by_domain"):
            refuse_personal(company)
        _check_domain(company, wanted)
        if not wanted:
            return company
        try:
            with transaction.atomic():
                Company.objects.filter(pk=company.pk).update(**wanted)
        except IntegrityError as error:
            raise _taken(error) from error
        for name, value in wanted.items():
            setattr(company, name, value)
        record_audit(
            actor=viewer.user.email,
            action="company.changed",
            target=company.name,
            company=company,
            detail=wanted,
            request=request,
        )
    return company


def provable_domains(company: Company) -> set[str]:
    """Domains at which an owner or admin of the company has a verified address."""
    addresses = EmailAddress.objects.filter(
        verified=True, user__memberships__company=company, user__memberships__role__in=(Role.OWNER, Role.ADMIN)
    )
    return {domain_of(address) for address in addresses.values_list("email", flat=True)}


def _check_domain(company: Company, wanted: dict[str, Any]) -> None:
    domain = wanted.get("domain", company.domain)
    if not domain:
        if wanted.get("joins_by_domain"):
            raise DomainRefused(_("Say which domain first."), field="domain")
        if company.joins_by_domain:
            wanted["joins_by_domain"] = False
    elif "domain" in wanted and domain not in provable_domains(company):
        raise DomainRefused(
            _("Nobody who runs the company has a confirmed address at %(domain)s. Add one to your profile first.")
            % {"domain": domain},
            field="domain",
        )


def _taken(error: IntegrityError) -> SlugTaken | DomainRefused:
    cause = error.__cause__
    constraint = (cause.diag.constraint_name or "") if isinstance(cause, errors.UniqueViolation) else ""
    if "domain" in constraint:
        return DomainRefused(_("Another company has this domain."), field="domain")
    return SlugTaken(_("This short name is taken. Choose another one."), field="slug")


def switch_company(*, request: HttpRequest, company_id: UUID) -> Viewer:
    """Have the session act for another of the person's companies from now on; returns who acts now.

    Raises `NotAllowed` when the person does not belong to it, `CompanyInactive` when it is switched off; the session
    goes on as before then.
    """
    assert isinstance(request.user, User)  # noqa: S101
    viewer = viewer_for(request.user, company_id=str(company_id))
    if viewer is None or viewer.company.pk != company_id:
        raise NotAllowed(_("You do not belong to this company."))
    request.session[SESSION_KEY] = str(company_id)
    forget_viewer(request)
    record_audit(
        actor=viewer.user.email,
        action="company.switched",
        target=viewer.company.name,
        company=viewer.company,
        request=request,
    )
    return viewer
