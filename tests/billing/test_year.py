"""The short form of `make year`: 10 companies, 400 days, every credit accounted for."""

from pathlib import Path

import pytest
from django.db.models import F
from django.utils import timezone

from billing.models import BillingPeriod, Payment, Wallet
from chaos.lives import simulate
from chaos.sections import later_sections, write_section
from tests.factories.billing import broken_of


@pytest.mark.long
@pytest.mark.django_db
def test_after_a_year_of_changes_failures_refunds_and_disputes_every_credit_is_accounted_for() -> None:
    counts, companies = simulate(companies=10, days=400, seed=7, until=timezone.now())
    for what in ("failures", "refunds", "disputes", "upgrades", "downgrades", "ends", "facts lost", "facts late"):
        assert counts[what], what
    # Everything that was paid is known, and each month was granted what its plan gives.
    assert Payment.objects.filter(company__in=companies).count() == counts["payments"]
    months = BillingPeriod.objects.filter(company__in=companies, interval="month", anchor=F("start"))
    assert not months.exclude(granted=1, payment__credits=F("plan__monthly_credits")).exists()
    wallets = Wallet.objects.filter(company__in=companies)
    assert not wallets.filter(debt__gt=0, balance__gt=F("held")).exists()
    assert [sentence for company in companies for sentence in broken_of(company)] == []


def test_each_program_writes_its_own_section(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("# Report\n\nFirst.\n")
    write_section(path, "## Year", "One.")
    write_section(path, "## Other", "Else.")
    write_section(path, "## Year", "Two.")
    assert path.read_text() == "# Report\n\nFirst.\n\n## Year\n\nTwo.\n\n## Other\n\nElse.\n"
    assert later_sections(path) == "\n## Year\n\nTwo.\n\n## Other\n\nElse.\n"
