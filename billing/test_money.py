"""Test money: buying without Stripe and without real money, for trying the product out. Only in DEBUG.

It is a payment provider as small as can be: an order is a signed token, paying it makes the same facts that Stripe's
objects make, and everything after that is the product's own way. What a test subscription is lies in our own row of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Company
from billing.changes import change_to
from billing.facts import PaymentFact, PeriodFact, SubscriptionFact
from billing.following import follow_payment, follow_subscription
from billing.models import CreditPack, Interval, Payment, Plan, Subscription
from billing.periods import credits_left
from billing.refusals import AlreadySubscribed
from billing.services import lock_wallet
from billing.standing import had_trial, price_of_plan, standing_of

SOURCE = Subscription.Source.TEST
_SALT = "billing.test_money"
# As long as Stripe keeps a page for paying open.
_ORDER_SECONDS = 24 * 60 * 60
_ENDED = Subscription.Status.CANCELLED


def is_open() -> bool:
    """Whether test money can be paid with: in development, while there is no real way to pay."""
    return settings.DEBUG and not settings.STRIPE_SECRET_KEY


@dataclass(frozen=True, slots=True)
class Order:
    """Something that a company is about to buy: a plan paid by `interval`, or a pack."""

    number: str
    company: Company
    plan: Plan | None
    interval: str
    pack: CreditPack | None
    is_trial: bool

    @property
    def cents(self) -> int:
        """What is paid now, at the price of now."""
        if self.pack is not None:
            return self.pack.price_cents
        return 0 if self.is_trial or self.plan is None else price_of_plan(self.plan, self.interval) or 0

    @property
    def key(self) -> str:
        """The payment's unique key: an order is paid once."""
        return f"test:{self.number}"

    @property
    def session(self) -> str:
        """By what the page that says thank you finds it."""
        return f"test_{self.number}"

    @property
    def description(self) -> str:
        """What is bought, in words."""
        if self.plan is None:
            return _("%s pack") % self.pack
        return _described(self.plan, self.interval)


def order_token(
    *, company: Company, plan: Plan | None = None, interval: str = "", pack: CreditPack | None = None
) -> str:
    """A new order as a token for an address: what is bought by whom, signed; no price is in it."""
    values = {"n": uuid4().hex, "c": str(company.pk), "i": interval}
    values |= {"p": str(plan.pk)} if plan else {"k": str(pack.pk)} if pack else {}
    return signing.dumps(values, salt=_SALT, compress=True)


def find_order(*, company: Company, token: str) -> Order | None:
    """The order of a token; None for what was never ours, is too old, or another company's."""
    try:
        values = signing.loads(token, salt=_SALT, max_age=_ORDER_SECONDS)
    except signing.BadSignature:
        return None
    plan = Plan.objects.filter(pk=values["p"]).first() if "p" in values else None
    pack = CreditPack.objects.filter(pk=values["k"]).first() if "k" in values else None
    if UUID(values["c"]) != company.pk or (plan is None) == (pack is None):
        return None
    is_trial = plan is not None and bool(plan.trial_days) and not had_trial(company)
    return Order(values["n"], company, plan, values["i"], pack, is_trial=is_trial)


def pay(*, order: Order, now: datetime) -> Payment:
    """Pay an order with test money; paying it again changes nothing.

    Raises `AlreadySubscribed` when a subscription began meanwhile: in another tab, say.
    """
    with transaction.atomic():
        lock_wallet(company=order.company)
        paid = Payment.objects.filter(key=order.key, company=order.company).first()
        if paid is not None:
            return paid
        if order.plan is None:
            return follow_payment(_payment(order, now))
        if standing_of(order.company).is_paid:
            raise AlreadySubscribed(_("Your company pays for a plan already. Change that one instead."))
        return _begin(order, order.plan, now)


def _begin(order: Order, plan: Plan, now: datetime) -> Payment:
    reference = order.session
    end = now + timedelta(days=plan.trial_days) if order.is_trial else after(now, order.interval)
    period = PeriodFact(
        reference=reference,
        plan=plan,
        interval=order.interval,
        start=now,
        end=end,
        is_trial=order.is_trial,
    )
    state = _State(
        company=order.company,
        reference=reference,
        plan=plan,
        interval=order.interval,
        status=Subscription.Status.TRIALING if order.is_trial else Subscription.Status.ACTIVE,
        start=now,
        end=end,
    )
    follow_subscription(state.fact(now))
    return follow_payment(_payment(order, now, period))


def change(*, company: Company, plan: Plan, interval: str, now: datetime) -> None:
    """Change a test subscription: for more at once, for less at the end of what is paid for.

    Asking again for what is there changes nothing.
    """
    with transaction.atomic():
        lock_wallet(company=company)
        standing = replace(standing_of(company), now=now)
        state = _State.of(standing.subscription)
        if (state.plan, state.interval) == (plan, interval):
            return
        wanted = change_to(standing, plan, interval)
        if not wanted.is_now:
            follow_subscription(replace(state, plan=plan, interval=interval, keeps=standing.plan).fact(now))
            return
        is_new_period = interval != state.interval and not standing.is_trial
        state = replace(state, plan=plan, interval=interval, keeps=None, cancel_at=None)
        if is_new_period:
            less = credits_left(standing.plan, begun=state.start, now=now, end=state.end)
            state = replace(state, start=now, end=after(now, interval))
            period = replace(state.period(), less=less)
        else:
            # What is left of the period, as the dearer plan.
            period = replace(state.period(), start=now, anchor=state.start, replaces=standing.plan)
        follow_subscription(state.fact(now))
        if wanted.cents_now:
            words = _("Change to %s") % _described(plan, interval)
            cents = wanted.cents_now
            follow_payment(_paid(state, _stamp(now), cents=cents, words=words, now=now, period=period))


def end_at_period_end(*, company: Company, now: datetime) -> None:
    """Cancel a test subscription: it goes on until the end of what is paid for."""
    with transaction.atomic():
        lock_wallet(company=company)
        state = _State.of(standing_of(company).subscription)
        follow_subscription(replace(state, cancel_at=state.end).fact(now))


def go_on(*, company: Company, now: datetime) -> None:
    """Take back a cancellation, or a change that waits."""
    with transaction.atomic():
        lock_wallet(company=company)
        subscription = standing_of(company).subscription
        state = replace(_State.of(subscription), cancel_at=None, keeps=None, plan=subscription.plan)
        follow_subscription(state.fact(now))


def renew_due(*, now: datetime) -> int:
    """What the clock does: test subscriptions whose period is over are paid for once more, or end; returns how many.

    They end too once there is a real way to pay.
    """
    due = Subscription.objects.filter(
        source=SOURCE, status__in=(Subscription.Status.ACTIVE, Subscription.Status.TRIALING), period_end__lte=now
    )
    return sum(_renew(pk, now) for pk in list(due.exclude(reference="").values_list("company_id", flat=True)))


def _renew(company_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        lock_wallet(company=Company.objects.get(pk=company_id))
        subscription = Subscription.objects.select_related("company", "plan", "next_plan").get(company_id=company_id)
        end = subscription.period_end
        if subscription.source != SOURCE or end is None or end > now or subscription.status == _ENDED:
            return False
        state = _State.of(subscription)
        if not is_open() or (state.cancel_at is not None and state.cancel_at <= now):
            follow_subscription(replace(state, status=_ENDED).fact(now))
            return True
        active = Subscription.Status.ACTIVE
        state = replace(state, status=active, keeps=None, start=end, end=after(end, state.interval))
        follow_subscription(state.fact(now))
        words = _described(state.plan, state.interval)
        cents = price_of_plan(state.plan, state.interval) or 0
        follow_payment(_paid(state, _stamp(end), cents=cents, words=words, now=now, period=state.period()))
    return True


@dataclass(frozen=True, slots=True)
class _State:
    """A test subscription; what Stripe would keep for us."""

    company: Company
    reference: str
    plan: Plan
    interval: str
    status: str
    start: datetime
    end: datetime
    cancel_at: datetime | None = None
    # The plan in force until the end, where `plan` waits for it.
    keeps: Plan | None = None

    @classmethod
    def of(cls, row: Subscription) -> "_State":
        """The state that our own row shows."""
        if row.period_end is None:
            raise ValueError("A subscription that is paid for has a period.")
        return cls(
            company=row.company,
            reference=row.reference,
            plan=row.next_plan or row.plan,
            interval=row.interval,
            status=row.status,
            start=row.period_start,
            end=row.period_end,
            cancel_at=row.cancel_at,
            keeps=row.plan if row.next_plan else None,
        )

    def period(self) -> PeriodFact:
        """What a payment at its beginning pays for."""
        return PeriodFact(
            reference=self.reference,
            plan=self.plan,
            interval=self.interval,
            start=self.start,
            end=self.end,
        )

    def fact(self, now: datetime) -> SubscriptionFact:
        """What Stripe would say of it."""
        return SubscriptionFact(
            company=self.company,
            source=SOURCE,
            reference=self.reference,
            customer="",
            plan=self.plan,
            interval=self.interval,
            status=self.status,
            period_start=self.start,
            period_end=self.end,
            cancel_at=self.cancel_at,
            keeps=self.keeps,
            keeps_until=self.end if self.keeps else None,
            asked_at=now,
        )


def _described(plan: Plan, interval: str) -> str:
    return (_("%s, by the year") if interval == Interval.YEAR else _("%s, by the month")) % plan


def after(start: datetime, interval: str) -> datetime:
    """A month or a year later; the last day of a month where it is too short (31 January → 28 February)."""
    return start + (relativedelta(years=1) if interval == Interval.YEAR else relativedelta(months=1))


def _payment(order: Order, now: datetime, *periods: PeriodFact) -> PaymentFact:
    return PaymentFact(
        company=order.company,
        kind=Payment.Kind.PACK if order.pack else Payment.Kind.SUBSCRIPTION,
        key=order.key,
        state=Payment.State.PAID,
        plan=order.plan,
        pack=order.pack,
        amount_cents=order.cents,
        currency=settings.CURRENCY,
        description=order.description[:200],
        paid_at=now,
        created_at=now,
        asked_at=now,
        periods=periods,
    )


def _paid(state: _State, number: str, *, cents: int, words: str, now: datetime, period: PeriodFact) -> PaymentFact:
    """A payment of a subscription that is under way."""
    return PaymentFact(
        company=state.company,
        kind=Payment.Kind.SUBSCRIPTION,
        key=f"test:{state.reference}:{number}",
        state=Payment.State.PAID,
        plan=state.plan,
        amount_cents=cents,
        currency=settings.CURRENCY,
        description=words[:200],
        paid_at=now,
        created_at=now,
        asked_at=now,
        periods=(period,),
    )


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S%f}"
