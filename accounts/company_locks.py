"""How changes of a company and its people wait for each other: whoever changes them locks the company's row first.

What is decided on (roles, how many owners or members there are) is read again below that lock; what a page had read
before may have changed meanwhile.
"""

from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.company_refusals import CompanyFull, LastOwner, NoSuchMember, NotAllowed, PersonalCompany
from accounts.models import Company, Membership, User
from accounts.seats import seats_of
from accounts.viewer import CompanyInactive, Viewer
from config.base.refusal import Allowance

Role = Membership.Role
_RANK = {Role.MEMBER.value: 0, Role.ADMIN.value: 1, Role.OWNER.value: 2}


def lock_company(company_id: UUID) -> Company:
    """The company as it is now; others who lock it wait for the end of this transaction."""
    return Company.objects.select_for_update(no_key=True).get(pk=company_id)


def lock_for(viewer: Viewer, *, at_least: str = Role.MEMBER) -> Membership:
    """Lock the viewer's company and return the viewer's own place in it, as both are now.

    Raises `NotAllowed` for a role below `at_least`, `CompanyInactive` when the company was switched off.
    """
    company = lock_company(viewer.company.pk)
    mine = Membership.objects.filter(company=company, user=viewer.user).first()
    if mine is None:
        raise NotAllowed(_("You do not belong to this company any more."))
    mine.company, mine.user = company, viewer.user
    if not company.is_active:
        raise CompanyInactive(mine)
    if _RANK[mine.role] < _RANK[at_least]:
        raise NotAllowed(
            _("Only owners of the company may do this.")
            if at_least == Role.OWNER
            else _("Only owners and admins of the company may do this.")
        )
    return mine


def member_of(company: Company, member: Membership) -> Membership:
    """The member's place as it is now, in a locked company. Raises `NoSuchMember`."""
    found = Membership.objects.filter(pk=member.pk, company=company).select_related("user").first()
    if found is None:
        raise NoSuchMember(_("This person does not belong to the company any more."))
    found.company = company
    return found


def refuse_personal(company: Company) -> None:
    """Raises `PersonalCompany` for a company of one."""
    if company.kind == Company.Kind.PERSONAL:
        raise PersonalCompany(
            _("This is a personal company: it belongs to one person alone. Make a new company to work with others.")
        )


def other_owners(company: Company, user: User) -> QuerySet[Membership]:
    """Owners of a company beside one person, without those whose accounts are to be deleted."""
    owners = Membership.objects.filter(company=company, role=Role.OWNER, user__delete_after=None)
    return owners.exclude(user=user)


def refuse_without_owner(company: Company, user: User) -> None:
    """Raises `LastOwner` when a person who is about to own a locked company no more is the only owner."""
    if not other_owners(company, user).exists():
        raise LastOwner(_("A company needs an owner. Make somebody else an owner first."))


def full_sentence(used: int, limit: int) -> str:
    """What is said when a company has no seat left."""
    return _("All seats are taken: %(used)d of %(limit)d. Choose a larger plan, or remove somebody.") % {
        "used": used,
        "limit": limit,
    }


def add_member(company: Company, user: User, role: str) -> Membership:
    """Give a person a seat in a locked company. Raises `CompanyFull`; nobody is added twice (a constraint)."""
    seats = seats_of(company)
    used = Membership.objects.filter(company=company).count()
    if seats is not None and used >= seats:
        raise CompanyFull(
            _("%(company)s is full: %(used)d of %(limit)d seats are taken. Ask its owner to make room.")
            % {"company": company.name, "used": used, "limit": seats},
            allowance=Allowance(used=used, limit=seats),
        )
    return Membership.objects.create(company=company, user=user, role=role)
