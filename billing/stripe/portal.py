"""Stripe's own page for cards, invoices and changes of plan."""

from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from accounts.models import Company
from billing.stripe.client import asking, plain
from billing.stripe.customers import with_customer

# How `sync_stripe` marks the configuration that is ours.
MARK = "darkroom"
_CACHED = "stripe:portal-configuration"


def open_portal(*, company: Company) -> str:
    """The address of the portal for a company, good for some minutes. Raises the refusals of `asking`."""
    return with_customer(_open, company=company)


def _open(customer: str) -> str:
    configuration = portal_configuration()
    with asking() as client:
        session = client.v1.billing_portal.sessions.create(
            {
                "customer": customer,
                "return_url": f"{settings.PUBLIC_URL}{reverse('billing')}",
                **({"configuration": configuration} if configuration else {}),
            }
        )
    return str(session.url)


def portal_configuration() -> str:
    """The id of the configuration that `sync_stripe` made; empty where it was never run: Stripe's default holds."""
    known: str | None = cache.get(_CACHED)
    if known is not None:
        return known
    with asking() as client:
        ours = (
            one.id
            for one in client.v1.billing_portal.configurations.list({"active": True}).auto_paging_iter()
            if MARK in (plain(one).get("metadata") or {})
        )
        found = next(ours, "")
    cache.set(_CACHED, found, 3600)
    return found


def forget_configuration() -> None:
    """Ask again for what was found out."""
    cache.delete(_CACHED)
