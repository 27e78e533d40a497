"""The page of a person's sessions."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.sessions import end_other_sessions, end_session_of, sessions_of


@never_cache
@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """Where I am signed in."""
    found = sessions_of(_person(request), current_key=request.session.session_key)
    return render(request, "usersessions/sessions.html", {"sessions": found, "others": len(found) - 1})


@login_required
@require_POST
def end(request: HttpRequest, session_id: int) -> HttpResponse:
    """Sign one browser or program out."""
    if not end_session_of(user=_person(request), session_id=session_id, request=request):
        raise Http404
    messages.success(request, _("That session has ended."))
    return redirect("sessions")


@login_required
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    count = end_other_sessions(user=_person(request), current_key=request.session.session_key, request=request)
    messages.success(
        request, ngettext("%(count)d session has ended.", "%(count)d sessions have ended.", count) % {"count": count}
    )
    return redirect("sessions")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101
    return request.user
