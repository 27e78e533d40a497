"""Finding and mending what a lost webhook left: everything that Stripe has of late is followed once more."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from billing.following import LIVE
from billing.models import LedgerEntry, Payment, Subscription
from billing.stripe.applying import (
    apply_charge,
    apply_customer,
    apply_dispute,
    apply_invoice,
    apply_refund,
    apply_session,
    apply_subscription,
)
from billing.stripe.client import NotAtStripe, asking, is_configured
from billing.stripe.webhooks import try_given_up

LAST = "stripe:reconciled"
DAILY = 24 * 3600


@dataclass(slots=True)
class Reconciliation:
    """How many objects were looked at, which of them changed something here, and which could not be followed."""

    looked_at: int
    mended: list[str]
    failed: list[str]


def reconcile(*, days: int = 3) -> Reconciliation:
    """Follow everything at Stripe that was made in the last `days`, and every subscription that we follow.

    Raises the refusals of `asking` when Stripe cannot be reached at all; one object that cannot be followed does not
    stop the others.
    """
    since = timezone.now() - timedelta(days=days)
    done = Reconciliation(looked_at=0, mended=[], failed=[])
    for apply, object_id in _everything(since):
        done.looked_at += 1
        before = _fingerprint()
        try:
            apply(object_id)
        except NotAtStripe:
            if apply is apply_subscription:
                # Ours, but not of the account, or the mode, that the key is for.
                done.failed.append(f"{object_id}: Stripe knows no such subscription.")
            continue
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one object, the others are mended
            done.failed.append(f"{object_id}: {error}")
            continue
        if _fingerprint() != before:
            done.mended.append(object_id)
    try_given_up()
    cache.set(LAST, {"at": timezone.now().isoformat(), "mended": done.mended, "failed": done.failed}, timeout=None)
    return done


def _fingerprint() -> tuple[Any, ...]:
    """Changes when following something changed a plan, a payment or the ledger; of anybody, so it may tell too much."""
    newest = Subscription.objects.order_by("-seen_at").values_list("plan_id", "status", "period_end", "cancel_at")
    return (
        LedgerEntry.objects.order_by("-id").values_list("id", flat=True).first(),
        Payment.objects.count(),
        tuple(Payment.objects.order_by("-seen_at").values_list("state", "refunded_cents", "disputed_cents")[:1]),
        tuple(newest[:1]),
    )


def _everything(since: datetime) -> Iterator[tuple[Callable[[str], object], str]]:
    begun: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100}
    with asking() as client:
        api = client.v1
        # Oldest first, so that what was missed is caught up with in its order.
        lists: Iterable[tuple[Callable[[str], object], Any]] = (
            (apply_session, api.checkout.sessions),
            (apply_invoice, api.invoices),
            (apply_charge, api.charges),
            (apply_refund, api.refunds),
            (apply_dispute, api.disputes),
        )
        for apply, service in lists:
            for one in reversed(list(service.list(begun).auto_paging_iter())):
                yield apply, one.id
        every: Any = {**begun, "status": "all"}
        for one in reversed(list(api.subscriptions.list(every).auto_paging_iter())):
            yield apply_subscription, one.id
    followed = Subscription.objects.filter(source=Subscription.Source.STRIPE, status__in=LIVE).exclude(reference="")
    for reference, customer in followed.order_by("pk").values_list("reference", "customer").iterator():
        yield apply_subscription, reference
        yield _apply_latest_invoice, reference
        yield apply_customer, customer


def _apply_latest_invoice(reference: str) -> None:
    with asking() as client:
        latest = client.v1.invoices.list({"subscription": reference, "limit": 1})
    for invoice in latest.data:
        if invoice.id:
            apply_invoice(invoice.id)


def is_due() -> bool:
    """Whether nobody has begun to reconcile today; the first who asks has."""
    return is_configured() and bool(cache.add("stripe:reconciling", 1, timeout=DAILY))


def last_reconciliation() -> dict[str, Any] | None:
    """When it was done last, what it mended, what failed; None if never."""
    found: dict[str, Any] | None = cache.get(LAST)
    return found
