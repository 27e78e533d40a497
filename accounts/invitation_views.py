"""Pages of invitations: what the link in the mail opens, and what those who run a company do with theirs."""

from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import companies, invitations
from accounts.company_forms import InviteForm
from accounts.company_refusals import CompanyFull, InvitationGone, NotAllowed, WrongAddress
from accounts.company_views import company_page, told_on_page
from accounts.models import Invitation, Membership, User
from accounts.viewer import Viewer, viewer_of
from config.base import limits
from config.base.refusal import Refusal


@never_cache
@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Who invites you to what; accept or decline."""
    return _invitation_page(request, token)


@require_POST
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Take the seat, and act for the company from then on."""
    if not isinstance(request.user, User):
        return redirect("invitation", token)
    try:
        place = invitations.accept(user=request.user, token=token, request=request)
        viewer = companies.switch_company(request=request, company_id=place.company_id)
    except (InvitationGone, WrongAddress, CompanyFull) as refusal:
        return _invitation_page(request, token, refusal)
    messages.success(request, _("Welcome to %(company)s.") % {"company": viewer.company.name})
    return redirect("generate")


@require_POST
def decline(request: HttpRequest, token: str) -> HttpResponse:
    """Say no."""
    try:
        declined = invitations.decline(token=token, request=request)
    except InvitationGone as refusal:
        return _invitation_page(request, token, refusal)
    return render(request, "accounts/invitation.html", {"invitation": declined, "state": "declined"})


def _invitation_page(request: HttpRequest, token: str, refusal: Refusal | None = None) -> HttpResponse:
    found = invitations.find(token)
    user = request.user if isinstance(request.user, User) else None
    told = refusal or invitations.obstacle(invitation=found, user=user)
    address = reverse("invitation", args=[token])
    context: dict[str, Any] = {
        "invitation": found,
        "token": token,
        "state": told.problem_code if told else "open",
        "sentence": told.sentence if told else "",
        "sign_up": f"{reverse('register')}?{urlencode({'next': address, 'email': found.email if found else ''})}",
        "sign_in": f"{reverse('login')}?{urlencode({'next': address})}",
        "is_mine": bool(found and user and found.accepted_by_id == user.pk),
    }
    return render(request, "accounts/invitation.html", context, status=told.status if told else 200)


@login_required
@require_POST
@told_on_page
def invite(request: HttpRequest) -> HttpResponse:
    """Ask somebody in."""
    viewer = _who_runs(request)
    form = InviteForm(request.POST, is_owner=viewer.is_owner)
    if form.is_valid():
        limits.count(request, "invitations")
        try:
            sent = invitations.invite(viewer=viewer, request=request, **form.cleaned_data)
        except Refusal as refusal:
            if refusal.field not in form.fields:
                raise
            form.add_error(refusal.field, refusal.sentence)
        else:
            messages.success(request, _("An invitation is on its way to %(email)s.") % {"email": sent.email})
            return redirect("company")
    return company_page(request, status=422, invite_form=form)


@login_required
@require_POST
@told_on_page
def resend(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Send it again."""
    viewer, found = _own_invitation(request, invitation_id)
    limits.count(request, "invitations")
    invitations.resend(viewer=viewer, invitation=found, request=request)
    messages.success(request, _("Another mail is on its way to %(email)s.") % {"email": found.email})
    return redirect("company")


@login_required
@require_POST
@told_on_page
def revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Take it back."""
    viewer, found = _own_invitation(request, invitation_id)
    invitations.revoke(viewer=viewer, invitation=found, request=request)
    messages.success(request, _("The invitation to %(email)s was taken back.") % {"email": found.email})
    return redirect("company")


@login_required
@require_safe
def offers(request: HttpRequest) -> HttpResponse:
    """Companies that take the person by address; asked for when the menu opens."""
    return render(request, "accounts/_offers.html", {"offers": invitations.joinable(cast("User", request.user))})


@login_required
@require_POST
def join(request: HttpRequest, company_id: UUID) -> HttpResponse:
    """Join a company by a proved address."""
    user = cast("User", request.user)
    offered = {company.pk: company for company in invitations.joinable(user)}
    place = Membership.objects.filter(user=user, company=company_id).select_related("company").first()
    if place is None:
        if company_id not in offered:
            raise Http404
        place = invitations.join_by_domain(user=user, company=offered[company_id], request=request)
    viewer = companies.switch_company(request=request, company_id=place.company_id)
    messages.success(request, _("Welcome to %(company)s.") % {"company": viewer.company.name})
    return redirect("generate")


def _who_runs(request: HttpRequest) -> Viewer:
    viewer = viewer_of(request)
    if not viewer.is_admin:
        raise NotAllowed(_("Only owners and admins of the company may do this."))
    return viewer


def _own_invitation(request: HttpRequest, invitation_id: UUID) -> tuple[Viewer, Invitation]:
    viewer = viewer_of(request)
    return viewer, get_object_or_404(Invitation, pk=invitation_id, company=viewer.company)
