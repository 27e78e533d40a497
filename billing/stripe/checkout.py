"""Buying at Stripe's own page: the address to send people to."""

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Company, User
from billing.following import LIVE
from billing.models import BillingPeriod, CreditPack, Interval, Plan, Subscription
from billing.refusals import AlreadySubscribed, NotForSale
from billing.standing import had_trial
from billing.stripe.client import NotAtStripe, asking
from billing.stripe.customers import with_customer

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams


logger = logging.getLogger(__name__)


def start_subscription_checkout(*, company: Company, plan: Plan, interval: str, user: User) -> str:
    """The address of a page on which `plan` can be paid by the month or the year.

    Raises `AlreadySubscribed`, `NotForSale` and the refusals of `asking`; nothing is changed then.
    """
    price = plan.stripe_yearly_price_id if interval == Interval.YEAR else plan.stripe_monthly_price_id
    if not plan.is_active or not price:
        raise NotForSale(
            _("%(plan)s cannot be bought online at the moment. Choose another plan, or write to us.")
            % {"plan": plan.name}
        )
    subscription = Subscription.objects.select_related("plan").get(company=company)
    if subscription.source == Subscription.Source.STRIPE and subscription.reference and subscription.status in LIVE:
        raise AlreadySubscribed(
            _("You are on %(plan)s already. Change the plan on the billing page instead of buying another one.")
            % {"plan": subscription.plan.name}
        )
    # Read back for nothing but the mirror: what counts is the customer.
    about: Any = {"metadata": {"company": str(company.pk)}}
    paid_before = BillingPeriod.objects.filter(company=company, reference__startswith="sub_")
    if plan.trial_days and not had_trial(company) and not paid_before.exists():
        about["trial_period_days"] = plan.trial_days
    return _start(
        company=company,
        user=user,
        params={
            "mode": "subscription",
            "line_items": [{"price": price, "quantity": 1}],
            "subscription_data": about,
            "metadata": {"company": str(company.pk), "plan": plan.slug},
        },
    )


def start_pack_checkout(*, company: Company, pack: CreditPack, user: User) -> str:
    """The address of a page on which a pack can be paid. Raises `NotForSale` and the refusals of `asking`."""
    if not pack.is_active or not pack.stripe_price_id:
        raise NotForSale(_("This pack cannot be bought online at the moment."))
    about = {"company": str(company.pk), "pack": pack.slug}
    return _start(
        company=company,
        user=user,
        params={
            "mode": "payment",
            "line_items": [{"price": pack.stripe_price_id, "quantity": 1}],
            "payment_intent_data": {"metadata": about},
            "metadata": about,
        },
    )


def _start(*, company: Company, user: User, params: "SessionCreateParams") -> str:
    try:
        return with_customer(lambda customer: _open(customer, user, params), company=company)
    except NotAtStripe as error:
        # A price of another account, or of another mode: `sync_stripe` was not run since the key was changed.
        logger.warning("Stripe does not know what is to be sold: %s", error)
        raise NotForSale(_("This cannot be bought online at the moment. Tell whoever runs this site.")) from error


def _open(customer: str, user: User, params: "SessionCreateParams") -> str:
    with asking() as client:
        if params.get("mode") == "subscription":
            # Two tabs must not buy two subscriptions: the page that was opened last is the one that works.
            for session in client.v1.checkout.sessions.list(
                {"customer": customer, "status": "open"}
            ).auto_paging_iter():
                if session.mode == "subscription":
                    client.v1.checkout.sessions.expire(session.id)
        thanks = f"{settings.PUBLIC_URL}{reverse('billing-thanks')}?session={{CHECKOUT_SESSION_ID}}"
        session = client.v1.checkout.sessions.create(
            {
                **params,
                "customer": customer,
                "client_reference_id": str(user.pk),
                "success_url": thanks,
                "cancel_url": f"{settings.PUBLIC_URL}{reverse('pricing')}",
                "allow_promotion_codes": settings.STRIPE_PROMOTION_CODES,
                **_taxes(),
            }
        )
    return str(session.url)


def _taxes() -> Any:
    if not settings.STRIPE_TAX:
        return {}
    return {
        "automatic_tax": {"enabled": True},
        "customer_update": {"address": "auto", "name": "auto"},
        "tax_id_collection": {"enabled": True},
    }
