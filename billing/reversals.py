"""Refunds and disputes: credits that were paid for go as far as the money went, and come back with it."""

from math import ceil

from django.utils.translation import gettext as _

from billing.models import LedgerEntry, Payment, Wallet
from billing.services import grant_credits, owe, spend_from_lots


def owed_back(payment: Payment) -> int:
    """How many of a payment's credits belong to money that went back or is withheld, rounded up; at most all."""
    gone = min(payment.refunded_cents + payment.disputed_cents, payment.amount_cents)
    if gone <= 0:
        return 0
    return ceil(payment.credits * gone / payment.amount_cents)


def settle_reversals(*, payment: Payment, kind: str) -> int:
    """Bring the credits taken back in line with the money that went back; returns the change (positive: taken).

    In a transaction that has locked the company's wallet. What is not there any more is written down as debt; what
    comes back lessens the debt first. `kind` is what the ledger calls it: refund or dispute.
    """
    target = owed_back(payment)
    change = target - payment.reversed_credits
    if not change:
        return 0
    payment.reversed_credits = target
    payment.reversals += 1
    payment.save(update_fields=["reversed_credits", "reversals"])
    wallet = Wallet.objects.select_related("company").get(pk=payment.company_id)
    key = f"reversal:{payment.pk}:{payment.reversals}"
    if change > 0:
        _take_back(wallet, change, kind=kind, key=key, cause=payment.description)
    else:
        _give_back(wallet, -change, kind=kind, key=key, cause=payment.description)
    return change


def _take_back(wallet: Wallet, amount: int, *, kind: str, key: str, cause: str) -> None:
    taken = min(amount, wallet.available)
    if taken:
        spend_from_lots(wallet_id=wallet.pk, amount=taken, held=0, kind=kind, key=key, cause=cause)
    if amount > taken:
        owe(wallet_id=wallet.pk, amount=amount - taken)


def _give_back(wallet: Wallet, amount: int, *, kind: str, key: str, cause: str) -> None:
    forgiven = min(amount, wallet.debt)
    if forgiven:
        owe(wallet_id=wallet.pk, amount=-forgiven)
    if amount > forgiven:
        grant_credits(company=wallet.company, amount=amount - forgiven, kind=kind, key=key, cause=cause)


def collect_debt(*, wallet: Wallet) -> int:
    """Take what a wallet owes out of what is available in it; returns the credits.

    In a transaction that has locked that wallet.
    """
    wallet.refresh_from_db()
    amount = min(wallet.debt, wallet.available)
    if not amount:
        return 0
    spend_from_lots(
        wallet_id=wallet.pk,
        amount=amount,
        held=0,
        kind=LedgerEntry.Kind.REFUND,
        # The next entry's number: while the wallet is locked nobody else has it.
        key=f"debt:{wallet.pk}:{wallet.entry_count + 1}",
        cause=_("Owed since an earlier refund"),
    )
    owe(wallet_id=wallet.pk, amount=-amount)
    return amount
