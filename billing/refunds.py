"""Money that operators give back. What was paid with test money is refunded here, the rest where it was paid.

The credits follow the money: `follow_payment` takes back what the refund pays for, whoever made it.
"""

from dataclasses import replace

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import record_audit
from billing.currency import money
from billing.facts import PaymentFact
from billing.following import follow_payment
from billing.models import Payment
from billing.services import lock_wallet
from config.base.refusal import Refusal

TEST_MONEY = "test:"


class NotRefundable(Refusal):
    """There is not so much left to give back, or it is not given back here."""

    code = "not_refundable"


def refundable_cents(payment: Payment) -> int:
    """What may still be given back; nothing of what was not paid, and of what is disputed nothing twice."""
    if payment.state != Payment.State.PAID:
        return 0
    return max(0, payment.amount_cents - payment.refunded_cents - payment.disputed_cents)


def is_test_money(payment: Payment) -> bool:
    """Whether nobody's money moved."""
    return payment.key.startswith(TEST_MONEY)


def refund_test_money(*, payment: Payment, cents: int, seen_cents: int, reason: str, actor: User) -> Payment:
    """Give `cents` of test money back, and have the credits follow.

    `seen_cents` is what had been refunded when the operator decided, so a form that is sent twice refunds once. Raises
    `NotRefundable`; nothing is changed then.
    """
    with transaction.atomic():
        lock_wallet(company=payment.company)
        found = Payment.objects.select_related("company", "plan", "pack").get(pk=payment.pk)
        refuse_refund(payment=found, cents=cents, seen_cents=seen_cents)
        if not is_test_money(found):
            raise NotRefundable(_("This was not paid with test money."))
        now = timezone.now()
        fact = replace(_fact_of(found), refunded_cents=found.refunded_cents + cents, asked_at=now)
        note_refund(payment=found, cents=cents, reason=reason, actor=actor)
        return follow_payment(fact)


def refuse_refund(*, payment: Payment, cents: int, seen_cents: int) -> None:
    """Raise `NotRefundable` for an amount that cannot be given back (any more)."""
    if payment.refunded_cents != seen_cents:
        raise NotRefundable(_("Meanwhile something was refunded. Look at the payment again before you go on."))
    left = refundable_cents(payment)
    if not 0 < cents <= left:
        raise NotRefundable(
            _("At most %(left)s can be given back.") % {"left": money(left, payment.currency)}
            if left
            else _("Nothing of this payment can be given back."),
            field="amount",
        )


def note_refund(*, payment: Payment, cents: int, reason: str, actor: User) -> None:
    """Write down who gave money back, and why."""
    record_audit(
        actor=actor.email,
        action="payment.refunded",
        target=payment.key,
        company=payment.company,
        detail={"cents": cents, "amount": money(cents, payment.currency), "reason": reason},
    )


def _fact_of(payment: Payment) -> PaymentFact:
    """The payment as it is known."""
    return PaymentFact(
        company=payment.company,
        kind=payment.kind,
        key=payment.key,
        state=payment.state,
        amount_cents=payment.amount_cents,
        tax_cents=payment.tax_cents,
        currency=payment.currency,
        refunded_cents=payment.refunded_cents,
        disputed_cents=payment.disputed_cents,
        payment_intent=payment.payment_intent,
        charge=payment.charge,
        plan=payment.plan,
        pack=payment.pack,
        number=payment.number,
        description=payment.description,
        hosted_url=payment.hosted_url,
        pdf_url=payment.pdf_url,
        paid_at=payment.paid_at,
        created_at=payment.created_at,
        asked_at=timezone.now(),
    )
