"""Buying, changing, ending: each button posts to an address of its own. Refusals are told by their own page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.viewer import viewer_of
from billing import buying, test_money
from billing.currency import money
from billing.models import CreditPack, Interval, Plan
from billing.offers import losses_of
from billing.plans import default_plan
from billing.purchases import find_purchase
from billing.refusals import TestPaymentDeclined
from billing.standing import sees_payments, standing_of
from config.base import limits
from config.base.refusal import Refusal

# In seconds, of a page that waits for a payment.
_LONGEST_DELAY = 20


@login_required
@require_POST
def buy_plan(request: HttpRequest) -> HttpResponse:
    """Go on to the page where a plan is paid for."""
    viewer = viewer_of(request)
    plan = get_object_or_404(Plan, slug=_value(request, "plan"))
    limits.count(request, "buying")
    return _leave(request, buying.buy_plan(viewer=viewer, plan=plan, interval=_interval(request)))


@login_required
@require_POST
def buy_pack(request: HttpRequest) -> HttpResponse:
    """Go on to the page where a pack is paid for."""
    viewer = viewer_of(request)
    pack = get_object_or_404(CreditPack, slug=_value(request, "pack"))
    limits.count(request, "buying")
    return _leave(request, buying.buy_pack(viewer=viewer, pack=pack))


@login_required
@require_POST
def portal(request: HttpRequest) -> HttpResponse:
    """Go on to Stripe's page for card, addresses and invoices."""
    viewer = viewer_of(request)
    limits.count(request, "buying")
    return _leave(request, buying.manage(viewer=viewer))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """What going to `?plan=` by `?interval=` costs now or means later; POST does it."""
    viewer = viewer_of(request)
    plan = get_object_or_404(Plan, slug=_value(request, "plan"))
    interval = _interval(request)
    refusal: Refusal | None = None
    if request.method == "POST":
        limits.count(request, "buying")
        try:
            done = buying.change_plan(viewer=viewer, plan=plan, interval=interval, request=request)
        except Refusal as refused:
            # A declined card can be tried again here; whatever else is refused has a page of its own.
            if refused.status != 402:
                raise
            refusal = refused
        else:
            messages.success(request, _told(done.plan.name, is_now=done.is_now))
            return redirect("billing")
    wanted, standing = buying.plan_change(viewer=viewer, plan=plan, interval=interval), standing_of(viewer.company)
    losses = losses_of(standing.plan, plan)
    context = {"standing": standing, "change": wanted, "losses": losses, "refusal": refusal}
    return render(request, "billing/change.html", context, status=refusal.status if refusal else 200)


def _told(plan: str, *, is_now: bool) -> str:
    if is_now:
        return _("You are on %(plan)s now.") % {"plan": plan}
    return _("%(plan)s follows when what is paid for ends. Until then nothing changes.") % {"plan": plan}


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    """What is lost by cancelling, and when; POST does it."""
    viewer = viewer_of(request)
    if request.method == "POST":
        limits.count(request, "buying")
        standing = buying.cancel(viewer=viewer, request=request)
        day = standing.ends_at or timezone.now()
        messages.success(request, _("Cancelled. You keep your plan until %s.") % f"{day:%-d %B %Y}")
        return redirect("billing")
    standing = buying.cancellable(viewer=viewer)
    default = default_plan()
    context = {"standing": standing, "default": default, "losses": losses_of(standing.plan, default)}
    return render(request, "billing/cancel.html", context)


@login_required
@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """Take back a cancellation or a smaller plan that waits."""
    viewer = viewer_of(request)
    limits.count(request, "buying")
    standing = buying.resume(viewer=viewer, request=request)
    messages.success(request, _("Your %(plan)s plan goes on.") % {"plan": standing.plan.name})
    return redirect("billing")


@login_required
@never_cache
@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """What was bought by `?session=`, as it stands now; the page asks again until it is there."""
    viewer = viewer_of(request)
    purchase = find_purchase(viewer=viewer, session=request.GET.get("session", ""))
    if purchase is None:
        raise Http404
    template = "billing/thanks.html#purchase" if request.htmx else "billing/thanks.html"  # type: ignore[attr-defined]
    tries = _tries(request)
    context = {
        "purchase": purchase,
        "standing": standing_of(viewer.company),
        "tries": tries + 1,
        "delay": min(_LONGEST_DELAY, 1 + tries),
    }
    return render(request, template, context)


def _tries(request: HttpRequest) -> int:
    """How often the page has asked already: it asks less and less often."""
    tries = request.GET.get("tries", "0")
    return min(int(tries), 1000) if tries.isascii() and tries.isdecimal() else 0


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def test_checkout(request: HttpRequest, token: str) -> HttpResponse:
    """The page where an order is paid with test money, in development only."""
    viewer = viewer_of(request)
    order = test_money.find_order(company=viewer.company, token=token) if test_money.is_open() else None
    if order is None or not sees_payments(viewer):
        raise Http404
    refusal = None
    if request.method == "POST":
        if request.POST.get("answer") == "pay":
            test_money.pay(order=order, now=timezone.now())
            return redirect(f"{reverse('billing-thanks')}?{urlencode({'session': order.session})}")
        refusal = TestPaymentDeclined(
            _("The test payment of %s was declined, as you asked. Nothing was charged and nothing changed.")
            % money(order.cents)
        )
    context = {"order": order, "refusal": refusal}
    return render(request, "billing/test_checkout.html", context, status=refusal.status if refusal else 200)


def _value(request: HttpRequest, name: str) -> str:
    # The database takes no NUL, not even to look for.
    return (request.POST if request.method == "POST" else request.GET).get(name, "").replace("\0", "")


def _interval(request: HttpRequest) -> str:
    return Interval.YEAR if _value(request, "interval") == Interval.YEAR else Interval.MONTH


def _leave(request: HttpRequest, url: str) -> HttpResponse:
    """Go on to a page of ours, or by a page of ours to another's.

    The content policy lets forms lead to our own addresses only, also by way of a redirect; a page may lead anywhere.
    """
    if url.startswith("/"):
        return redirect(url)
    return render(request, "billing/leaving.html", {"url": url})
