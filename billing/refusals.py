"""What buying refuses, and why; nothing was paid."""

from config.base.refusal import Refusal

PAGE = "billing/refused.html"


class PaymentsNotSetUp(Refusal):
    """Whoever runs this product has not connected a way to pay."""

    code = "payments_not_set_up"
    status = 503
    template = PAGE


class NotForSale(Refusal):
    """A plan or pack that is not offered, or not so: by agreement, free, not by the year."""

    code = "not_for_sale"
    status = 409
    template = PAGE


class AlreadySubscribed(Refusal):
    """The company pays for a plan already: that one is changed, a second one is not bought."""

    code = "already_subscribed"
    status = 409
    template = PAGE


class NotSubscribed(Refusal):
    """There is no subscription that this could be done to."""

    code = "not_subscribed"
    status = 409
    template = PAGE


class PaymentDue(Refusal):
    """Something is owed, or nothing is collected just now: the plan is changed after that is put right."""

    code = "payment_due"
    status = 409
    template = PAGE


class TestPaymentDeclined(Refusal):
    """What the button that declines a test payment does."""

    code = "payment_declined"
    status = 402
