"""Longer lives in which anything may happen, told by a Stripe whose events go astray.

Two companies do the same at the same moments. One is told of everything once and in order; the events of the other come
twice, too late, in another order or never. In the end both have the same, and it is what Stripe says.

A few stories are lived with every run; many with
`pytest tests/billing/test_stripe_mixtures.py --hypothesis-profile long`.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from billing.models import Payment, Plan
from billing.refusals import NotForSale, PaymentDue
from billing.services import hold_credits, settle_hold
from billing.stripe.applying import apply_subscription
from billing.stripe.changing import cancel_subscription, change_subscription, resume_subscription
from billing.stripe.client import PaymentDeclined, asking
from billing.stripe.reconcile import reconcile
from billing.stripe.webhooks import seed_endpoint
from tests.billing.stripe_life import SECRET, Life, lives
from tests.emulators.stripe import StripeDouble
from tests.emulators.stripe_store import Event, Refused
from tests.factories.billing import broken_of

# The name goes on with "-with-verbose-verbosity" where that was asked for.
is_long = examples.get_current_profile_name().startswith("long")
LIVING = ("trialing", "active", "past_due", "paused")
# What can be changed; Stripe refuses to bill for one that stands still.
CHANGEABLE = ("trialing", "active", "past_due")
SUBSCRIPTIONS = {
    "subscribe": ("basic", "month"),
    "subscribe pro": ("pro", "month"),
    "subscribe for a year": ("basic", "year"),
}
CHANGES = {"basic": ("basic", "month"), "pro": ("pro", "month"), "pro for a year": ("pro", "year")}
ACTIONS = (
    *SUBSCRIPTIONS,
    *CHANGES,
    *("cancel", "resume", "pause", "go on"),
    *("dashboard pro", "dashboard basic", "end now", "delete customer", "void"),
    *("buy", "buy by bank", "bank pays", "bank refuses", "spend"),
    *("decline", "accept"),
    *("refund some", "refund all", "refund fails", "dispute", "win", "lose"),
    *("day", "week", "month"),
)
TIMES = {"day": 1, "week": 7, "month": 31}
# What hardly comes about by chance, and what goes wrong most easily.
SCENES = (
    *((action,) for action in ACTIONS),
    ("decline", "month", "day", "week"),
    ("decline", "month", "day", "accept", "week"),
    ("week", "pro", "refund all", "refund fails"),
    ("week", "pro", "week", "basic", "month"),
    ("week", "pro for a year", "month", "refund some", "month"),
    ("dispute", "spend", "lose", "buy"),
    ("dispute", "week", "win"),
    ("buy", "spend", "spend", "refund all", "month"),
    ("buy by bank", "bank pays", "bank refuses"),
    ("cancel", "month", "subscribe pro"),
    ("basic", "cancel", "pro", "month"),
    ("pause", "month", "go on"),
    ("decline", "month", "day", "void", "week"),
    ("dashboard pro", "month", "dashboard basic", "month"),
    ("refund all", "delete customer", "refund fails", "subscribe"),
)
MISHAPS = st.sampled_from(["", "duplicate", "reorder", "delay", "drop"])


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, str]]:
    """What is done, step by step, and what befalls the events of each step."""
    scenes = draw(st.lists(st.sampled_from(SCENES), min_size=3, max_size=8 if is_long else 4))
    steps = [draw(st.sampled_from(list(SUBSCRIPTIONS))), *(step for scene in scenes for step in scene)]
    return [(step, draw(MISHAPS)) for step in steps]


SPENT = 40


def is_monthly(subscription: dict[str, Any]) -> bool:
    return bool(subscription["items"]["data"][0]["price"]["recurring"]["interval"] == "month")


class Twin:
    """One of the two, and what it can do."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.late: list[Event] = []
        # All that it ever was at Stripe: one who is deleted there is followed by another.
        self.customers: set[str] = set()
        self.acts: dict[str, Callable[[], object]] = {
            "cancel": lambda: self._change(cancel_subscription),
            "resume": lambda: self._change(resume_subscription),
            "dashboard pro": lambda: self._change_there("pro"),
            "dashboard basic": lambda: self._change_there("basic"),
            "end now": self._end_now,
            "delete customer": self._delete_customer,
            "void": self._void,
            "pause": lambda: self._pause(paused=True),
            "go on": lambda: self._pause(paused=False),
            "buy": self.life.buy,
            "buy by bank": lambda: self.life.buy(way="bank"),
            "bank pays": lambda: self._settle(succeeded=True),
            "bank refuses": lambda: self._settle(succeeded=False),
            "decline": lambda: self._cards(fail=True),
            "accept": lambda: self._cards(fail=False),
            "refund some": lambda: self._refund(500),
            "refund all": lambda: self._refund(10**9),
            "refund fails": self._fail_refund,
            "dispute": self._dispute,
            "win": lambda: self._decide(won=True),
            "lose": lambda: self._decide(won=False),
        }

    # --- What Stripe has of it ----------------------------------------------------------------------------------------

    @property
    def customer(self) -> str:
        now = self.life.subscription.customer
        self.customers |= {now} - {""}
        return now

    def mine(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.life.double.all_of(kind) if one["customer"] in self.customers | {self.customer}]

    def subscription(self) -> dict[str, Any] | None:
        living = [one for one in self.mine("subscription") if one["status"] in LIVING]
        return living[-1] if living else None

    def of_charges(self, kind: str, status: str) -> list[dict[str, Any]]:
        charges = {charge["id"] for charge in self.mine("charge")}
        every = self.life.double.all_of(kind)
        return [one for one in every if one["charge"] in charges and one["status"] == status]

    def is_about(self, event: Event) -> bool:
        thing = event.object
        owner = thing["id"] if thing["object"] == "customer" else thing.get("customer")
        if thing.get("charge") and owner is None:
            owner = self.life.double.find(thing["charge"])["customer"]
        return bool(owner) and owner in self.customers | {self.customer}

    # --- What it does -------------------------------------------------------------------------------------------------

    def do(self, action: str) -> str:
        """Do something; what was answered where it was refused. What makes no sense just then is left."""
        try:
            if action in SUBSCRIPTIONS:
                if self.subscription() is None:
                    self.life.subscribe(*SUBSCRIPTIONS[action])
            elif action in CHANGES:
                slug, interval = CHANGES[action]
                plan = Plan.objects.get(slug=slug)
                self._change(lambda company: change_subscription(company=company, plan=plan, interval=interval))
            else:
                self.acts[action]()
        except (Refused, PaymentDeclined, PaymentDue, NotForSale) as refusal:
            # On Stripe's page, or on ours.
            return type(refusal).__name__
        return ""

    def _change(self, act: Callable[..., object]) -> None:
        found = self.subscription()
        if found is not None and found["status"] in CHANGEABLE:
            if self.life.subscription.reference != found["id"]:
                # They have seen the page after paying, which asks Stripe by itself.
                apply_subscription(found["id"])
            act(company=self.life.company)

    def _pause(self, *, paused: bool) -> None:
        found = self.subscription()
        if found is not None and found["status"] == ("active" if paused else "paused"):
            self.life.double.mark_pause(found["id"], paused)

    def _change_there(self, slug: str) -> None:
        found, price = self.subscription(), Plan.objects.get(slug=slug).stripe_monthly_price_id
        if found is not None and found["status"] == "active" and not found["schedule"] and is_monthly(found):
            self.life.double.dashboard_change(found["id"], price)

    def _end_now(self) -> None:
        found = self.subscription()
        # The months of a year go on here until somebody tells us, which the reconciliation does within a day.
        if found is not None and is_monthly(found):
            with asking() as client:
                client.v1.subscriptions.cancel(found["id"])

    def _delete_customer(self) -> None:
        found = self.subscription()
        if self._is_there() and (found is None or is_monthly(found)):
            self.life.double.delete_customer(self.customer)

    def _is_there(self) -> bool:
        return bool(self.customer) and not self.life.double.find(self.customer).get("deleted")

    def _void(self) -> None:
        for invoice in self.mine("invoice")[-1:]:
            if invoice["status"] == "open":
                self.life.double.void(invoice["id"])

    def _settle(self, *, succeeded: bool) -> None:
        for session in self.mine("checkout.session"):
            if session["status"] == "complete" and session["payment_status"] == "unpaid":
                intent = self.life.double.find(session["payment_intent"])
                if intent["status"] == "processing":
                    self.life.double.settle_later(session["id"], succeeded=succeeded)

    def _cards(self, *, fail: bool) -> None:
        if self._is_there():
            self.life.double.cards_fail(self.customer, fail)

    def _paid(self) -> list[dict[str, Any]]:
        return [one for one in self.mine("charge") if one["paid"] and not one["refunded"] and not one["disputed"]]

    def _refund(self, cents: int) -> None:
        for charge in self._paid()[-1:]:
            self.life.double.refund(charge["id"], min(cents, charge["amount"] - charge["amount_refunded"]))

    def _fail_refund(self) -> None:
        for refund in self.of_charges("refund", "succeeded")[-1:]:
            self.life.double.fail_refund(refund["id"])

    def _dispute(self) -> None:
        for charge in self._paid()[-1:]:
            if not charge["amount_refunded"]:
                self.life.double.dispute(charge["id"])

    def _decide(self, *, won: bool) -> None:
        for dispute in self.of_charges("dispute", "needs_response"):
            self.life.double.close_dispute(dispute["id"], won=won)

    def spend(self, amount: int, key: str) -> None:
        hold = hold_credits(company=self.life.company, amount=amount, key=f"{self.life.company.pk}:{key}", cause="")
        settle_hold(key=hold.key, amount=amount)

    # --- What it is told ----------------------------------------------------------------------------------------------

    def hear(self, events: list[Event], mishap: str) -> None:
        due, self.late = self.late, []
        if mishap == "delay":
            self.late = events
        elif mishap == "duplicate":
            due += events + events
        elif mishap == "reorder":
            due = events[::-1] + due
        elif mishap != "drop":
            due += events
        self.life.deliver(due)

    def said_by_stripe(self) -> tuple[Any, ...]:
        """What Stripe has of it: what was paid and went back, and what is subscribed."""
        paid = [one for one in self.mine("charge") if one["paid"]]
        found = self.subscription()
        words = found and (found["id"], {"past_due": "past_due", "paused": "paused"}.get(found["status"]))
        return sum(one["amount"] for one in paid), sum(one["amount_refunded"] for one in paid), words

    def known_here(self) -> tuple[Any, ...]:
        """The same, as our rows have it."""
        paid = Payment.objects.filter(company=self.life.company, state=Payment.State.PAID)
        one = self.life.subscription
        words = (one.reference, one.status if one.status in ("past_due", "paused") else None) if one.reference else None
        return sum(row.amount_cents for row in paid), sum(row.refunded_cents for row in paid), words


def live(quiet: Twin, troubled: Twin, story: list[tuple[str, str]]) -> None:
    for number, (action, mishap) in enumerate(story):
        if action in TIMES:
            quiet.life.pass_time(days=TIMES[action])
        elif action == "spend":
            amount = min(SPENT, quiet.life.wallet.available, troubled.life.wallet.available)
            for twin in (quiet, troubled) if amount > 0 else ():
                twin.spend(amount, str(number))
        else:
            if action in SUBSCRIPTIONS and troubled.customer and troubled.subscription() is None:
                # Whoever buys again was told by the day's reconciliation of the end of what was before.
                reconcile(days=400)
            assert quiet.do(action) == troubled.do(action), (number, action)
        events = quiet.life.told()
        quiet.hear([event for event in events if quiet.is_about(event)], "")
        troubled.hear([event for event in events if troubled.is_about(event)], mishap)
    told = quiet.life.outcome()
    troubled.life.deliver(troubled.late)
    reconcile(days=400)
    assert quiet.life.outcome() == told, "Whoever was told of everything had nothing to be mended."


@pytest.mark.long
@examples(
    max_examples=examples.default.max_examples if is_long else 3,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(story=stories(), tries=st.booleans())
def test_whatever_happens_and_however_it_is_told_it_ends_the_same(
    db: None, stripe_double: StripeDouble, settings: Any, story: list[tuple[str, str]], tries: bool
) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    seed_endpoint()
    with lives(stripe_double, settings) as life:
        # What expires unused would be missing or not by when it is taken back; this is about what is given.
        Plan.objects.update(rolls_over=True, trial_days=7 if tries else 0, trial_credits=20)
        quiet, troubled = Twin(life), Twin(Life(life.double, None))
        live(quiet, troubled, story)
        assert troubled.life.outcome() == quiet.life.outcome()
        for twin in (quiet, troubled):
            assert twin.known_here() == twin.said_by_stripe()
            assert broken_of(twin.life.company) == []
