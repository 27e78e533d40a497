"""The way back to oneself."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts import impersonation
from accounts.models import SignInAs


@login_required
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End being signed in as somebody; nothing for whoever is not."""
    row = getattr(request, "sign_in_as", None)
    if not isinstance(row, SignInAs):
        return redirect("generate")
    impersonation.end(row=row, request=request)
    return redirect("admin:accounts_user_change", row.person_id)
