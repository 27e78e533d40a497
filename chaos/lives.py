"""What companies do in a simulated year, and what Stripe would say of it: a small random model with a fixed seed.

Facts come as they come from Stripe: most at once, some twice, some late, some never until the nightly reconciliation
asks for everything that is alive. The clock's functions get the simulated moment; nothing waits.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from dateutil.relativedelta import relativedelta

from accounts.models import Company
from billing.facts import PaymentFact, PeriodFact, SubscriptionFact
from billing.following import follow_payment, follow_subscription
from billing.lifecycle import collect_debts, end_graces, end_periods
from billing.models import CreditPack, Interval, Payment, Plan, Subscription
from billing.periods import grant_due
from billing.services import (
    InsufficientCredits,
    expire_lots,
    hold_credits,
    open_account,
    release_hold,
    settle_hold,
)

DAY = timedelta(days=1)
Fact = SubscriptionFact | PaymentFact
Status = Subscription.Status


@dataclass
class Life:
    """One company: what it has at Stripe, and what we were not told yet."""

    company: Company
    dice: Random
    plans: list[Plan]
    packs: list[CreditPack]
    counts: Counter[str]
    subscription: SubscriptionFact | None = None
    unpaid_since: datetime | None = None
    payments: list[PaymentFact] = field(default_factory=list)
    # When each fact is heard of; lost ones are not here.
    waiting: list[tuple[datetime, Fact]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    number: int = 0
    # Whether a fact was lost since everything was asked for.
    misses: bool = False

    def live(self, now: datetime) -> None:
        """One day."""
        self.hear(now)
        self.spend()
        one = self.subscription
        if one is None:
            if self.dice.random() < 0.01:
                self.subscribe(now)
        elif one.status == Status.PAST_DUE:
            self.owe(one, now)
        elif one.period_end <= now:
            self.renew(one, now)
        else:
            self.change(one, now)
        if self.dice.random() < 0.01:
            self.buy_pack(now)
        if self.payments and self.dice.random() < 0.01:
            self.take_back(now)

    # What Stripe says, and how it arrives.

    def say(self, fact: Fact, now: datetime) -> None:
        """Tell a fact at once, twice, late or not at all."""
        fact = replace(fact, asked_at=now)
        chance = self.dice.random()
        if chance < 0.1:
            self.counts["facts lost"] += 1
            self.misses = True
            return
        if chance < 0.2:
            self.waiting.append((now + DAY * self.dice.randint(1, 3), fact))
            self.counts["facts late"] += 1
            return
        self.follow(fact)
        if chance < 0.3:
            self.follow(fact)
            self.counts["facts twice"] += 1

    def hear(self, now: datetime) -> None:
        """What is due of the late ones, in no order."""
        due = [fact for at, fact in self.waiting if at <= now]
        self.waiting = [(at, fact) for at, fact in self.waiting if at > now]
        self.dice.shuffle(due)
        for fact in due:
            self.follow(fact)

    def follow(self, fact: Fact) -> None:
        self.counts["facts"] += 1
        if isinstance(fact, PaymentFact):
            follow_payment(fact)
        else:
            follow_subscription(fact)

    def reconcile(self, now: datetime) -> None:
        """Ask for what is followed, then for everything of the last weeks, as it is now."""
        self.misses = False
        followed = Subscription.objects.get(company=self.company)
        one = self.subscription
        if followed.reference and (one is None or one.reference != followed.reference):
            self.follow(replace(self._fact(followed.reference, self.plans[0], Interval.MONTH, now), status="cancelled"))
        facts: list[Fact] = [replace(payment, asked_at=now) for payment in self.payments[-6:]]
        self.dice.shuffle(facts)
        for fact in [*facts, *([replace(one, asked_at=now)] if one else [])]:
            self.follow(fact)

    # What the company does.

    def _key(self, kind: str) -> str:
        self.number += 1
        return f"{kind}_{self.company.pk.hex}_{self.number}"

    def _fact(self, reference: str, plan: Plan, interval: str, now: datetime) -> SubscriptionFact:
        return SubscriptionFact(
            company=self.company,
            source=Subscription.Source.STRIPE,
            reference=reference,
            customer=f"cus_{self.company.pk.hex}",
            plan=plan,
            interval=interval,
            status=Status.ACTIVE,
            period_start=now,
            period_end=now + _length(interval),
            asked_at=now,
        )

    def _invoice(self, now: datetime, **fields: object) -> PaymentFact:
        fact = PaymentFact(
            company=self.company,
            kind=Payment.Kind.SUBSCRIPTION,
            key=f"invoice:{self._key('in')}",
            state=Payment.State.PAID,
            amount_cents=1,
            currency="USD",
            description="Simulated",
            paid_at=now,
            created_at=now,
            asked_at=now,
        )
        return replace(fact, **fields)  # type: ignore[arg-type]

    def pay(self, payment: PaymentFact, now: datetime) -> None:
        self.payments.append(payment)
        self.say(payment, now)
        self.counts["payments"] += 1

    def subscribe(self, now: datetime) -> None:
        interval = Interval.YEAR if self.dice.random() < 0.25 else Interval.MONTH
        self.subscription = self._fact(self._key("sub"), self.dice.choice(self.plans), interval, now)
        self.counts["subscriptions"] += 1
        self.say(self.subscription, now)
        self.pay_period(self.subscription, now)

    def pay_period(self, one: SubscriptionFact, now: datetime) -> None:
        period = PeriodFact(
            reference=one.reference, plan=one.plan, interval=one.interval, start=one.period_start, end=one.period_end
        )
        yearly = one.interval == Interval.YEAR
        price = one.plan.yearly_price_cents if yearly else one.plan.monthly_price_cents
        self.pay(self._invoice(now, plan=one.plan, amount_cents=price or 1, periods=(period,)), now)

    def become(self, one: SubscriptionFact, now: datetime, **changes: object) -> SubscriptionFact:
        self.subscription = replace(one, **changes)  # type: ignore[arg-type]
        self.say(self.subscription, now)
        return self.subscription

    def end(self, one: SubscriptionFact, now: datetime) -> None:
        self.become(one, now, status=Status.CANCELLED)
        self.subscription = self.unpaid_since = None
        self.counts["ends"] += 1

    def change(self, one: SubscriptionFact, now: datetime) -> None:
        """Of a subscription that runs: another plan, or its end with the period."""
        chance = self.dice.random()
        if chance < 0.01:
            plan = self.dice.choice(self.plans)
            if (plan.monthly_credits or 0) > (one.plan.monthly_credits or 0):
                self.become(one, now, plan=plan, keeps=None, keeps_until=None)
                self.pay(self._invoice(now, plan=plan, amount_cents=500, periods=(_rest(one, plan, now),)), now)
                self.counts["upgrades"] += 1
            elif plan != one.plan and one.keeps is None:
                self.become(one, now, plan=plan, keeps=one.plan, keeps_until=one.period_end)
                self.counts["downgrades"] += 1
        elif chance < 0.013 and one.cancel_at is None:
            self.become(one, now, cancel_at=one.period_end)

    def renew(self, one: SubscriptionFact, now: datetime) -> None:
        if one.cancel_at is not None:
            self.end(one, now)
            return
        start = one.period_end
        end = start + _length(one.interval)
        paid = self.dice.random() < 0.9
        one = self.become(
            one,
            now,
            period_start=start,
            period_end=end,
            keeps=None,
            keeps_until=None,
            status=Status.ACTIVE if paid else Status.PAST_DUE,
        )
        if paid:
            self.pay_period(one, now)
        else:
            self.unpaid_since = now
            self.counts["failures"] += 1

    def owe(self, one: SubscriptionFact, now: datetime) -> None:
        """Of a subscription that is not paid: paid some day, or ended by Stripe after two weeks."""
        if self.unpaid_since and now - self.unpaid_since > 14 * DAY:
            self.end(one, now)
        elif self.dice.random() < 0.08:
            self.unpaid_since = None
            self.pay_period(self.become(one, now, status=Status.ACTIVE), now)

    def buy_pack(self, now: datetime) -> None:
        pack = self.dice.choice(self.packs)
        fields = {"kind": Payment.Kind.PACK, "pack": pack, "amount_cents": pack.price_cents}
        self.pay(self._invoice(now, **fields), now)
        self.counts["packs"] += 1

    def take_back(self, now: datetime) -> None:
        """Refund a part or all of one of the last payments, or open, win or lose a dispute over it."""
        place = len(self.payments) - self.dice.randint(1, min(6, len(self.payments)))
        one = self.payments[place]
        if one.disputed_cents and self.dice.random() < 0.5:
            one = replace(one, disputed_cents=0)
            self.counts["disputes won"] += 1
        elif self.dice.random() < 0.5:
            one = replace(one, disputed_cents=one.amount_cents)
            self.counts["disputes"] += 1
        else:
            refunded = min(one.amount_cents, one.refunded_cents + one.amount_cents * self.dice.choice([1, 5, 10]) // 10)
            one = replace(one, refunded_cents=refunded)
            self.counts["refunds"] += 1
        self.payments[place] = one
        self.say(one, now)

    def spend(self) -> None:
        """Some jobs: finished, given back, or under way for a day or more."""
        for key in [key for key in self.held if self.dice.random() < 0.5]:
            self.held.remove(key)
            release_hold(key=key, reason="cancelled")
        if self.dice.random() > 0.2:
            return
        amount, key = self.dice.randint(1, 400), f"year:{self._key('job')}"
        try:
            hold = hold_credits(company=self.company, amount=amount, key=key, cause="simulated")
        except InsufficientCredits:
            return
        self.counts["jobs"] += 1
        if self.dice.random() < 0.8:
            settle_hold(key=key, amount=self.dice.randint(0, hold.amount))
        else:
            self.held.append(key)


def _length(interval: str) -> relativedelta:
    return relativedelta(years=1) if interval == Interval.YEAR else relativedelta(months=1)


def _rest(one: SubscriptionFact, plan: Plan, now: datetime) -> PeriodFact:
    """What an upgrade's invoice pays for: the rest of the period on the dearer plan."""
    paid = one.keeps or one.plan
    return PeriodFact(
        reference=one.reference,
        plan=plan,
        interval=one.interval,
        start=now,
        end=one.period_end,
        anchor=min(now, one.period_end - _length(one.interval)),
        replaces=paid,
    )


def tick(now: datetime) -> None:
    """What the clock does."""
    grant_due(now=now)
    end_periods(now=now)
    end_graces(now=now)
    expire_lots(now=now)
    collect_debts()


def simulate(*, companies: int, days: int, seed: int, until: datetime) -> tuple[Counter[str], list[Company]]:
    """Let companies live for some days that end at `until`; returns how much happened, and the companies."""
    counts: Counter[str] = Counter()
    plans = list(Plan.objects.filter(is_active=True, monthly_price_cents__gt=0).order_by("position"))
    packs = list(CreditPack.objects.filter(is_active=True).order_by("position"))
    lives = []
    for number in range(companies):
        company = Company.objects.create(name=f"Year {number}", slug=f"year-{seed}-{number}", kind=Company.Kind.TEAM)
        open_account(company=company)
        lives.append(Life(company, Random(f"{seed}:{number}"), plans, packs, counts))
    for day in range(days, -1, -1):
        now = until - day * DAY
        for life in lives:
            life.live(now)
            # Whom something was lost of, within some nights; all in the last one.
            if day == 0 or (life.misses and life.dice.random() < 0.3):
                life.reconcile(now)
        tick(now)
    return counts, [life.company for life in lives]
