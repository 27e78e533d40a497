"""Money: what is sold, who pays for what, wallets and the ledger."""

from billing.models.payments import AdjustmentRequest, BillingNotice, Payment, SalesEnquiry, StripeEvent
from billing.models.plans import CreditPack, Plan
from billing.models.subscriptions import BillingPeriod, Interval, Subscription
from billing.models.usage import UsageCounter
from billing.models.wallets import CreditLot, Hold, LedgerEntry, Wallet

__all__ = [
    "AdjustmentRequest",
    "BillingNotice",
    "BillingPeriod",
    "CreditLot",
    "CreditPack",
    "Hold",
    "Interval",
    "LedgerEntry",
    "Payment",
    "Plan",
    "SalesEnquiry",
    "StripeEvent",
    "Subscription",
    "UsageCounter",
    "Wallet",
]
