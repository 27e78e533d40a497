"""Companies with money for tests, made by the services that make them in the product."""

from typing import Any
from uuid import uuid4

import factory
from factory.django import DjangoModelFactory

from accounts.models import Company
from billing.audit import broken_rows
from billing.models import Hold, LedgerEntry
from billing.services import grant_credits, open_account


class AccountFactory(DjangoModelFactory[Company]):
    """A company with a wallet on the Free plan, holding `balance` (100) credits in one lot that does not expire."""

    class Meta:
        model = Company

    name = "Fox & Sons"
    # Committed rows of other tests stay in the database, so no two tests share a name.
    slug = factory.LazyFunction(lambda: f"account-{uuid4().hex}")
    kind = Company.Kind.TEAM

    @classmethod
    def _create(cls, model_class: type[Company], *_args: Any, balance: int = 100, **fields: Any) -> Company:
        company = model_class.objects.create(**fields)
        open_account(company=company)
        if balance:
            grant_credits(
                company=company,
                amount=balance,
                kind=LedgerEntry.Kind.GRANT,
                key=f"test:{company.pk}",
                cause="Given by a test",
            )
        return company


def broken_of(company: Company) -> list[str]:
    """What the audit says of one company: other tests' committed rows are not its own."""
    names = {str(company.pk), *Hold.objects.filter(wallet_id=company.pk).values_list("key", flat=True)}
    return [sentence for sentence in broken_rows() if any(name in sentence for name in names)]
