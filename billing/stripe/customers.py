"""A company's customer at Stripe: made once, and anew when it was deleted there."""

from collections.abc import Callable
from typing import TypeVar
from uuid import uuid5

import stripe

from accounts.models import Company, Membership
from billing.models import Subscription
from billing.stripe.applying import apply_customer, is_deleted
from billing.stripe.client import NotAtStripe, asking

Result = TypeVar("Result")


def with_customer(use: Callable[[str], Result], *, company: Company) -> Result:
    """What `use` makes of a company's customer; of a new one where Stripe knows the present one no more.

    Raises the refusals of `asking`, and `NotAtStripe` where something else is not there.
    """
    customer = ensure_customer(company=company)
    try:
        return use(customer)
    except NotAtStripe:
        if not is_deleted(customer):
            raise
    # Nobody told us, or we ask with the key of another account.
    apply_customer(customer)
    return use(ensure_customer(company=company))


def ensure_customer(*, company: Company) -> str:
    """The id of a company's customer, made at Stripe when it has none. No transaction may be open.

    Two calls at once make one: Stripe answers the second with the first one's customer.
    """
    known = Subscription.objects.values_list("customer", flat=True).get(company=company)
    if known:
        return known
    with asking() as client:
        customer = _create(client, company)
    Subscription.objects.filter(company=company, customer="").update(customer=customer)
    return Subscription.objects.values_list("customer", flat=True).get(company=company)


def _create(client: stripe.StripeClient, company: Company) -> str:
    email = company.email or _owners_address(company)
    # Stripe refuses a key that comes again with other words, so the words are in it.
    key = f"customer:{uuid5(company.pk, f'{company.name}:{email}')}"
    while True:
        customer = client.v1.customers.create(
            {
                "name": company.name,
                "email": email,
                "metadata": {"company": str(company.pk), "djstripe_subscriber": str(company.pk)},
            },
            {"idempotency_key": key},
        )
        answer = customer.last_response
        is_repeated = answer is not None and "idempotent-replayed" in answer.headers
        if not is_repeated or not is_deleted(customer.id):
            return customer.id
        # The one that was made by this key is gone; everybody who asks now goes on to the same next key.
        key = f"customer:{company.pk}:after:{customer.id}"


def _owners_address(company: Company) -> str:
    owner = Membership.objects.filter(company=company, role=Membership.Role.OWNER).select_related("user").first()
    return owner.user.email if owner else ""
