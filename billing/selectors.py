"""Reads about money: plan, credits, limits."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts.models import Company
from billing.models import CreditLot, LedgerEntry, Plan, UsageCounter, Wallet

GENERATIONS = "generations"


@dataclass(frozen=True, slots=True)
class Credits:
    """What a company owns (`balance`), of which `held` is promised to jobs under way; `available` is the rest.

    `debt` was taken back by a refund or a dispute after it was spent: it comes out of what is bought next.
    """

    balance: int
    held: int
    available: int
    unlimited: bool
    debt: int = 0


def today(now: datetime | None = None) -> str:
    """The UTC day, as the period of a daily limit: `2026-11-20`."""
    return (now or timezone.now()).astimezone(UTC).date().isoformat()


def plan_of(company: Company) -> Plan:
    """The plan that a company is on. One query; raises `Plan.DoesNotExist` for one without an account."""
    return Plan.objects.get(subscriptions__company=company)


def credits_of(company: Company) -> Credits:
    """A company's credits as of now. One query; raises `Wallet.DoesNotExist` for one without an account."""
    wallet = Wallet.objects.get(company=company)
    return Credits(
        balance=wallet.balance,
        held=wallet.held,
        available=wallet.available,
        unlimited=wallet.unlimited,
        debt=wallet.debt,
    )


@dataclass(frozen=True, slots=True)
class Expiry:
    """Credits that go at a time unless they are spent before."""

    credits: int
    at: datetime


def next_expiry_of(company: Company, now: datetime) -> Expiry | None:
    """The credits that expire next; None when none do. One query."""
    lots = CreditLot.objects.filter(wallet_id=company.pk, remaining__gt=0, expires_at__gt=now)
    first = lots.values("expires_at").annotate(left=Sum("remaining")).order_by("expires_at").first()
    if first is None or first["expires_at"] is None:
        return None
    return Expiry(first["left"], first["expires_at"])


def generations_used(company: Company, day: str) -> int:
    """Generations taken on a UTC day, less those given back."""
    counters = UsageCounter.objects.filter(company=company, name=GENERATIONS, period=day)
    used: int = counters.aggregate(used=Sum("used", default=0))["used"]
    return used


def generations_today(company: Company) -> tuple[int, int | None]:
    """`(used, limit)` of the current UTC day; the limit is None on plans without one."""
    return generations_used(company, today()), plan_of(company).daily_generations


def ledger_of(company: Company) -> QuerySet[LedgerEntry]:
    """Every change of a company's balance, the latest first."""
    return LedgerEntry.objects.filter(wallet_id=company.pk).order_by("-number")
