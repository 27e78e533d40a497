"""What Stripe would charge for a change, asked before it is confirmed."""

from accounts.models import Company
from billing.models import Interval, Plan
from billing.stripe.changing import AT_ONCE, paid_subscription
from billing.stripe.client import NotAtStripe, PaymentsUnavailable, asking

# Whoever waits for this page has an estimate of ours instead.
RETRIES = 0


def preview_change(*, company: Company, plan: Plan, interval: str) -> int | None:
    """What changing to `plan` at once would charge now, in cents: with taxes, discounts and what is left counted.

    None where Stripe does not say. No transaction may be open. Raises `NotSubscribed`.
    """
    reference = paid_subscription(company=company).reference
    price = plan.stripe_yearly_price_id if interval == Interval.YEAR else plan.stripe_monthly_price_id
    try:
        with asking() as client:
            items = client.v1.subscription_items.list({"subscription": reference}, {"max_network_retries": RETRIES})
            invoice = client.v1.invoices.create_preview(
                {
                    "subscription": reference,
                    "subscription_details": {
                        "items": [{"id": items.data[0].id, "price": price}],
                        "proration_behavior": AT_ONCE,
                    },
                },
                {"max_network_retries": RETRIES},
            )
    except (PaymentsUnavailable, NotAtStripe):
        return None
    return invoice.amount_due
