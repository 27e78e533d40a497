"""Asking Stripe how something is now and bringing our rows in line with it.

Webhooks, the thank-you page, the reconciliation and our own changes all end here. Each function asks first and then
follows what it was told; nothing is taken from whoever said that something happened. Each returns the company that it
was about, or None where it concerns nobody here.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import stripe
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import Company
from billing.following import follow_payment, follow_subscription, forget_customer
from billing.models import Payment, Subscription
from billing.services import lock_wallet
from billing.stripe import reading
from billing.stripe.client import NotAtStripe, asking, plain

# What a dispute in one of these withholds; an inquiry withholds nothing.
WITHHELD = ("needs_response", "under_review", "lost")

logger = logging.getLogger(__name__)


def apply_object(object_type: str, object_id: str) -> Company | None:
    """Bring our rows in line with one of Stripe's objects; what we have no use for is left."""
    apply = _APPLY.get(object_type)
    return None if apply is None else apply(object_id)


def apply_subscription(subscription_id: str) -> Company | None:
    """Follow a subscription. Raises `reading.UnknownPrice` and the refusals of `asking`, as all of these."""
    asked_at = timezone.now()
    with asking() as client:
        data = plain(client.v1.subscriptions.retrieve(subscription_id, {"expand": reading.WITH_SCHEDULE}))
        unpaid_since = _unpaid_since(client, data)
    company = _company(data, reference=data["id"])
    if company is None:
        return None
    fact = reading.subscription_fact(data, company=company, unpaid_since=unpaid_since, asked_at=asked_at)
    if fact is not None and follow_subscription(fact) and fact.status == Subscription.Status.CANCELLED:
        _follow_another(fact.customer)
    return company


def _follow_another(customer_id: str) -> None:
    """Who pays for a second subscription, which gave no more than the first, has its plan now that that has ended."""
    try:
        with asking() as client:
            living = client.v1.subscriptions.list({"customer": customer_id, "limit": 100})
    except NotAtStripe:
        return
    for one in living.data:
        apply_subscription(one.id)


def _unpaid_since(client: stripe.StripeClient, data: dict[str, Any]) -> datetime | None:
    """When the oldest invoice that a subscription owes was asked for; None where it owes nothing."""
    if data["status"] not in reading.OWING:
        return None
    unpaid = client.v1.invoices.list({"subscription": data["id"], "status": "open", "limit": 100})
    return min((reading.asked_for_at(plain(invoice)) for invoice in unpaid.data), default=None)


def apply_schedule(schedule_id: str) -> Company | None:
    """Follow the subscription that a schedule changes, or changed."""
    with asking() as client:
        data = plain(client.v1.subscription_schedules.retrieve(schedule_id))
    reference = reading.identifier(data.get("subscription") or data.get("released_subscription"))
    return apply_subscription(reference) if reference else None


def apply_invoice(invoice_id: str) -> Company | None:
    """Follow an invoice and the charge that paid it."""
    asked_at = timezone.now()
    with asking() as client:
        data = plain(client.v1.invoices.retrieve(invoice_id, {"expand": reading.WITH_SUBSCRIPTION}))
        reference = reading.subscription_of_invoice(data)
        company = _company(data, key=f"invoice:{invoice_id}", reference=reference)
        if company is None:
            return None
        _complete_lines(client, data)
        charge, disputed = _charge(client, reading.intent_of_invoice(data))
    fact = reading.invoice_fact(data, company=company, charge=charge, disputed_cents=disputed, asked_at=asked_at)
    if fact is not None:
        follow_payment(fact)
    return company


def apply_session(session_id: str) -> Company | None:
    """Follow what was bought on a checkout page: a pack, or a subscription with its first invoice."""
    asked_at = timezone.now()
    with asking() as client:
        expand = ["line_items", "payment_intent"]
        data = plain(client.v1.checkout.sessions.retrieve(session_id, {"expand": expand}))
        company = _company(data, key=f"session:{session_id}")
        if company is None:
            return None
        charge, disputed = _charge(client, reading.identifier(data.get("payment_intent")))
    if data["mode"] != "payment":
        for apply, found in ((apply_invoice, data.get("invoice")), (apply_subscription, data.get("subscription"))):
            if reading.identifier(found):
                apply(reading.identifier(found))
        return company
    fact = reading.session_fact(data, company=company, charge=charge, disputed_cents=disputed, asked_at=asked_at)
    if fact is not None:
        follow_payment(fact)
    return company


def apply_charge(charge_id: str) -> Company | None:
    """Follow what a charge paid for; refunds and disputes are the charge's."""
    with asking() as client:
        data = plain(client.v1.charges.retrieve(charge_id))
    return apply_payment_intent(reading.identifier(data.get("payment_intent")), charge_id=charge_id)


def apply_payment_intent(intent_id: str, *, charge_id: str = "") -> Company | None:
    """Follow the invoice or the session that a payment intent pays."""
    key = _known_key(intent_id, charge_id) or (_find_key(intent_id) if intent_id else "")
    kind, _colon, object_id = key.partition(":")
    if kind == "invoice":
        return apply_invoice(object_id)
    return apply_session(object_id) if kind == "session" else None


def _known_key(intent_id: str, charge_id: str) -> str:
    payments = Payment.objects.values_list("key", flat=True)
    known = payments.filter(payment_intent=intent_id).first() if intent_id else None
    return known or (payments.filter(charge=charge_id).first() if charge_id else None) or ""


def _find_key(intent_id: str) -> str:
    """What an intent pays, as Stripe knows it: the event of a refund may come before that of the payment."""
    with asking() as client:
        sessions = client.v1.checkout.sessions.list({"payment_intent": intent_id})
        if sessions.data:
            return f"session:{sessions.data[0].id}"
        about: Any = {"payment": {"type": "payment_intent", "payment_intent": intent_id}}
        paid = [plain(one) for one in client.v1.invoice_payments.list(about).data]
    return f"invoice:{reading.identifier(paid[0]['invoice'])}" if paid else ""


def apply_refund(refund_id: str) -> Company | None:
    """Follow what a refund gives back of."""
    with asking() as client:
        data = plain(client.v1.refunds.retrieve(refund_id))
    charge = reading.identifier(data.get("charge"))
    return apply_payment_intent(reading.identifier(data.get("payment_intent")), charge_id=charge)


def apply_dispute(dispute_id: str) -> Company | None:
    """Follow what a dispute is about."""
    with asking() as client:
        data = plain(client.v1.disputes.retrieve(dispute_id))
    charge = reading.identifier(data.get("charge"))
    return apply_payment_intent(reading.identifier(data.get("payment_intent")), charge_id=charge)


def apply_customer(customer_id: str) -> Company | None:
    """A customer who was deleted has no subscription any more, and the company needs another one to buy again."""
    company = reading.company_of(customer_id)
    if company is None or not is_deleted(customer_id):
        return company
    reference = Subscription.objects.values_list("reference", flat=True).get(company=company)
    if reference.startswith("sub_"):
        apply_subscription(reference)
    forget_customer(company=company)
    return company


def is_deleted(customer_id: str) -> bool:
    """Whether Stripe knows a customer no more."""
    try:
        with asking() as client:
            return bool(plain(client.v1.customers.retrieve(customer_id)).get("deleted"))
    except NotAtStripe:
        return True


def _company(data: dict[str, Any], *, key: str = "", reference: str = "") -> Company | None:
    """Whose an object is: whose customer it names. One made at Stripe for a company that has none is taken on.

    A customer who was deleted says nothing any more; then it is whose it was when we saw it last, else whose we made
    it for. `key` is a payment's, `reference` a subscription's.
    """
    customer_id = reading.identifier(data.get("customer"))
    found = reading.company_of(customer_id)
    if found is not None or not customer_id:
        return found
    with asking() as client:
        customer = plain(client.v1.customers.retrieve(customer_id))
    if customer.get("deleted"):
        return _remembered(key, reference) or _named(reading.made_for(data))
    company = _named((customer.get("metadata") or {}).get("company", ""))
    if company is None:
        logger.info("Customer %s of Stripe is nobody's here.", customer_id)
        return None
    with transaction.atomic():
        lock_wallet(company=company)
        Subscription.objects.filter(company=company, customer="").update(customer=customer_id)
    return reading.company_of(customer_id)


def _remembered(key: str, reference: str) -> Company | None:
    paid = Company.objects.filter(payments__key=key).first() if key else None
    return paid or (Company.objects.filter(billing_periods__reference=reference).first() if reference else None)


def _named(company_id: str) -> Company | None:
    try:
        return Company.objects.filter(pk=UUID(company_id)).first()
    except (ValueError, ValidationError):
        return None


def _complete_lines(client: stripe.StripeClient, data: dict[str, Any]) -> None:
    """An invoice brings its first ten lines along; ask for the others."""
    lines = data.get("lines") or {}
    if lines.get("has_more"):
        whole = client.v1.invoices.line_items.list(data["id"], {"limit": 100}).auto_paging_iter()
        lines["data"] = [plain(line) for line in whole]


def _charge(client: stripe.StripeClient, intent_id: str) -> tuple[dict[str, Any], int]:
    """The charge of a payment intent ({} for none), and what disputes withhold of it in cents."""
    if not intent_id:
        return {}, 0
    intent = plain(client.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]}))
    charge = intent.get("latest_charge") or {}
    if isinstance(charge, str):
        charge = plain(client.v1.charges.retrieve(charge))
    if not charge.get("disputed"):
        return charge, 0
    disputes = [plain(one) for one in client.v1.disputes.list({"charge": charge["id"]}).data]
    return charge, sum(one["amount"] for one in disputes if one["status"] in WITHHELD)


_APPLY: dict[str, Callable[[str], Company | None]] = {
    "checkout.session": apply_session,
    "subscription": apply_subscription,
    "subscription_schedule": apply_schedule,
    "invoice": apply_invoice,
    "charge": apply_charge,
    "refund": apply_refund,
    "dispute": apply_dispute,
    "customer": apply_customer,
}
