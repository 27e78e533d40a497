"""A company's customer at Stripe: made once."""

from accounts.models import Company, Membership
from billing.models import Subscription
from billing.stripe.client import asking


def ensure_customer(*, company: Company) -> str:
    """The id of a company's customer, made at Stripe when it has none. No transaction may be open.

    Two calls at once make one: Stripe answers the second with the first one's customer.
    """
    subscription = Subscription.objects.get(company=company)
    if subscription.customer:
        return subscription.customer
    # After a customer was deleted at Stripe something was seen since, so the key is another one.
    seen = subscription.seen_at.isoformat() if subscription.seen_at else ""
    with asking() as client:
        customer = client.v1.customers.create(
            {
                "name": company.name,
                "email": company.email or _owners_address(company),
                "metadata": {"company": str(company.pk), "djstripe_subscriber": str(company.pk)},
            },
            {"idempotency_key": f"customer:{company.pk}:{seen}"},
        )
    Subscription.objects.filter(company=company, customer="").update(customer=customer.id)
    return Subscription.objects.values_list("customer", flat=True).get(company=company)


def _owners_address(company: Company) -> str:
    owner = Membership.objects.filter(company=company, role=Membership.Role.OWNER).select_related("user").first()
    return owner.user.email if owner else ""
