"""What is known of a subscription or a payment, wherever it was made: the core follows these and knows no provider.

Each was true at `asked_at`, the moment just before it was asked for, so of two answers the one asked for later holds.
Amounts are in cents of `currency`; moments are aware datetimes.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Company
from billing.models import CreditPack, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFact:
    """A subscription as it is now. `status` is one of `Subscription.Status`, "cancelled" for one that has ended.

    `keeps` is what stays in force until `keeps_until`, when a downgrade waits for the end of what is paid for.
    `unpaid_since` is when what is not paid was asked for, where that is known.
    """

    company: Company
    source: str
    reference: str
    customer: str
    plan: Plan
    interval: str
    status: str
    period_start: datetime
    period_end: datetime
    cancel_at: datetime | None = None
    keeps: Plan | None = None
    keeps_until: datetime | None = None
    unpaid_since: datetime | None = None
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFact:
    """What one line of a paid invoice pays for: `plan` from `start` until `end`.

    An upgrade's line begins in the middle of the period that began at `anchor` and names the plan that it `replaces`.
    `less` are credits of a period that this one took the place of before its end, whose money was counted as paid: its
    first month gives so many less.
    """

    reference: str
    plan: Plan
    interval: str
    start: datetime
    end: datetime
    anchor: datetime | None = None
    replaces: Plan | None = None
    less: int = 0
    is_trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    """An invoice or the purchase of a pack. `key` names it: `invoice:in_…`, `session:cs_…`, `test:…`.

    `disputed_cents` is what open and lost disputes withhold. `due_at` is when it was asked for, where that is known.
    """

    company: Company
    kind: str
    key: str
    state: str
    amount_cents: int
    currency: str
    created_at: datetime
    asked_at: datetime
    tax_cents: int = 0
    refunded_cents: int = 0
    disputed_cents: int = 0
    payment_intent: str = ""
    charge: str = ""
    plan: Plan | None = None
    pack: CreditPack | None = None
    number: str = ""
    description: str = ""
    hosted_url: str = ""
    pdf_url: str = ""
    due_at: datetime | None = None
    paid_at: datetime | None = None
    periods: tuple[PeriodFact, ...] = ()
