"""While a provider is out of order, an equivalent model of another may make the job; the person pays no more for it."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from billing.selectors import plan_of
from generation import breaker, queue
from generation.models import AIModel, Job, ProviderCall
from generation.parameters import InvalidParameter, complete, properties
from generation.pricing import CREDIT_VALUE, cost_of, price_of
from generation.work import Work

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StandIn:
    """A model that can make the job now: with which parameters, for how many credits an output."""

    model: AIModel
    params: dict[str, Any]
    price: int


def hand_over(work: Work) -> bool:
    """Let the cheapest equivalent that is well make the job; False where the operator does not allow it or none can.

    Only before anything was sent: what a provider may have taken is never asked for elsewhere.
    """
    job = work.job
    if not job.model.fails_over or _may_have_been_taken(job):
        return False
    choice = next(_choices(job), None)
    if choice is None:
        return False
    moved = work.own(Job.State.SUBMITTING).update(
        state=Job.State.QUEUED,
        model=choice.model,
        asked_model=job.asked_model or job.model,
        params=choice.params,
        credits=choice.price * job.count,
        unit_cost=cost_of(choice.model, params=choice.params, source=_source(job)),
        queue=queue.queue_of(choice.model, plan_of(job.company)),
        attempts=F("attempts") - 1,
        token=None,
        lease_until=None,
        sent_at=None,
        not_before=None,
    )
    if moved:
        logger.warning("job %s goes from %s to %s", job.pk, job.model.slug, choice.model.slug)
        work.tell()
    return bool(moved)


def _may_have_been_taken(job: Job) -> bool:
    sent = job.calls.exclude(state=ProviderCall.State.FAILED)
    return sent.exists()


def _choices(job: Job) -> Iterator[StandIn]:
    """Equivalents that can make it, the cheapest for us first, none at a loss."""
    source = _source(job)
    price = job.credits // job.count
    worth = price_of(job.model, params=job.params, source=source) * CREDIT_VALUE
    found = []
    for model in job.model.equivalents.all().offered().filter(task=job.task, outputs_allowed__gte=job.count):
        if breaker.seconds_open(model.provider):
            continue
        known = properties(model.parameters)
        try:
            params = complete(model.parameters, {name: value for name, value in job.params.items() if name in known})
        except InvalidParameter:
            continue
        cost = cost_of(model, params=params, source=source)
        if cost <= worth:
            found.append((cost, model.position, StandIn(model, params, price)))
    for _cost, _position, choice in sorted(found, key=lambda row: row[:2]):
        theirs = price_of(choice.model, params=choice.params, source=source)
        yield StandIn(choice.model, choice.params, min(price, theirs))


def _source(job: Job) -> Any:
    rows = sorted(job.inputs.all(), key=lambda row: row.position)
    return next((row.asset for row in rows if row.role == "image"), None)
