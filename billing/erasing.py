"""What goes of a deleted company's money: the words. Sums, dates and the chain of balances stay, nameless."""

from uuid import UUID

from django.db.models import Q

from billing.models import (
    AdjustmentRequest,
    BillingNotice,
    Hold,
    LedgerEntry,
    Payment,
    SalesEnquiry,
    StripeEvent,
    UsageCounter,
)
from config.base.registry import ErasedPerson


def erase_words(company_id: UUID) -> bool:
    """Take prompts and names out of holds and ledger entries, and forget who used what. True: nothing is left.

    The ledger's trigger lets this through for a company whose time is over, and for no other.
    """
    Hold.objects.filter(wallet_id=company_id).exclude(cause="", reason="").update(cause="", reason="")
    LedgerEntry.objects.filter(~Q(cause="") | ~Q(actor=""), wallet_id=company_id).update(cause="", actor="")
    BillingNotice.objects.filter(company=company_id).exclude(context={}).update(context={})
    Payment.objects.filter(company=company_id).update(description="", hosted_url="", pdf_url="")
    AdjustmentRequest.objects.filter(company=company_id).exclude(reason="").update(reason="")
    UsageCounter.objects.filter(
        Q(name__startswith="credits:") | Q(name__startswith="key:"), company=company_id
    ).delete()
    return True


def forget_person(person: ErasedPerson) -> bool:
    """Forget what somebody wrote to us about plans, and where Stripe named them. True: nothing is left."""
    for email in person.addresses:
        SalesEnquiry.objects.filter(email__iexact=email).delete()
        # What they said was applied long ago; which object to ask Stripe for stands beside it.
        StripeEvent.objects.filter(body__icontains=email).update(body={})
    return True
