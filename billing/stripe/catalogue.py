"""What is sold, as products and prices at Stripe; and how its portal and its webhook are set up.

Everything can be run again: what is there and right stays. Prices at Stripe never change, so an edited one is made anew
and the old one is archived; who subscribed by it goes on paying it, and its product still names our plan.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import stripe
from django.conf import settings
from django.urls import reverse
from djstripe.models import WebhookEndpoint

from billing.models import CreditPack, Plan
from billing.stripe.client import asking, plain
from billing.stripe.portal import MARK, forget_configuration
from billing.stripe.webhooks import CONFIGURED, EVENTS, secret_of, webhook_address
from config.base.crypto import encrypt


def sync_catalogue() -> Iterator[str]:
    """Make products and prices of all plans and packs that are sold; yields a sentence for everything that it did."""
    for plan in Plan.objects.order_by("position"):
        if plan.monthly_price_cents:
            yield from _sync_plan(plan)
    for pack in CreditPack.objects.order_by("position"):
        yield from _sync_pack(pack)


def _sync_plan(plan: Plan) -> Iterator[str]:
    with asking() as client:
        product, did = _product(client, plan.stripe_product_id, plan.slug, "darkroom_plan", plan.name, plan.is_active)
        yield from did
        wanted = [("stripe_monthly_price_id", plan.monthly_price_cents, "month")]
        wanted.append(("stripe_yearly_price_id", plan.yearly_price_cents, "year"))
        prices = {}
        for field, cents, interval in wanted:
            prices[field], did = _price(client, getattr(plan, field), product, cents, interval)
            yield from (f"{plan.name}: {sentence}" for sentence in did)
    Plan.objects.filter(pk=plan.pk).update(stripe_product_id=product, **prices)


def _sync_pack(pack: CreditPack) -> Iterator[str]:
    with asking() as client:
        product, did = _product(client, pack.stripe_product_id, pack.slug, "darkroom_pack", str(pack), pack.is_active)
        yield from did
        price, did = _price(client, pack.stripe_price_id, product, pack.price_cents, "")
        yield from (f"{pack}: {sentence}" for sentence in did)
    CreditPack.objects.filter(pk=pack.pk).update(stripe_product_id=product, stripe_price_id=price)


def _product(
    client: stripe.StripeClient, known: str, slug: str, mark: str, name: str, is_active: bool
) -> tuple[str, list[str]]:
    """The id of a product that is called and offered as it should be, and what was done for it."""
    found = _retrieve(client.v1.products.retrieve, known) or _marked(client, mark, slug)
    if found is None:
        made = client.v1.products.create({"name": name, "active": is_active, "metadata": {mark: slug}})
        return made.id, [f"Product {name} made."]
    if (found["name"], found["active"]) == (name, is_active):
        return found["id"], []
    client.v1.products.update(found["id"], {"name": name, "active": is_active})
    return found["id"], [f"Product {name} changed."]


def _retrieve(retrieve: Any, known: str) -> dict[str, Any] | None:
    try:
        found = plain(retrieve(known)) if known else None
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            raise
        found = None
    return None if found is None or found.get("deleted") else found


def _marked(client: stripe.StripeClient, mark: str, slug: str) -> dict[str, Any] | None:
    """A product that an installation before this one made for the same account."""
    every = (plain(one) for one in client.v1.products.list({"limit": 100}).auto_paging_iter())
    return next((one for one in every if (one.get("metadata") or {}).get(mark) == slug), None)


def _price(
    client: stripe.StripeClient, known: str, product: str, cents: int | None, interval: str
) -> tuple[str, list[str]]:
    """The id of a price of so many cents, empty for none, and what was done for it."""
    found = _retrieve(client.v1.prices.retrieve, known)
    currency = settings.CURRENCY.lower()
    if found and found["active"] and cents == found["unit_amount"] and currency == found["currency"]:
        return found["id"], []
    did = []
    made = ""
    if cents:
        recurring: Any = {"recurring": {"interval": interval}} if interval else {}
        about: Any = {"product": product, "currency": currency, "unit_amount": cents, **recurring}
        made = client.v1.prices.create(about).id
        client.v1.products.update(product, {"default_price": made})
        did.append(f"price of {cents / 100:.2f} {settings.CURRENCY} {interval or 'once'} made.")
    if found and found["active"]:
        client.v1.prices.update(found["id"], {"active": False})
        did.append("older price archived.")
    return made, did


def sync_portal() -> Iterator[str]:
    """Set up Stripe's portal: plans switched with the difference invoiced at once, ends at the period's end."""
    products = [
        {"product": plan.stripe_product_id, "prices": prices}
        for plan in Plan.objects.filter(is_active=True).exclude(stripe_product_id="").order_by("position")
        if (prices := [one for one in (plan.stripe_monthly_price_id, plan.stripe_yearly_price_id) if one])
    ]
    features: Any = {
        "customer_update": {"enabled": True, "allowed_updates": ["email", "name", "address", "tax_id"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": {
            "enabled": bool(products),
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "products": products,
            # A downgrade at once would give money back for credits that may be spent already.
            "schedule_at_period_end": {
                "conditions": [{"type": "decreasing_item_amount"}, {"type": "shortening_interval"}]
            },
        },
    }
    with asking() as client:
        every = client.v1.billing_portal.configurations.list({"limit": 100}).auto_paging_iter()
        ours = next((one.id for one in every if MARK in (plain(one).get("metadata") or {})), "")
        about: Any = {
            "features": features,
            "default_return_url": f"{settings.PUBLIC_URL}{reverse('billing')}",
            "metadata": {MARK: "1"},
        }
        if ours:
            client.v1.billing_portal.configurations.update(ours, about)
        else:
            client.v1.billing_portal.configurations.create(about)
    forget_configuration()
    yield "Portal set up again." if ours else "Portal set up."


def sync_webhook() -> Iterator[str]:
    """Have Stripe tell us: make an endpoint there, unless STRIPE_WEBHOOK_SECRET says that one was made by hand."""
    if settings.STRIPE_WEBHOOK_SECRET:
        yield f"Webhook by STRIPE_WEBHOOK_SECRET; its address: {webhook_address()}"
        return
    endpoint = WebhookEndpoint.objects.exclude(djstripe_uuid=CONFIGURED).filter(status="enabled").first()
    with asking() as client:
        about: Any = {"enabled_events": EVENTS}
        is_there = endpoint is not None and _is_there(client, endpoint.id)
        if is_there and not secret_of(endpoint):
            # Only when it is made does Stripe tell the secret.
            client.v1.webhook_endpoints.delete(endpoint.id)
        elif is_there:
            about["url"] = webhook_address(endpoint.djstripe_uuid)
            client.v1.webhook_endpoints.update(endpoint.id, about)
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=about["url"])
            yield f"Webhook as it was: {about['url']}"
            return
        uuid = uuid4()
        about["url"] = webhook_address(uuid)
        about["api_version"] = settings.STRIPE_API_VERSION
        about["metadata"] = {"djstripe_uuid": str(uuid)}
        made = client.v1.webhook_endpoints.create(about)
    WebhookEndpoint.objects.exclude(djstripe_uuid=CONFIGURED).delete()
    WebhookEndpoint.objects.create(
        id=made.id,
        djstripe_uuid=uuid,
        livemode=settings.STRIPE_LIVE_MODE,
        url=webhook_address(uuid),
        secret=encrypt(made.secret or ""),
        enabled_events=EVENTS,
        status="enabled",
    )
    yield f"Webhook made: {webhook_address(uuid)}"


def _is_there(client: stripe.StripeClient, endpoint_id: str) -> bool:
    try:
        return not plain(client.v1.webhook_endpoints.retrieve(endpoint_id)).get("deleted")
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            return False
        raise


def sync_everything() -> Iterator[str]:
    """All of it. Raises the refusals of `asking`."""
    for part in (sync_catalogue, sync_portal, sync_webhook):
        yield from part()
