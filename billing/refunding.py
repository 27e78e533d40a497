"""Where a refund is made: test money here, everything else at Stripe. The credits follow either way."""

from django.utils.translation import gettext as _

from accounts.models import User
from billing.models import Payment
from billing.refunds import NotRefundable, is_test_money, note_refund, refund_test_money, refuse_refund
from billing.stripe.changing import refund_at_stripe
from billing.stripe.client import NotAtStripe


def refund(*, payment: Payment, cents: int, seen_cents: int, reason: str, actor: User) -> None:
    """Give `cents` of a payment back and write down why.

    `seen_cents` is what had been refunded when the operator decided: a form that is sent twice refunds once. Raises
    `NotRefundable` and what Stripe refuses; nothing is changed then.
    """
    if is_test_money(payment):
        refund_test_money(payment=payment, cents=cents, seen_cents=seen_cents, reason=reason, actor=actor)
        return
    refuse_refund(payment=payment, cents=cents, seen_cents=seen_cents)
    key = f"refund:{payment.pk}:{seen_cents}:{cents}"
    try:
        refund_at_stripe(payment=payment, amount_cents=cents, reason=reason, key=key)
    except NotAtStripe as error:
        raise NotRefundable(_("Stripe does not know this payment: was it made with another key?")) from error
    note_refund(payment=payment, cents=cents, reason=reason, actor=actor)
