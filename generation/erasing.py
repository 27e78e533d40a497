"""What goes of a company that is deleted: first the work under way, then the words of what was asked.

The rows of jobs stay, nameless, for what they cost: the ledger's entries belong to them.
"""

from uuid import UUID

from django.db.models import Q

from config.base.registry import ErasedPerson
from generation import ending
from generation.models import Job, PromptUse, ProviderCall

BATCH = 200


def end_jobs(company_id: UUID) -> bool:
    """End what waits, ask what runs to stop; True once nothing of the company is under way."""
    active = Job.objects.active().filter(company=company_id)
    for job_id in active.order_by("id").values_list("pk", flat=True)[:BATCH]:
        if not ending.cancel_waiting(job_id=job_id):
            ending.request_cancel(job_id=job_id)
    return not active.exists()


def erase_history(person: ErasedPerson) -> bool:
    """Forget which prompts a person used in companies that stay; what was made with them is theirs. True: none left."""
    PromptUse.objects.filter(user=person.id).delete()
    return True


def erase_words(company_id: UUID) -> bool:
    """Forget prompts, parameters and the addresses of outputs at providers. True: nothing is left."""
    PromptUse.objects.filter(company=company_id).delete()
    worded = ~Q(prompt="") | ~Q(wording="") | ~Q(params={}) | ~Q(digest="") | Q(api_key__isnull=False)
    Job.objects.filter(worded, company=company_id).update(
        prompt="", wording="", params={}, recipe="", digest="", failure="", api_key=None
    )
    ProviderCall.objects.filter(job__company=company_id).exclude(reference={}, error="").update(reference={}, error="")
    return True
