"""How tests steer the double of Stripe: its clock, and what customers, banks and the dashboard do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.emulators import stripe_routes as routes
from tests.emulators.double import Double
from tests.emulators.stripe_changes import switch
from tests.emulators.stripe_checkout import pay_session, redeem, settle
from tests.emulators.stripe_collection import give_up
from tests.emulators.stripe_life import live
from tests.emulators.stripe_payments import close_dispute, dispute, fail_refund, refund
from tests.emulators.stripe_store import Event, Store, Thing, copied
from tests.emulators.stripe_subscriptions import living, pause, resume
from tests.emulators.stripe_wire import Asked


class Steering(Double):
    """The double's state, and every way to change it but the API and the pages."""

    store: Store
    # Whether the clock goes on by itself, and how far it is ahead of the real time then.
    ticking: bool
    _offset: int

    @contextmanager
    def _moment(self, request_id: str | None = None, key: str | None = None) -> Iterator[Store]:
        """The store for one act, with what is due before and after it done."""
        store = self.store
        with store.lock:
            live(store, int(time.time()) + self._offset if self.ticking else store.now)
            store.cause = (request_id, key)
            try:
                yield store
            finally:
                store.cause = (None, None)
                live(store, store.now)

    # --- Time ---------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """What its clock says."""
        return datetime.fromtimestamp(self.store.now, UTC)

    @now.setter
    def now(self, moment: datetime) -> None:
        with self.store.lock:
            self.store.now = int(moment.timestamp())

    def advance(
        self, seconds: float = 0, *, days: float = 0, hours: float = 0, to: datetime | str | None = None
    ) -> datetime:
        """Let time pass, and all happen that happens by itself; what the clock says then."""
        with self._moment() as store:
            until = store.now + int(seconds + hours * 3_600 + days * 86_400)
            if to is not None:
                until = int((datetime.fromisoformat(to) if isinstance(to, str) else to).timestamp())
            live(store, until)
            self._offset = store.now - int(time.time())
        return self.now

    # --- What others do -----------------------------------------------------------------------------------------------

    def pay(
        self,
        session_id: str,
        way: str = "card",
        *,
        card: str = "4242424242424242",
        email: str = "payer@example.com",
        code: str = "",
    ) -> Thing:
        """Pay at a Checkout page. Raises `Refused` with the words on the page where it cannot be."""
        with self._moment() as store:
            session = store.find("checkout.session", session_id)
            if code:
                redeem(store, session, code)
            paid: Thing = copied(pay_session(store, session, way, email=email, number=card if way == "card" else ""))
            return paid

    def settle_later(self, session_id: str, *, succeeded: bool = True) -> Thing:
        """The bank of a session says whether it paid."""
        return self._act("checkout.session", session_id, lambda store, it: settle(store, it, succeeded=succeeded))

    def cards_fail(self, customer_id: str, fail: bool = True) -> None:
        """Let all payments of a customer be declined, or no longer."""
        with self._moment() as store:
            (store.failing.add if fail else store.failing.discard)(customer_id)

    def dispute(self, charge_id: str, amount: int | None = None) -> Thing:
        """The customer's bank takes back a charge."""
        return self._act("charge", charge_id, lambda store, it: dispute(store, it, amount))

    def close_dispute(self, dispute_id: str, *, won: bool) -> Thing:
        """The bank decides a dispute."""
        return self._act("dispute", dispute_id, lambda store, it: close_dispute(store, it, won=won))

    def refund(self, charge_id: str, amount: int | None = None) -> Thing:
        """Give money back in the dashboard: `amount` cents, or all that is left."""
        return self._act("charge", charge_id, lambda store, it: refund(store, it, amount))

    def fail_refund(self, refund_id: str) -> Thing:
        """The bank sends a refund back."""
        return self._act("refund", refund_id, fail_refund)

    def dashboard_change(self, subscription_id: str, price_id: str, behavior: str = "create_prorations") -> Thing:
        """Change a subscription's price in the dashboard."""
        price = self.store.find("price", price_id)
        return self._act("subscription", subscription_id, lambda store, it: switch(store, it, price, behavior))

    def delete_customer(self, customer_id: str) -> Thing:
        """Delete a customer in the dashboard."""
        return self._act("customer", customer_id, lambda store, it: routes.delete_customer(store, Asked({}), it["id"]))

    def void(self, invoice_id: str) -> Thing:
        """Void an invoice in the dashboard."""
        return self._act("invoice", invoice_id, lambda store, it: give_up(store, it, "void"))

    def mark_pause(self, subscription_id: str, paused: bool = True) -> Thing:
        """Let a subscription stand still, or go on: in its period, or from now where that is over."""
        living(self.store, subscription_id)
        act = pause if paused else lambda store, it: resume(store, it, anew=False)
        return self._act("subscription", subscription_id, act)

    def _act(self, kind: str, thing_id: str, act: Callable[[Store, Thing], Thing]) -> Thing:
        with self._moment() as store:
            done: Thing = copied(act(store, store.find(kind, thing_id)))
            return done

    # --- Looking ------------------------------------------------------------------------------------------------------

    def find(self, thing_id: str) -> Thing:
        """A copy of what has this id. Raises `KeyError`."""
        with self.store.lock:
            found = self.store.anything(thing_id)
            if found is None:
                raise KeyError(thing_id)
            return dict(copied(found))

    def all_of(self, kind: str) -> list[Thing]:
        """Copies of all of a kind ("invoice", "subscription", "checkout.session" …), the oldest first."""
        with self.store.lock:
            return [copied(thing) for thing in self.store.all_of(kind)]

    def happened(self, kind: str = "*") -> list[Event]:
        """The events of a type, which may end in a star, the oldest first."""
        with self.store.lock:
            events = list(self.store.events.values())
        stem = kind.removesuffix("*")
        return [event for event in events if event.type == kind or (stem != kind and event.type.startswith(stem))]

    # --- Switches -----------------------------------------------------------------------------------------------------

    @property
    def tax_rate(self) -> float | None:
        """What automatic tax adds, in per cent; None where tax is not set up."""
        return self.store.tax_rate

    @tax_rate.setter
    def tax_rate(self, rate: float | None) -> None:
        self.store.tax_rate = rate

    @property
    def draft_seconds(self) -> int:
        """How long the invoice of a renewal stays a draft."""
        return self.store.draft_seconds

    @draft_seconds.setter
    def draft_seconds(self, seconds: int) -> None:
        self.store.draft_seconds = seconds

    @property
    def retry_days(self) -> tuple[int, ...]:
        """After how many days each retry of a payment follows the attempt before it."""
        return self.store.retry_days

    @retry_days.setter
    def retry_days(self, days: tuple[int, ...]) -> None:
        self.store.retry_days = tuple(days)
