"""Companies that buy, for tests: with test money, by the services of the product."""

from datetime import datetime

from django.utils import timezone

from accounts.viewer import Viewer
from billing import test_money
from billing.models import CreditPack, Payment, Plan


def buy_plan_with_test_money(
    viewer: Viewer, slug: str = "basic", *, interval: str = "month", now: datetime | None = None
) -> Payment:
    """Order a plan and pay for it."""
    plan = Plan.objects.get(slug=slug)
    token = test_money.order_token(company=viewer.company, plan=plan, interval=interval)
    return _pay(viewer, token, now)


def buy_pack_with_test_money(viewer: Viewer, slug: str = "pack-500", *, now: datetime | None = None) -> Payment:
    """Order a pack and pay for it."""
    token = test_money.order_token(company=viewer.company, pack=CreditPack.objects.get(slug=slug))
    return _pay(viewer, token, now)


def _pay(viewer: Viewer, token: str, now: datetime | None) -> Payment:
    order = test_money.find_order(company=viewer.company, token=token)
    assert order is not None
    return test_money.pay(order=order, now=now or timezone.now())
