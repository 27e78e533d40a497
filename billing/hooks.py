"""What billing does when something happens in the apps below it; registered in `apps.py`."""

from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.company_rules import mailbox_of
from accounts.models import Company, User
from billing import test_money
from billing.entitlements import write_entitlements
from billing.models import LedgerEntry, Subscription
from billing.plans import DEMO, plan_with_slug
from billing.selectors import plan_of
from billing.services import KeyTaken, expire_lots, grant_credits, open_account

DEMO_CREDITS = 1000


def open_account_of(company_id: UUID) -> None:
    """A new company gets a wallet and the default plan."""
    open_account(company=Company.objects.get(pk=company_id))


def welcome(user_id: UUID, company_id: UUID) -> None:
    """A person who proved an address gets the plan's welcome credits, once, in the personal company.

    Once for a mailbox, that is: not again for another spelling of its address, nor after the account was deleted. What
    the ledger keeps of it is a keyed digest.
    """
    company = Company.objects.get(pk=company_id)
    amount = plan_of(company).welcome_credits
    mailbox = mailbox_of(User.objects.get(pk=user_id).email)
    keys = [f"welcome:{_digest(mailbox, secret)}" for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    if not amount or LedgerEntry.objects.filter(key__in=keys).exists():
        return
    # Another account with the same mailbox may be welcomed at this very moment.
    with suppress(KeyTaken):
        grant_credits(
            company=company,
            amount=amount,
            kind=LedgerEntry.Kind.GRANT,
            key=keys[0],
            cause=_("Welcome to Darkroom"),
        )


def _digest(mailbox: str, secret: str) -> str:
    return salted_hmac("billing.welcome", mailbox, secret=secret, algorithm="sha256").hexdigest()


def furnish_demo(company_id: UUID) -> None:
    """The demo company is on Pro by hand and was granted 1 000 credits in all. Doing it again changes nothing."""
    company = Company.objects.get(pk=company_id)
    open_account(company=company)
    Subscription.objects.filter(company=company).update(
        plan=plan_with_slug(DEMO), source=Subscription.Source.MANUAL, status=Subscription.Status.ACTIVE
    )
    write_entitlements(company=company)
    grants = LedgerEntry.objects.filter(wallet_id=company_id, kind=LedgerEntry.Kind.GRANT)
    missing = DEMO_CREDITS - grants.aggregate(granted=Sum("amount", default=0))["granted"]
    if missing > 0:
        grant_credits(
            company=company,
            amount=missing,
            kind=LedgerEntry.Kind.GRANT,
            key=f"demo:{company_id}",
            cause=_("Credits of the demo account"),
        )


def expire_credits() -> int:
    """What the clock does: credits whose time is over go; returns how many."""
    return expire_lots(now=timezone.now())


def renew_test_money() -> int:
    """What the clock does: subscriptions of test money go on or end; returns how many."""
    return test_money.renew_due(now=timezone.now())
