"""A company that is to be deleted pays no more, and Stripe forgets its customer."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import Company
from billing.following import end_subscription
from billing.models import Subscription
from billing.services import lock_wallet
from billing.stripe.applying import apply_customer
from billing.stripe.client import NotAtStripe, asking, is_configured
from config.base.refusal import Refusal


def stop_paying(company_id: UUID) -> bool:
    """End whatever a company pays for, at once. True: it pays for nothing any more; False: Stripe is not there."""
    subscription = Subscription.objects.filter(company=company_id).first()
    if subscription is None:
        return True
    if subscription.customer and is_configured() and not _forget(subscription.customer):
        return False
    with transaction.atomic():
        company = Company.objects.get(pk=company_id)
        lock_wallet(company=company)
        still = Subscription.objects.select_related("plan", "company").get(company=company)
        if still.reference:
            end_subscription(still, now=timezone.now(), actor="darkroom")
    return True


def _forget(customer: str) -> bool:
    """Delete a customer at Stripe, which ends the subscriptions, and follow that."""
    try:
        with asking() as client:
            client.v1.customers.delete(customer)
    except NotAtStripe:
        pass
    except Refusal:
        return False
    try:
        apply_customer(customer)
    except Refusal:
        return False
    return True
