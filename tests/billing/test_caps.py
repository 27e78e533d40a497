"""Caps of members and keys: what is taken and given back, and that no race passes one."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import transaction

from accounts.companies import set_cap
from accounts.models import ApiKey, User
from accounts.viewer import Viewer
from billing.caps import CapReached, give_back_caps, spent_by_key, take_caps, usage_by_member
from billing.entitlements import disagreeing_entitlements, renew_entitlements
from billing.models import LedgerEntry, Plan, UsageCounter, Wallet
from billing.services import grant_credits
from config.base.registry import MemberUsage
from generation import ending, pipeline
from generation.models import Job
from tests.billing.test_races import at_once
from tests.factories.accounts import PersonFactory
from tests.factories.generation import submit
from tests.factories.teams import acting, make_team, place_of, put_on
from tests.generation.conftest import state_of

pytestmark = pytest.mark.usefixtures("committed_db")
MIDNIGHT = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)


def capped(alice: User, bob: User, cap: int | None, period: str = "month") -> Viewer:
    """Bob in a team of Alice's with money and a cap."""
    company = make_team(alice, bob)
    grant_credits(
        company=company, amount=100, kind=LedgerEntry.Kind.GRANT, key=f"test:{company.pk}", cause="Given by a test"
    )
    set_cap(viewer=acting(alice, company), member=place_of(bob, company), credit_cap=cap, cap_period=period)
    return acting(bob, company)


def take(viewer: Viewer, amount: int, at: datetime = MIDNIGHT) -> None:
    with transaction.atomic():
        take_caps(viewer=viewer, amount=amount, at=at)


def used(viewer: Viewer) -> dict[str, int]:
    rows = UsageCounter.objects.filter(company=viewer.company, name__startswith="credits:")
    return dict(rows.values_list("period", "used"))


def key_of(viewer: Viewer, cap: int | None) -> Viewer:
    """The viewer as a program with a key."""
    key = ApiKey.objects.create(
        company=viewer.company,
        user=viewer.user,
        name="k",
        prefix=f"dk_{uuid4().hex[:8]}",
        digest="x",
        scopes=["generate"],
        credit_cap=cap,
    )
    return Viewer(user=viewer.user, company=viewer.company, role=viewer.role, api_key=key)


def test_32_threads_with_a_cap_for_seven_get_exactly_seven(alice: User, bob: User) -> None:
    viewer = capped(alice, bob, 7)

    def one(number: int) -> bool:
        try:
            take(viewer, 1)
        except CapReached:
            return False
        return True

    assert sum(at_once(32, one)) == 7
    assert used(viewer) == {"2026-11-30": 7, "2026-11": 7}


def test_a_refusal_says_used_limit_and_when_it_starts_again(alice: User, bob: User) -> None:
    by_day = capped(alice, bob, 5, "day")
    take(by_day, 4)
    with pytest.raises(CapReached, match="5 of the company's credits a day; 4 are used and this needs 2") as refused:
        take(by_day, 2)
    assert refused.value.retry_after == 31
    assert used(by_day) == {"2026-11-30": 4, "2026-11": 4}
    take(by_day, 5, datetime(2026, 12, 1, tzinfo=UTC))

    by_month = capped(alice, bob, 5, "month")
    with pytest.raises(CapReached, match="a month") as refused:
        take(by_month, 6, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert refused.value.retry_after == 2
    assert used(by_month) == {}


def test_a_key_has_a_cap_for_all_time_beside_its_owners(alice: User, bob: User) -> None:
    viewer = capped(alice, bob, 10)
    program = key_of(viewer, 6)
    take(program, 6)
    with pytest.raises(CapReached, match="6 credits in all; 6 are used"):
        take(program, 1, datetime(2027, 5, 5, tzinfo=UTC))
    assert program.api_key is not None
    assert spent_by_key(program.api_key) == 6
    take(viewer, 4)
    with pytest.raises(CapReached, match="a month"):
        take(key_of(viewer, None), 1)
    assert used(viewer) == {"2026-11-30": 10, "2026-11": 10}


def test_people_alone_are_not_counted_and_unlimited_wallets_count_nothing(alice: User, bob: User, viewer) -> None:  # type: ignore[no-untyped-def]
    take(viewer(alice), 50)
    assert used(viewer(alice)) == {}
    endless = capped(alice, bob, 1)
    put_on(endless.company, "enterprise")
    take(endless, 50)
    assert used(endless) == {}


def test_what_a_job_does_not_spend_is_given_back(alice: User, bob: User) -> None:
    viewer = key_of(capped(alice, bob, 20), 20)
    waiting = submit(viewer, seed=1, count=2)
    assert waiting.api_key == viewer.api_key
    held = waiting.credits
    assert usage_by_member(viewer.company.pk)[bob.pk] == MemberUsage(day=held, month=held)
    assert ending.cancel_waiting(job_id=waiting.pk)
    assert usage_by_member(viewer.company.pk)[bob.pk] == MemberUsage(day=0, month=0)

    made = submit(viewer, seed=2)
    pipeline.start(job_id=made.pk)
    made.refresh_from_db()
    assert made.state == Job.State.SUCCEEDED
    assert usage_by_member(viewer.company.pk)[bob.pk].month == made.credits > 0
    assert viewer.api_key is not None
    assert spent_by_key(viewer.api_key) == made.credits


def test_a_job_over_the_cap_changes_nothing(alice: User, bob: User) -> None:
    viewer = capped(alice, bob, 0)
    before = state_of(viewer.company)
    with pytest.raises(CapReached, match="0 of the company's credits a month; 0 are used"):
        submit(viewer, seed=1)
    assert state_of(viewer.company) == before
    assert submit(acting(alice, viewer.company), seed=1).credits > 0


def test_giving_back_never_goes_below_nothing(alice: User, bob: User) -> None:
    viewer = capped(alice, bob, 5)
    take(viewer, 3)
    with transaction.atomic():
        give_back_caps(company=viewer.company, user_id=bob.pk, key_id=None, amount=9, at=MIDNIGHT)
    assert used(viewer) == {"2026-11-30": 0, "2026-11": 0}


def test_entitlements_follow_the_plan_and_what_disagrees_is_found_and_mended() -> None:
    company = make_team(PersonFactory(), plan="free")
    put_on(company, "enterprise")
    assert company.entitlements == {"seats": None, "api": True, "white_label": True, "rate": 20}
    assert Wallet.objects.get(company=company).unlimited
    type(company).objects.filter(pk=company.pk).update(entitlements={"seats": 99})
    assert [line for line in disagreeing_entitlements() if str(company.pk) in line]
    assert renew_entitlements() >= 1
    assert not [line for line in disagreeing_entitlements() if str(company.pk) in line]
    company.refresh_from_db()
    assert company.entitlements["seats"] is None
    assert Plan.objects.get(slug="enterprise").seats is None
