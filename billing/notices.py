"""Mails about money: written down with what causes them, sent once.

`notify` writes a row in the transaction of the payment, refund or change that it tells about; the row's key makes it
one mail, however often that is worked through. After the commit a worker sends it (`billing.notice_mail`); what is not
sent in time the clock finds.

What `context` holds is what the mail says (`billing.letters`): amounts in cents, dates as ISO 8601, no more.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import dramatiq
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from accounts.models import Company
from billing.models import BillingNotice, Payment, Plan

SEND_NOTICE = "billing.send_notice"
LEAST_MARK = 10

logger = logging.getLogger(__name__)


class NoticeKind(models.TextChoices):
    """What a mail about money is about."""

    LOW_BALANCE = "low_balance", _("few credits left")
    PAYMENT_RECEIVED = "payment_received", _("payment received")
    PAYMENT_FAILED = "payment_failed", _("payment failed")
    RENEWAL_SOON = "renewal_soon", _("renewal soon")
    TRIAL_ENDING = "trial_ending", _("trial ends soon")
    PLAN_ENDED = "plan_ended", _("plan ended")
    REFUNDED = "refunded", _("refund")


def notify(*, company: Company, kind: str, key: str, context: Mapping[str, Any]) -> bool:
    """Write a mail down within the caller's transaction; it leaves after the commit.

    False, and nothing happens, when `key` was used before. Raises `ValueError` for an unknown kind.
    """
    notice = BillingNotice(company=company, kind=NoticeKind(kind).value, key=key, context=dict(context))
    BillingNotice.objects.bulk_create([notice], ignore_conflicts=True)
    if not BillingNotice.objects.filter(pk=notice.pk).exists():
        return False
    transaction.on_commit(partial(ask_to_send, notice.pk), robust=True)
    return True


def ask_to_send(notice_id: UUID) -> None:
    """Ask a worker to send a notice. A queue that is down is not an error: the clock asks again."""
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name="default", actor_name=SEND_NOTICE, args=(str(notice_id),), kwargs={}, options={}
    )
    try:
        dramatiq.get_broker().enqueue(message)
    except (dramatiq.BrokerConnectionError, RedisError) as error:
        logger.warning("notice %s not sent, the clock will: %s", notice_id, error)


def low_mark(monthly_credits: int | None) -> int:
    """At how many credits a company is told that few are left: a tenth of a month's, and at least 10."""
    return max(LEAST_MARK, (monthly_credits or 0) // 10)


def balance_fell(*, company: Company, before: int, after: int, monthly_credits: int | None, key: str) -> bool:
    """Tell that few credits are left when spending took the balance past the mark, so once until it was filled up.

    `key` names what was spent.
    """
    mark = low_mark(monthly_credits)
    if not before > mark >= after:
        return False
    return notify(company=company, kind=NoticeKind.LOW_BALANCE, key=f"low:{key}", context={"balance": after})


def payment_received(payment: Payment) -> bool:
    """Tell that a payment arrived: the receipt."""
    return notify(
        company=payment.company,
        kind=NoticeKind.PAYMENT_RECEIVED,
        key=f"paid:{payment.pk}",
        context={**_about(payment), "credits": payment.credits, "paid_at": _iso(payment.paid_at)},
    )


def payment_failed(payment: Payment, *, until: datetime | None) -> bool:
    """Tell that a payment failed, and until when the plan stays all the same (None: nothing hangs on it)."""
    # An invoice can still be paid there; of a pack it would be a receipt.
    url = payment.hosted_url if payment.kind == Payment.Kind.SUBSCRIPTION else ""
    return notify(
        company=payment.company,
        kind=NoticeKind.PAYMENT_FAILED,
        key=f"failed:{payment.pk}",
        context={**_about(payment), "until": _iso(until), "url": url},
    )


def payment_refunded(payment: Payment, *, cents: int, credits_taken: int) -> bool:
    """Tell that `cents` went back, with which `credits_taken` credits go; keyed by what is refunded in all."""
    return notify(
        company=payment.company,
        kind=NoticeKind.REFUNDED,
        key=f"refunded:{payment.pk}:{payment.refunded_cents}",
        context={**_about(payment), "refunded_cents": cents, "credits": credits_taken},
    )


def plan_ended(*, company: Company, plan: Plan, is_unpaid: bool, key: str) -> bool:
    """Tell that a company's plan is over: cancelled, or not paid for in time. `key` names the subscription's end."""
    return notify(
        company=company,
        kind=NoticeKind.PLAN_ENDED,
        key=f"ended:{key}",
        context={"plan": plan.name, "is_unpaid": is_unpaid},
    )


def _about(payment: Payment) -> dict[str, Any]:
    return {
        "amount_cents": payment.amount_cents,
        "currency": payment.currency.upper(),
        "description": payment.description,
        "number": payment.number,
        "url": payment.hosted_url,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
