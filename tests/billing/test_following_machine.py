"""A company's whole life at Stripe against plain arithmetic, however its news arrive.

The machine keeps the truth: what was paid, refunded, disputed, which plan runs. News of it are put aside as they
happen and told late, twice, in any order, or never. Now and then all of it is asked for again, in any order; then plan,
credits and debts must be what the truth says. Credits roll over here, so that sums are enough; expiry is shown in
`test_ledger_machine`.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import uuid4

import pytest
from dateutil.relativedelta import relativedelta
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.facts import PaymentFact, SubscriptionFact
from billing.following import follow_payment, follow_subscription
from billing.lifecycle import let_time_pass
from billing.models import Plan, Subscription, Wallet
from billing.selectors import plan_of
from billing.services import InsufficientCredits, hold_credits, settle_hold
from tests.factories.billing import AccountFactory, broken_of
from tests.factories.payments import BEGIN, invoice_of, pack_of, period_of, plan, subscription_of

MONTHLY = {"basic": 300, "pro": 1000}
MONTH = relativedelta(months=1)
Fact = SubscriptionFact | PaymentFact


class Life(RuleBasedStateMachine):
    """Truth, news of it, and what we made of them."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    @initialize()
    def begin(self) -> None:
        Plan.objects.filter(slug__in=MONTHLY).update(rolls_over=True)
        self.company = AccountFactory(balance=0)
        self.now = BEGIN
        self.spent = self.jobs = 0
        self.subscription: SubscriptionFact | None = None
        self.payments: list[PaymentFact] = []
        self.granted: dict[str, int] = {}  # what the payment with this key gives
        self.news: list[Fact] = []

    def teardown(self) -> None:
        try:
            if hasattr(self, "company"):
                self.everything_is_asked_for(seed=7)
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    # What happens at Stripe.

    def pay(self, fact: PaymentFact, gives: int) -> None:
        self.payments.append(replace(fact, asked_at=self.now))
        self.granted[fact.key] = gives
        self.news.append(self.payments[-1])

    def become(self, **changes: Any) -> None:
        assert self.subscription is not None
        self.subscription = replace(self.subscription, asked_at=self.now, **changes)
        self.news.append(self.subscription)

    def pay_period(self, start: datetime, **changes: Any) -> None:
        """What the invoice says of the plan from `start` to the period's end, and what plain arithmetic makes of it."""
        one = self.subscription
        assert one is not None
        period = period_of(
            self.company, one.plan.slug, reference=one.reference, start=start, end=one.period_end, **changes
        )
        gives = MONTHLY[one.plan.slug]
        if period.replaces is not None:
            more = gives - MONTHLY[period.replaces.slug]
            gives = more * (one.period_end - start) // (one.period_end - one.period_start)
        self.pay(invoice_of(self.company, period), gives)

    @precondition(lambda self: self.subscription is None)
    @rule(slug=st.sampled_from(sorted(MONTHLY)))
    def subscribe(self, slug: str) -> None:
        self.subscription = subscription_of(
            self.company, slug, reference=f"sub_{uuid4().hex}", period_start=self.now, period_end=self.now + MONTH
        )
        self.become()
        self.pay_period(self.now)

    @rule()
    def buy_a_pack(self) -> None:
        self.pay(pack_of(self.company, created_at=self.now), 500)

    @precondition(lambda self: self.subscription and self.subscription.status == "active")
    @rule()
    def change_plan(self) -> None:
        """Up at once for the share that is left; down with the period's end, or not after all."""
        one = self.subscription
        assert one is not None
        if one.keeps is not None:
            self.become(plan=one.keeps, keeps=None, keeps_until=None)
        elif one.plan.slug == "pro":
            self.become(plan=plan("basic"), keeps=one.plan, keeps_until=one.period_end)
        else:
            self.become(plan=plan("pro"))
            self.pay_period(self.now, anchor=one.period_start, replaces=one.plan)

    @precondition(lambda self: self.subscription and self.subscription.status in ("active", "paused"))
    @rule(is_paid=st.booleans())
    def renew(self, *, is_paid: bool) -> None:
        """The next period begins; nobody pays for one that is paused."""
        one = self.subscription
        assert one is not None
        self.pass_to(one.period_end)
        status = "paused" if one.status == "paused" else "active" if is_paid else "past_due"
        span = {"period_start": one.period_end, "period_end": one.period_end + MONTH}
        self.become(status=status, keeps=None, keeps_until=None, **span)
        if status == "active":
            self.pay_period(self.now)

    @precondition(lambda self: self.subscription and self.subscription.status == "past_due")
    @rule()
    def pay_at_last(self) -> None:
        assert self.subscription is not None
        self.become(status="active")
        self.pay_period(self.subscription.period_start)

    @precondition(lambda self: self.subscription and self.subscription.status in ("active", "paused"))
    @rule()
    def pause_or_go_on(self) -> None:
        assert self.subscription is not None
        self.become(status="active" if self.subscription.status == "paused" else "paused")

    @precondition(lambda self: self.subscription)
    @rule()
    def cancel(self) -> None:
        self.become(status="cancelled")
        self.subscription = None

    @precondition(lambda self: self.payments)
    @rule(data=st.data(), share=st.sampled_from([1, 333, 1000]))
    def refund(self, data: st.DataObject, share: int) -> None:
        number = data.draw(st.integers(0, len(self.payments) - 1))
        one = self.payments[number]
        refunded = min(one.amount_cents, one.refunded_cents + one.amount_cents * share // 1000)
        self.payments[number] = replace(one, refunded_cents=refunded, asked_at=self.now)
        self.news.append(self.payments[number])

    @precondition(lambda self: self.payments)
    @rule(data=st.data())
    def dispute_opens_or_is_won(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.payments) - 1))
        one = self.payments[number]
        withheld = 0 if one.disputed_cents else one.amount_cents
        self.payments[number] = replace(one, disputed_cents=withheld, asked_at=self.now)
        self.news.append(self.payments[number])

    # What happens here.

    def pass_to(self, moment: datetime) -> None:
        self.now = moment
        let_time_pass(now=self.now)

    @rule(hours=st.integers(1, 300))
    def time_passes(self, hours: int) -> None:
        # Not over the end of the period: that is `renew`.
        end = self.subscription.period_end if self.subscription else self.now + timedelta(days=30)
        self.pass_to(max(self.now, min(self.now + timedelta(hours=hours), end - timedelta(hours=1))))

    @rule(amount=st.integers(1, 900))
    def spend(self, amount: int) -> None:
        self.jobs += 1
        key = f"life:{self.company.pk}:{self.jobs}"
        try:
            hold_credits(company=self.company, amount=amount, key=key, cause="a fox")
        except InsufficientCredits:
            return
        settle_hold(key=key, amount=amount)
        self.spent += amount

    @precondition(lambda self: self.news)
    @rule(data=st.data(), again=st.booleans())
    def hear(self, data: st.DataObject, *, again: bool) -> None:
        """Any of the news, with what it said when it was asked for; it may come again later."""
        number = data.draw(st.integers(0, len(self.news) - 1))
        self.follow(self.news[number] if again else self.news.pop(number))

    @precondition(lambda self: self.news)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.news.pop(data.draw(st.integers(0, len(self.news) - 1)))

    def follow(self, fact: Fact) -> None:
        if isinstance(fact, PaymentFact):
            follow_payment(fact)
        else:
            follow_subscription(fact)

    @rule(seed=st.integers(0, 5039))
    def everything_is_asked_for(self, seed: int) -> None:
        """What the nightly reconciliation does: what is followed first, then every object of Stripe's in any order."""
        self.now += timedelta(minutes=1)
        facts: list[Fact] = [replace(fact, asked_at=self.now) for fact in self.payments]
        if self.subscription is not None:
            self.subscription = replace(self.subscription, asked_at=self.now)
            facts.append(self.subscription)
        self.tell_of_the_end_of_what_is_followed()
        for _ in range(len(facts)):
            seed, number = divmod(seed, len(facts))
            self.follow(facts.pop(number))
        self.pass_to(self.now)
        self.check()

    def tell_of_the_end_of_what_is_followed(self) -> None:
        reference = Subscription.objects.get(company=self.company).reference
        if reference and (self.subscription is None or self.subscription.reference != reference):
            ended = subscription_of(self.company, reference=reference, status="cancelled", asked_at=self.now)
            assert follow_subscription(ended)

    def check(self) -> None:
        wallet = Wallet.objects.get(company=self.company)
        taken_back = 0
        for payment in self.payments:
            gone = min(payment.amount_cents, payment.refunded_cents + payment.disputed_cents)
            taken_back += ceil(self.granted[payment.key] * gone / payment.amount_cents)
        assert wallet.balance - wallet.debt == sum(self.granted.values()) - taken_back - self.spent
        assert not (wallet.balance and wallet.debt)
        assert plan_of(self.company).slug in self.plans_in_force()

    def plans_in_force(self) -> set[str]:
        one = self.subscription
        if one is None or one.status == "paused":
            return {"free"}
        # When the grace began is when it was first heard of: that may have been just now.
        return {"free", one.plan.slug} if one.status == "past_due" else {(one.keeps or one.plan).slug}

    @invariant()
    def every_credit_is_accounted_for(self) -> None:
        if hasattr(self, "company"):
            assert broken_of(self.company) == []

    @invariant()
    def who_does_not_pay_is_on_the_free_plan(self) -> None:
        if hasattr(self, "company"):
            followed = Subscription.objects.select_related("plan").get(company=self.company)
            if followed.status == Subscription.Status.PAUSED or not followed.reference:
                assert followed.plan.slug == "free"


@pytest.mark.long
@pytest.mark.django_db
def test_a_life_at_stripe_ends_as_plain_arithmetic_says_however_it_is_told() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(max_examples=12, stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )
