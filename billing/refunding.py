"""Where a refund is made: test money here, everything else at Stripe."""

from django.utils.translation import gettext as _

from accounts.models import User
from billing.models import Payment
from billing.refunds import NotRefundable, is_test_money, refund_test_money, refuse_refund


def refund(*, payment: Payment, cents: int, seen_cents: int, reason: str, actor: User) -> None:
    """Give `cents` of a payment back and write down why. Raises `NotRefundable`; nothing is changed then."""
    if is_test_money(payment):
        refund_test_money(payment=payment, cents=cents, seen_cents=seen_cents, reason=reason, actor=actor)
        return
    refuse_refund(payment=payment, cents=cents, seen_cents=seen_cents)
    raise NotRefundable(_("Refund it at Stripe: the credits follow within a minute."))
