"""What the buttons do: buy, change, cancel, go on. Stripe does it where it is connected, else test money in DEBUG.

Owners and admins only. What is bought is asked for by its row; no price comes from a request. Nothing here grants
anything: what was paid comes as facts, whichever way (`following`).
"""

from dataclasses import replace
from enum import StrEnum

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.company_refusals import NotAllowed
from accounts.services import record_audit
from accounts.viewer import Viewer
from billing import test_money
from billing.changes import Change, change_to, is_beyond_given, may_change
from billing.models import CreditPack, Plan
from billing.refusals import AlreadySubscribed, NotForSale, NotSubscribed, PaymentDue, PaymentsNotSetUp
from billing.standing import Standing, price_of_plan, sees_payments, standing_of
from billing.stripe.changing import cancel_subscription, change_subscription, resume_subscription
from billing.stripe.checkout import start_pack_checkout, start_subscription_checkout
from billing.stripe.client import is_configured
from billing.stripe.portal import open_portal
from billing.stripe.previewing import preview_change


class Way(StrEnum):
    """How people pay here."""

    STRIPE = "stripe"
    TEST = "test"
    NONE = "none"


def way_to_pay() -> Way:
    """How people pay here now: Stripe with a key, test money in DEBUG without one, else not at all."""
    if is_configured():
        return Way.STRIPE
    return Way.TEST if test_money.is_open() else Way.NONE


def buy_plan(*, viewer: Viewer, plan: Plan, interval: str) -> str:
    """The address of a page where a plan is paid for, by the month or by the year.

    Raises `NotAllowed`, `NotForSale`, `AlreadySubscribed`, `PaymentsNotSetUp`, and what Stripe refuses.
    """
    _require_buyer(viewer)
    _require_sold(plan, interval)
    standing = standing_of(viewer.company)
    if standing.is_paid:
        raise AlreadySubscribed(
            _("Your company pays for %(plan)s already. Change that plan instead of buying a second one.")
            % {"plan": standing.plan.name}
        )
    if not is_beyond_given(standing, plan):
        raise AlreadySubscribed(
            _("Your company was given %(plan)s by whoever runs this product. Ask them before you buy another plan.")
            % {"plan": standing.plan.name}
        )
    if _way() is Way.STRIPE:
        return start_subscription_checkout(company=viewer.company, plan=plan, interval=interval, user=viewer.user)
    return _test_page(test_money.order_token(company=viewer.company, plan=plan, interval=interval))


def buy_pack(*, viewer: Viewer, pack: CreditPack) -> str:
    """The address of a page where a pack is paid for. Raises as `buy_plan` does."""
    _require_buyer(viewer)
    if not pack.is_active:
        raise NotForSale(_("This pack is not offered any more. Choose another one."))
    if _way() is Way.STRIPE:
        return start_pack_checkout(company=viewer.company, pack=pack, user=viewer.user)
    return _test_page(test_money.order_token(company=viewer.company, pack=pack))


def manage(*, viewer: Viewer) -> str:
    """The address of Stripe's page for card, invoices and addresses. Raises `NotSubscribed` where there is none."""
    _require_buyer(viewer)
    standing = standing_of(viewer.company)
    if _way() is not Way.STRIPE or not standing.subscription.customer:
        raise NotSubscribed(_("There is nothing to manage yet: your company has not paid for anything by card."))
    return open_portal(company=viewer.company)


def plan_change(*, viewer: Viewer, plan: Plan, interval: str) -> Change:
    """What a change would cost and mean, without doing it. Raises as `change_plan` does.

    Stripe is asked for the sum, so no transaction may be open; while it does not answer, the sum is an estimate.
    """
    change = change_to(_changeable(viewer, plan, interval), plan, interval)
    if not change.is_estimate:
        return change
    cents = preview_change(company=viewer.company, plan=plan, interval=interval)
    return change if cents is None else replace(change, cents_now=cents, is_estimate=False)


def change_plan(*, viewer: Viewer, plan: Plan, interval: str, request: HttpRequest | None = None) -> Change:
    """Go to another plan or interval: for more at once, for less at the end of what is paid for.

    Returns what it meant; `cents_now` is what was charged.

    Raises `NotAllowed`, `NotSubscribed`, `NotForSale`, `PaymentDue`, and what Stripe refuses: a declined card changes
    nothing.
    """
    standing = _changeable(viewer, plan, interval)
    change = change_to(standing, plan, interval)
    if standing.is_test:
        test_money.change(company=viewer.company, plan=plan, interval=interval, now=timezone.now())
    else:
        payment = change_subscription(company=viewer.company, plan=plan, interval=interval)
        if payment is not None:
            change = replace(change, cents_now=payment.amount_cents, is_estimate=False)
    _note(viewer, "subscription.change_asked", request, plan=plan.slug, interval=interval)
    return change


def cancellable(*, viewer: Viewer) -> Standing:
    """What would be cancelled, without doing it. Raises as `cancel` does."""
    return _paid_standing(viewer)


def cancel(*, viewer: Viewer, request: HttpRequest | None = None) -> Standing:
    """End the subscription when what is paid for is over. Raises `NotAllowed`, `NotSubscribed`."""
    standing = _paid_standing(viewer)
    if standing.ends_at is None:
        if standing.is_test:
            test_money.end_at_period_end(company=viewer.company, now=timezone.now())
        else:
            cancel_subscription(company=viewer.company)
        _note(viewer, "subscription.cancelled", request, plan=standing.plan.slug)
    return standing_of(viewer.company)


def resume(*, viewer: Viewer, request: HttpRequest | None = None) -> Standing:
    """Take back a cancellation, or a smaller plan that waits. Raises `NotAllowed`, `NotSubscribed`."""
    standing = _paid_standing(viewer)
    if standing.ends_at is not None or standing.next_plan is not None:
        if standing.is_test:
            test_money.go_on(company=viewer.company, now=timezone.now())
        else:
            resume_subscription(company=viewer.company)
        _note(viewer, "subscription.resumed", request, plan=standing.plan.slug)
    return standing_of(viewer.company)


def _require_buyer(viewer: Viewer) -> None:
    if not sees_payments(viewer):
        raise NotAllowed(_("Only owners and admins of the company may buy and change plans. Ask one of them."))


def _require_sold(plan: Plan, interval: str) -> None:
    price = price_of_plan(plan, interval)
    if price is None and plan.monthly_price_cents is None:
        raise NotForSale(_("%(plan)s is sold by agreement: write to us.") % {"plan": plan.name}, field="plan")
    if price is None:
        raise NotForSale(_("%(plan)s is not sold by the year. Choose the month.") % {"plan": plan.name}, field="plan")
    if not price:
        raise NotForSale(_("%(plan)s costs nothing: there is nothing to buy.") % {"plan": plan.name}, field="plan")
    if not plan.is_active:
        raise NotForSale(
            _("%(plan)s is not offered any more. Choose another plan.") % {"plan": plan.name}, field="plan"
        )


def _way() -> Way:
    way = way_to_pay()
    if way is Way.NONE:
        raise PaymentsNotSetUp(
            _("Payments are not set up here yet, so nothing can be bought. Nothing was charged. Try again later.")
        )
    return way


def _paid_standing(viewer: Viewer) -> Standing:
    _require_buyer(viewer)
    standing = standing_of(viewer.company)
    if not standing.is_paid:
        raise NotSubscribed(_("Your company has no paid plan. Choose one on the page of plans."))
    # Test money that remains from before Stripe was connected can still be ended.
    if not standing.is_test:
        _way()
    return standing


def _changeable(viewer: Viewer, plan: Plan, interval: str) -> Standing:
    standing = _paid_standing(viewer)
    _require_sold(plan, interval)
    if standing.is_past_due or standing.is_paused:
        raise PaymentDue(
            _("Your company's plan is not paid just now. Put that right on the billing page, then change the plan.")
        )
    if standing.is_test and not test_money.is_open():
        raise NotForSale(
            _("What was paid for with test money ends first: choose %(plan)s when that is over.") % {"plan": plan.name},
            field="plan",
        )
    if standing.plan.pk == plan.pk and standing.paid_interval == interval:
        raise NotForSale(_("Your company is on %(plan)s already.") % {"plan": plan.name}, field="plan")
    if not may_change(standing, plan, interval):
        raise NotForSale(
            _("What is paid for ends first: cancel, and choose %(plan)s when that is over.") % {"plan": plan.name},
            field="interval",
        )
    return standing


def _test_page(token: str) -> str:
    return reverse("test-checkout", kwargs={"token": token})


def _note(viewer: Viewer, action: str, request: HttpRequest | None, **detail: str) -> None:
    record_audit(
        actor=viewer.user.email,
        action=action,
        target=str(viewer.company),
        company=viewer.company,
        detail=detail,
        request=request,
    )
