"""A person's own data: asking for a copy, fetching it, having the account deleted, keeping it after all."""

from typing import cast

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.deletions import companies_to_hand_over, keep_account, request_account_deletion
from accounts.export_files import answer_with_export
from accounts.exports import find_by_token, key_to_fetch, request_export
from accounts.mailbox import is_open_to
from accounts.models import User
from accounts.privacy_forms import DeleteAccountForm
from accounts.privacy_refusals import ExportTooSoon, NotEnding
from config.base import limits
from config.base.refusal import Refusal


@login_required
@require_POST
def ask_for_export(request: HttpRequest) -> HttpResponse:
    """Have a copy of everything made."""
    try:
        request_export(user=_person(request), request=request)
    except ExportTooSoon as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("Your copy is being made. A mail tells you when it is ready."))
    return redirect("profile")


@never_cache
@login_required
@require_safe
def export_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """Give the copy that the address names to the person whose it is."""
    user = _person(request)
    export = find_by_token(user=user, token=token)
    if export is None:
        raise Http404
    limits.count(request, "downloads")
    return answer_with_export(export, key_to_fetch(user=user, export=export, request=request))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@reauthentication_required
def delete_account(request: HttpRequest) -> HttpResponse:
    """Say what is deleted and when; POST, with the address typed, has it deleted and signs out."""
    user = _person(request)
    form = DeleteAccountForm(request.POST if request.method == "POST" else None, user=user)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                at = request_account_deletion(user=user, request=request)
            except Refusal as refusal:
                form.add_error(None, refusal.sentence)
                status = refusal.status
            else:
                logout(request)
                context = {"at": at, "email": user.email, "mailbox": is_open_to(request)}
                return render(request, "accounts/deletion_asked.html", context)
    context = {
        "form": form,
        "at": timezone.now() + settings.DELETION_GRACE,
        "days": settings.DELETION_GRACE.days,
        "left": companies_to_hand_over(user),
    }
    return render(request, "accounts/delete_account.html", context, status=status)


@login_required
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep the account after all."""
    try:
        keep_account(user=_person(request), request=request)
    except NotEnding as refusal:
        messages.info(request, refusal.sentence)
        return redirect("profile")
    messages.success(request, _("Your account is kept. Everything is as it was, except for revoked API keys."))
    return redirect("generate")


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)
