"""Pages of the admin about money that are no list of rows."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from billing.stripe.health import stripe_health

FAILING_SHOWN = 20


@staff_member_required
@require_GET
def stripe(request: HttpRequest) -> HttpResponse:
    """How the way to and from Stripe is doing: keys, webhook, what waits or fails, the last reconciliation."""
    if not request.user.has_perm("billing.view_stripeevent"):
        raise PermissionDenied
    health = stripe_health()
    context = admin.site.each_context(request) | {
        "title": _("Stripe"),
        "health": health,
        "failing": health.failing[:FAILING_SHOWN],
    }
    return render(request, "admin/billing/stripe.html", context)
