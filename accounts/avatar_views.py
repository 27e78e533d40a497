"""A person's picture: choosing it, and giving it to those who may see it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.avatars import avatar_of, remove_avatar, set_avatar
from accounts.forms import AvatarForm
from accounts.models import User
from accounts.refusals import AvatarRefused
from config.base import limits

A_YEAR = 365 * 24 * 60 * 60


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Choose a picture of oneself and crop it, or take it away."""
    person = _person(request)
    if "remove" in request.POST:
        remove_avatar(user=person, request=request)
        messages.success(request, _("Your picture is removed."))
        return redirect("profile")
    form = AvatarForm(request.POST, request.FILES) if request.method == "POST" else AvatarForm()
    if request.method == "POST" and form.is_valid():
        limits.count(request, "uploads")
        try:
            set_avatar(user=person, file=form.cleaned_data["avatar"], crop=form.crop, request=request)
        except AvatarRefused as refusal:
            form.add_error("avatar", refusal.sentence)
        else:
            messages.success(request, _("This is your picture now."))
            return redirect("profile")
    return render(request, "accounts/avatar.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_safe
def avatar(request: HttpRequest, user_id: UUID, version: UUID, edge: int) -> HttpResponse:
    """The picture of a person, for those who share a company. Its address changes with it, so it is kept for long."""
    content = avatar_of(viewer=_person(request), user_id=user_id, version=version, edge=edge)
    if content is None:
        raise Http404
    headers = {"Cache-Control": f"private, max-age={A_YEAR}, immutable"}
    return HttpResponse(content, content_type="image/webp", headers=headers)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101
    return request.user
