"""What is sold, for everybody: plans, packs, and the way to ask for more."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.viewer import NoCompany, Viewer, viewer_of
from billing.buying import Way, way_to_pay
from billing.enquiries import send_enquiry
from billing.forms import EnquiryForm
from billing.models import Interval
from billing.offers import comparison_of, offered_plans, offers_to, pack_offers
from billing.standing import had_trial, sees_payments, standing_of
from config.base import limits


def _viewer_or_none(request: HttpRequest) -> Viewer | None:
    """Who looks, if that is somebody with a company: these pages are for visitors too."""
    if not request.user.is_authenticated:
        return None
    try:
        return viewer_of(request)
    except NoCompany:
        return None


@require_safe
def pricing(request: HttpRequest) -> HttpResponse:
    """Plans by the month or the year (`?interval=`), what they give, and packs."""
    viewer = _viewer_or_none(request)
    interval = Interval.YEAR if request.GET.get("interval") == Interval.YEAR else Interval.MONTH
    standing = standing_of(viewer.company) if viewer else None
    plans = offered_plans()
    offers = offers_to(standing, plans, interval=interval, has_had_trial=had_trial(viewer.company) if viewer else False)
    context: dict[str, Any] = {
        "interval": interval,
        "standing": standing,
        "offers": offers,
        "has_yearly": any(plan.yearly_price_cents for plan in plans),
        "plans": plans,
        "comparison": comparison_of(plans),
        "packs": pack_offers(),
        "may_buy": viewer is None or sees_payments(viewer),
        "way": way_to_pay(),
        "has_way": way_to_pay() is not Way.NONE,
        "has_tax": settings.STRIPE_TAX,
    }
    return render(request, "billing/pricing.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def contact_sales(request: HttpRequest) -> HttpResponse:
    """Write to whoever runs this product about a plan by agreement (`?plan=`)."""
    viewer = _viewer_or_none(request)
    if request.method != "POST":
        initial: dict[str, Any] = {"plan": request.GET.get("plan", "")}
        if isinstance(request.user, User):
            initial |= {"name": request.user.full_name, "email": request.user.email}
        if viewer and viewer.company.is_team:
            initial["organisation"] = viewer.company.name
        return render(request, "billing/contact_sales.html", {"form": EnquiryForm(initial=initial)})
    form = EnquiryForm(request.POST)
    if not form.is_valid():
        return render(request, "billing/contact_sales.html", {"form": form}, status=422)
    limits.count(request, "enquiries")
    if not form.is_from_a_machine:
        values = {name: form.cleaned_data[name] for name in EnquiryForm.Meta.fields}
        send_enquiry(**values, company=viewer.company if viewer else None)
    messages.success(request, _("Thank you. Somebody will write to you at the address that you gave."))
    return redirect("pricing")
