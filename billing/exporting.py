"""What billing has of a person, for a copy of everything: the money of the personal company, told as on its page."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from accounts.models import Company
from billing.models import Payment, Subscription, UsageCounter
from billing.statement import statement
from config.base.registry import ExportDocument, ExportFile
from config.base.walking import walk

PAGE = 200


def export_money(user_id: UUID) -> Iterable[ExportDocument | ExportFile]:
    """Of companies of several people the money is theirs together, so it is in nobody's copy."""
    companies = list(Company.objects.filter(kind=Company.Kind.PERSONAL, memberships__user=user_id))
    yield ExportDocument("billing/plan.json", _plans(companies))
    yield ExportDocument("billing/statement.json", _statement(companies))
    yield ExportDocument("billing/payments.json", _payments(companies))
    yield ExportDocument("billing/usage.json", _usage(companies))


def _plans(companies: list[Company]) -> Iterator[Mapping[str, object]]:
    for row in walk(Subscription.objects.filter(company__in=companies).select_related("plan", "company__wallet")):
        yield {
            "plan": row.plan.name,
            "status": row.status,
            "paid_by_the": row.interval,
            "from": row.period_start,
            "until": row.period_end,
            "balance": row.company.wallet.balance,
            "held": row.company.wallet.held,
        }


def _statement(companies: list[Company]) -> Iterator[Mapping[str, object]]:
    for company in companies:
        page = statement(company, size=PAGE)
        while page.rows:
            for row in page.rows:
                yield {
                    "at": row.at,
                    "what": row.sentence,
                    "outcome": row.outcome,
                    "state": row.state,
                    "change": row.change,
                    "balance_after": row.balance_after,
                }
            if page.older is None:
                break
            page = statement(company, before=page.older, size=PAGE)


def _payments(companies: list[Company]) -> Iterator[Mapping[str, object]]:
    for row in walk(Payment.objects.filter(company__in=companies)):
        yield {
            "for": row.kind,
            "description": row.description,
            "state": row.state,
            "amount_cents": row.amount_cents,
            "tax_cents": row.tax_cents,
            "refunded_cents": row.refunded_cents,
            "currency": row.currency,
            "credits": row.credits,
            "invoice": row.number,
            "paid_at": row.paid_at,
            "made_at": row.created_at,
        }


def _usage(companies: list[Company]) -> Iterator[Mapping[str, object]]:
    for row in walk(UsageCounter.objects.filter(company__in=companies)):
        yield {"of": row.name, "period": row.period, "used": row.used}
