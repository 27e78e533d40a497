"""The company's page: members, settings, look, danger zone. Each form posts to an address of its own and comes back."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import branding, companies
from accounts.company_forms import CompanyForm, DeleteForm, InviteForm, LookForm, MemberForm, NewCompanyForm
from accounts.company_locks import Role
from accounts.company_refusals import NotAllowed, WrongPassword
from accounts.company_selectors import invitations_for, members_for, memberships_in, seats_in
from accounts.invitations import joinable
from accounts.limits import count as count_attempt
from accounts.models import Company, Membership, User
from accounts.seats import SeatFrozen, seats_of
from accounts.viewer import CompanyInactive, NoCompany, Viewer, reader_of, viewer_of
from config.base.refusal import Refusal

MEMBERS_SHOWN = 100
View = Callable[..., HttpResponse]


def told_on_page(view: View) -> View:
    """A refusal is told on the company's page, with its own status; who has no active company gets a page of that."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoCompany:
            raise
        except Refusal as refusal:
            return company_page(request, status=refusal.status, refusal=refusal)

    return told


def company_page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """The page as it is, with forms that were sent in place of fresh ones (`more`)."""
    viewer = reader_of(request)
    company = Company.objects.get(pk=viewer.company.pk)
    page = Paginator(memberships_in(company), MEMBERS_SHOWN).get_page(request.GET.get("page"))
    invitations = invitations_for(viewer)
    open_count = sum(1 for invitation in invitations if not invitation.is_expired)
    is_running = viewer.is_admin
    context: dict[str, Any] = {
        "viewer": viewer,
        "frozen": None if viewer.has_seat else SeatFrozen(company),
        "seats_missing": max(0, page.paginator.count - (seats_of(company) or page.paginator.count)),
        "role": Role(viewer.role).label,
        "company": company,
        "page": page,
        "members": members_for(viewer, list(page.object_list)),
        "invitations": invitations,
        "seats": seats_in(company, members=page.paginator.count, invitations=open_count),
        "settings_form": CompanyForm(instance=company) if is_running else None,
        "invite_form": InviteForm(is_owner=viewer.is_owner),
        "look_form": LookForm(initial={"accent": company.accent}),
        "delete_form": DeleteForm(),
        "heirs": [place for place in page.object_list if place.user_id != viewer.user.pk],
        "roles": [(value, label) for value, label in Role.choices if viewer.is_owner or value != Role.OWNER],
        "periods": Membership.Period.choices,
    }
    return render(request, "accounts/company.html", context | more, status=status)


@login_required
@require_safe
def company(request: HttpRequest) -> HttpResponse:
    """Who belongs to the company, and what may be done about it."""
    return company_page(request)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_company(request: HttpRequest) -> HttpResponse:
    """Make a company for several people, or join one that is open to one's address."""
    user = cast("User", request.user)
    form = NewCompanyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = companies.create_team(user=user, name=form.cleaned_data["name"], request=request)
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
        else:
            companies.switch_company(request=request, company_id=made.pk)
            messages.success(request, _("%(company)s is there. Invite the others.") % {"company": made.name})
            return redirect("company")
    context = {"form": form, "offers": joinable(user)}
    return render(request, "accounts/company_new.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Act for another of one's companies from now on."""
    try:
        company_id = UUID(request.POST.get("company", ""))
    except ValueError:
        raise NotAllowed(_("You do not belong to this company.")) from None
    viewer = companies.switch_company(request=request, company_id=company_id)
    messages.success(request, _("You act for %(company)s now.") % {"company": viewer.company.name})
    return redirect("generate")


@login_required
@require_POST
@told_on_page
def update(request: HttpRequest) -> HttpResponse:
    """Save the settings."""
    viewer = _who_runs(request)
    form = CompanyForm(request.POST, instance=Company.objects.get(pk=viewer.company.pk))
    if form.is_valid():
        try:
            companies.update_company(viewer=viewer, request=request, **form.cleaned_data)
        except Refusal as refusal:
            if refusal.field not in form.fields:
                raise
            form.add_error(refusal.field, refusal.sentence)
    if form.errors:
        return company_page(request, status=422, settings_form=form)
    messages.success(request, _("Saved."))
    return redirect("company")


@login_required
@require_POST
@told_on_page
def look(request: HttpRequest) -> HttpResponse:
    """Save logo and accent."""
    viewer = _who_runs(request)
    form = LookForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            # Both or neither: what may be refused comes before what is written.
            accent = branding.readable_accent(form.cleaned_data["accent"])
            if form.cleaned_data["logo"]:
                branding.set_logo(viewer=viewer, file=form.cleaned_data["logo"], request=request)
            elif "remove_logo" in request.POST:
                branding.remove_logo(viewer=viewer, request=request)
            branding.set_accent(viewer=viewer, accent=accent, request=request)
        except Refusal as refusal:
            if refusal.field not in form.fields:
                raise
            form.add_error(refusal.field, refusal.sentence)
    if form.errors:
        return company_page(request, status=422, look_form=form)
    messages.success(request, _("Saved."))
    return redirect("company")


@login_required
@require_POST
@told_on_page
def change_member(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Give a member another role or cap."""
    viewer, member = _member(request, member_id)
    form = MemberForm(request.POST, is_owner=viewer.is_owner)
    if not form.is_valid():
        return company_page(request, status=422, wrong_member=member.pk, member_form=form)
    cap = {name: form.cleaned_data[name] for name in ("credit_cap", "cap_period")}
    # Both or neither. The cap first: an admin who steps down may change nothing afterwards.
    with transaction.atomic():
        companies.set_cap(viewer=viewer, member=member, request=request, **cap)
        companies.set_role(viewer=viewer, member=member, role=form.cleaned_data["role"], request=request)
    messages.success(request, _("Saved."))
    return redirect("company")


@login_required
@require_POST
@told_on_page
def remove(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Put a member out."""
    viewer, member = _member(request, member_id)
    companies.remove_member(viewer=viewer, member=member, request=request)
    messages.success(
        request,
        _("%(person)s was removed. What they made stays with the company.") % {"person": member.user.get_full_name()},
    )
    return redirect("company")


@login_required
@require_POST
@told_on_page
def leave(request: HttpRequest) -> HttpResponse:
    """Leave the company."""
    viewer = reader_of(request)
    companies.leave_company(viewer=viewer, request=request)
    messages.success(request, _("You left %(company)s.") % {"company": viewer.company.name})
    return redirect("generate")


@login_required
@require_POST
@told_on_page
def transfer(request: HttpRequest) -> HttpResponse:
    """Make somebody else the owner in one's place."""
    try:
        member_id = UUID(request.POST.get("member", ""))
    except ValueError:
        raise NotAllowed(_("Choose who is to own the company.")) from None
    viewer, member = _member(request, member_id)
    companies.transfer_ownership(viewer=viewer, member=member, request=request)
    messages.success(
        request,
        _("%(person)s owns %(company)s now; you are an admin.")
        % {"person": member.user.get_full_name(), "company": viewer.company.name},
    )
    return redirect("company")


@login_required
@require_POST
@told_on_page
def deactivate(request: HttpRequest) -> HttpResponse:
    """Switch the company off."""
    viewer = viewer_of(request)
    companies.deactivate_company(viewer=viewer, request=request)
    return redirect("company")


@login_required
@require_POST
def reactivate(request: HttpRequest, company_id: UUID) -> HttpResponse:
    """Switch a company on that one had switched off."""
    user = cast("User", request.user)
    place = get_object_or_404(Membership.objects.select_related("company"), company=company_id, user=user)
    try:
        companies.reactivate_company(user=user, company=place.company, request=request)
    except Refusal as refusal:
        context = {"refusal": CompanyInactive(place), "told": refusal.sentence}
        return render(request, CompanyInactive.template, context, status=refusal.status)
    companies.switch_company(request=request, company_id=place.company_id)
    messages.success(request, _("%(company)s is active again.") % {"company": place.company.name})
    return redirect("company")


@login_required
@require_POST
@told_on_page
def delete(request: HttpRequest) -> HttpResponse:
    """Have the company deleted after the grace period; the owner's password is asked for."""
    viewer = viewer_of(request)
    if not viewer.is_owner:
        raise NotAllowed(_("Only owners of the company may do this."))
    count_attempt(request, "reauthenticate", sentence=_("Too many tries. Wait a minute."))
    form = DeleteForm(request.POST)
    try:
        if form.is_valid():
            _check_password(viewer.user, form)
            at = companies.request_deletion(viewer=viewer, request=request)
    except WrongPassword as refusal:
        form.add_error("password", refusal.sentence)
    if form.errors:
        return company_page(request, status=422, delete_form=form)
    messages.success(request, _("The company is deleted on %(day)s unless you keep it.") % {"day": at.date()})
    return redirect("company")


@login_required
@require_POST
@told_on_page
def keep(request: HttpRequest) -> HttpResponse:
    """Keep the company after all."""
    companies.cancel_deletion(viewer=viewer_of(request), request=request)
    messages.success(request, _("The company is kept."))
    return redirect("company")


def _check_password(user: User, form: Form) -> None:
    if not user.has_usable_password():
        raise WrongPassword(_("You sign in without a password. Set one on your profile first."))
    if not user.check_password(form.cleaned_data["password"]):
        raise WrongPassword(_("This is not your password."))


def _who_runs(request: HttpRequest) -> Viewer:
    viewer = viewer_of(request)
    if not viewer.is_admin:
        raise NotAllowed(_("Only owners and admins of the company may do this."))
    return viewer


def _member(request: HttpRequest, member_id: UUID) -> tuple[Viewer, Membership]:
    viewer = viewer_of(request)
    places = Membership.objects.select_related("user")
    return viewer, get_object_or_404(places, pk=member_id, company=viewer.company)
