"""Proofs that no credit was lost or made: each is one statement over all rows, so it sees one moment."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Proof:
    """A statement that returns the rows that break an invariant, and the sentence said of each."""

    statement: str
    sentence: str


def _proofs() -> list[Proof]:
    return [
        Proof(_BALANCES, _("Wallet %s: balance %s, ledger %s, lots %s.")),
        Proof(_HELD, _("Wallet %s: held %s, open holds %s.")),
        Proof(_CHAIN, _("Ledger entry %s (number %s of wallet %s): %s after %s and %s.")),
        Proof(_COUNTS, _("Wallet %s: counts %s entries, has %s.")),
        Proof(_SETTLEMENTS, _("Hold %s: settled %s, ledger %s.")),
        Proof(_PAYMENTS, _("Payment %s: credits granted %s, ledger %s.")),
        Proof(_PERIODS, _("Ledger entry %s: no billing period gave it.")),
        Proof(_REVERSALS, _("Payment %s: credits taken back %s, by the amounts %s.")),
        Proof(_OWED, _("Wallet %s: credits taken back %s, ledger and debt %s.")),
    ]


_BALANCES = """
SELECT wallet.company_id, wallet.balance, COALESCE(ledger.total, 0), COALESCE(lots.total, 0)
FROM billing_wallet AS wallet
LEFT JOIN (SELECT wallet_id, sum(amount) AS total FROM billing_ledgerentry GROUP BY wallet_id) AS ledger
    ON ledger.wallet_id = wallet.company_id
LEFT JOIN (SELECT wallet_id, sum(remaining) AS total FROM billing_creditlot GROUP BY wallet_id) AS lots
    ON lots.wallet_id = wallet.company_id
WHERE wallet.balance <> COALESCE(ledger.total, 0) OR wallet.balance <> COALESCE(lots.total, 0)
ORDER BY wallet.company_id
"""

_HELD = """
SELECT wallet.company_id, wallet.held, COALESCE(holds.total, 0)
FROM billing_wallet AS wallet
LEFT JOIN (SELECT wallet_id, sum(amount) AS total FROM billing_hold WHERE state = 'open' GROUP BY wallet_id) AS holds
    ON holds.wallet_id = wallet.company_id
WHERE wallet.held <> COALESCE(holds.total, 0)
ORDER BY wallet.company_id
"""

# Entries of a wallet are numbered from 1 without gaps, each balance follows from the one before.
_CHAIN = """
SELECT id, number, wallet_id, balance_after, balance_before, amount
FROM (
    SELECT id, number, wallet_id, balance_after, amount,
        lag(balance_after, 1, 0::bigint) OVER in_order AS balance_before, row_number() OVER in_order AS expected
    FROM billing_ledgerentry WINDOW in_order AS (PARTITION BY wallet_id ORDER BY number)
) AS entry
WHERE balance_after <> balance_before + amount OR number <> expected
ORDER BY wallet_id, number
"""

_COUNTS = """
SELECT wallet.company_id, wallet.entry_count, COALESCE(ledger.total, 0)
FROM billing_wallet AS wallet
LEFT JOIN (SELECT wallet_id, count(*) AS total FROM billing_ledgerentry GROUP BY wallet_id) AS ledger
    ON ledger.wallet_id = wallet.company_id
WHERE wallet.entry_count <> COALESCE(ledger.total, 0)
ORDER BY wallet.company_id
"""

# What was spent of a hold and the entry that spent it are the same, in the same wallet; neither is without the other.
_SETTLEMENTS = """
SELECT COALESCE(hold.key, entry.key), COALESCE(hold.settled, 0), COALESCE(entry.amount, 0)
FROM (SELECT key, wallet_id, settled FROM billing_hold WHERE settled > 0) AS hold
FULL JOIN (SELECT key, wallet_id, amount FROM billing_ledgerentry WHERE kind = 'settle') AS entry
    ON entry.key = 'settle:' || hold.key AND entry.wallet_id = hold.wallet_id
WHERE hold.settled IS DISTINCT FROM -entry.amount
ORDER BY 1
"""

# What a payment says that it gave is in the ledger, by the keys of packs and of periods; a paid pack has given.
_PAYMENTS = """
SELECT payment.key, payment.credits, COALESCE(sum(entry.amount), 0)
FROM billing_payment AS payment
LEFT JOIN billing_billingperiod AS period ON period.payment_id = payment.id
LEFT JOIN billing_ledgerentry AS entry ON entry.wallet_id = payment.company_id
    AND (entry.key = 'payment:' || payment.id OR entry.key LIKE 'period:' || period.id || ':%')
GROUP BY payment.id
HAVING payment.credits <> COALESCE(sum(entry.amount), 0)
    OR (payment.state = 'paid' AND payment.pack_id IS NOT NULL AND payment.credits = 0)
ORDER BY payment.id
"""

# Every month that was granted belongs to a period of the same company, which counts it.
_PERIODS = """
SELECT entry.key FROM billing_ledgerentry AS entry
LEFT JOIN billing_billingperiod AS period
    ON period.id::text = split_part(entry.key, ':', 2) AND period.company_id = entry.wallet_id
WHERE entry.key LIKE 'period:%' AND (period.id IS NULL OR split_part(entry.key, ':', 3)::int >= period.granted)
ORDER BY entry.key
"""

_REVERSALS = """
SELECT key, reversed_credits, due FROM (
    SELECT key, reversed_credits, CASE WHEN amount_cents > 0 THEN
        ceil(credits::numeric * greatest(0, least(refunded_cents + disputed_cents, amount_cents)) / amount_cents)
        ELSE 0 END AS due
    FROM billing_payment WHERE state = 'paid'
) AS payment
WHERE reversed_credits <> due ORDER BY key
"""

_OWED = """
SELECT wallet.company_id, COALESCE(payments.total, 0), wallet.debt - COALESCE(ledger.total, 0)
FROM billing_wallet AS wallet
LEFT JOIN (SELECT company_id, sum(reversed_credits) AS total FROM billing_payment GROUP BY company_id) AS payments
    ON payments.company_id = wallet.company_id
LEFT JOIN (
    SELECT wallet_id, sum(amount) AS total FROM billing_ledgerentry
    WHERE kind IN ('refund', 'dispute') GROUP BY wallet_id
) AS ledger ON ledger.wallet_id = wallet.company_id
WHERE COALESCE(payments.total, 0) <> wallet.debt - COALESCE(ledger.total, 0)
ORDER BY wallet.company_id
"""

_SIZES = """
SELECT (SELECT count(*) FROM billing_wallet), (SELECT count(*) FROM billing_ledgerentry),
    (SELECT count(*) FROM billing_hold)
"""


def broken_rows() -> Iterable[str]:
    """One sentence for every row that breaks an invariant of the ledger; nothing when all is well."""
    with connection.cursor() as cursor:
        for proof in _proofs():
            cursor.execute(proof.statement)
            for row in cursor.fetchall():
                yield proof.sentence % row


def sizes() -> tuple[int, int, int]:
    """How many wallets, ledger entries and holds there are to look at."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZES)
        wallets, entries, holds = cursor.fetchone() or (0, 0, 0)
    return wallets, entries, holds
