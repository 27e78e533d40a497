"""What goes of a deleted company's money: the words. Sums, dates and the chain of balances stay, nameless."""

from uuid import UUID

from django.db.models import Q

from billing.models import Hold, LedgerEntry, UsageCounter


def erase_words(company_id: UUID) -> bool:
    """Take prompts and names out of holds and ledger entries, and forget who used what. True: nothing is left.

    The ledger's trigger lets this through for a company whose time is over, and for no other.
    """
    Hold.objects.filter(wallet_id=company_id).exclude(cause="", reason="").update(cause="", reason="")
    LedgerEntry.objects.filter(~Q(cause="") | ~Q(actor=""), wallet_id=company_id).update(cause="", actor="")
    UsageCounter.objects.filter(
        Q(name__startswith="credits:") | Q(name__startswith="key:"), company=company_id
    ).delete()
    return True
