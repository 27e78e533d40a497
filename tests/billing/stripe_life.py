"""A company and a Stripe of its own: what it does there, and how much of it is told here.

The double's clock is ours as well, so a subscription's whole life takes seconds. Events wait until they are delivered;
`deliver` gives them to the real webhook and lets a worker's function apply them.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Company, User
from billing.lifecycle import let_time_pass
from billing.models import CreditPack, LedgerEntry, Payment, Plan, StripeEvent, Subscription, Wallet
from billing.stripe.catalogue import sync_everything
from billing.stripe.checkout import start_pack_checkout, start_subscription_checkout
from billing.stripe.webhooks import apply_event
from tests.emulators.stripe import StripeDouble
from tests.emulators.stripe_store import Event
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory

SECRET = "whsec_of_tests"
ENDPOINT = "/hooks/stripe"
BEGIN = datetime(2027, 1, 15, 12, tzinfo=UTC)


class Life:
    """One company's life with Stripe."""

    def __init__(self, double: StripeDouble, traveller: Any) -> None:
        self.double = double
        self._traveller = traveller
        self.company: Company = AccountFactory(balance=0)
        self.user: User = PersonFactory()
        self._browser = Client()

    # --- What people and time do --------------------------------------------------------------------------------------

    def subscribe(self, slug: str = "basic", interval: str = "month", **how: Any) -> None:
        """Pay for a plan at the double's page."""
        start_subscription_checkout(
            company=self.company, plan=Plan.objects.get(slug=slug), interval=interval, user=self.user
        )
        self.double.pay(self.newest("checkout.session")["id"], **how)

    def buy(self, slug: str = "pack-500", **how: Any) -> None:
        """Pay for a pack at the double's page."""
        start_pack_checkout(company=self.company, pack=CreditPack.objects.get(slug=slug), user=self.user)
        self.double.pay(self.newest("checkout.session")["id"], **how)

    def pass_time(self, **by: float) -> None:
        """Let time go on there and here."""
        self.double.advance(**by)
        self._traveller.move_to(self.double.now + timedelta(seconds=1))
        let_time_pass()

    def newest(self, kind: str) -> dict[str, Any]:
        """What the double made last of a kind."""
        found: dict[str, Any] = self.double.all_of(kind)[-1]
        return found

    # --- What is told of it -------------------------------------------------------------------------------------------

    def told(self) -> list[Event]:
        """The events that wait, which wait no longer."""
        events = list(self.double.undelivered)
        for event in events:
            self.double.drop(event)
        return events

    def deliver(self, events: Iterable[Event], times: int = 1) -> None:
        """Give events to the webhook and have them applied."""
        for event in events:
            for _time in range(times):
                assert self.post(event) == 200, event.type
                StripeEvent.objects.filter(pk=event.id, applied_at=None).update(next_attempt_at=timezone.now())
                apply_event(event.id)

    def post(self, event: Event) -> int:
        """One delivery as Stripe makes it; the status of our answer."""
        headers, body = self.double.signed(event)
        return self._browser.post(ENDPOINT, body, content_type="application/json", headers=headers).status_code

    def catch_up(self) -> None:
        """Deliver all that waits, in order."""
        self.deliver(self.told())

    # --- What came of it ----------------------------------------------------------------------------------------------

    @property
    def wallet(self) -> Wallet:
        return Wallet.objects.get(company=self.company)

    @property
    def subscription(self) -> Subscription:
        return Subscription.objects.select_related("plan", "next_plan").get(company=self.company)

    @property
    def plan(self) -> str:
        return self.subscription.plan.slug

    def entries(self) -> list[tuple[str, int]]:
        """Kinds and amounts of all that moved the balance."""
        return list(LedgerEntry.objects.filter(wallet_id=self.company.pk).values_list("kind", "amount"))

    def payments(self) -> list[tuple[Any, ...]]:
        """What was paid, granted and taken back."""
        fields = ("kind", "state", "amount_cents", "refunded_cents", "disputed_cents", "credits", "reversed_credits")
        return sorted(Payment.objects.filter(company=self.company).values_list(*fields))

    def outcome(self) -> tuple[Any, ...]:
        """What must be the same however it was told."""
        wallet, subscription = self.wallet, self.subscription
        grants = LedgerEntry.objects.filter(wallet_id=self.company.pk, kind__in=("grant", "purchase"))
        given = tuple(sorted(grants.values_list("amount", flat=True)))
        standing = (subscription.plan.slug, subscription.status, subscription.source, subscription.next_plan_id)
        return wallet.balance - wallet.debt, given, standing, tuple(self.payments())


@contextmanager
def lives(double: StripeDouble, settings: Any) -> Iterator[Life]:
    """A life at a double that begins anew, with our products there, and this machine's clock in step."""
    double.forget()
    double.delivery = "manual"
    # The same months for every test.
    double.now = BEGIN
    settings.STRIPE_SECRET_KEY = settings.STRIPE_TEST_SECRET_KEY = double.key
    settings.STRIPE_API_HOST = double.url
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    double.endpoint(f"{settings.PUBLIC_URL}{ENDPOINT}", secret=SECRET, events=["*"])
    with time_machine.travel(double.now + timedelta(seconds=1), tick=True) as traveller:
        list(sync_everything())
        life = Life(double, traveller)
        life.told()
        yield life
