"""A provider that refuses our key is told to the operators once, until it takes something again."""

from collections.abc import Callable, Iterator

import pytest
from django.core import mail

from accounts.models import User
from accounts.viewer import Viewer
from billing.models import Wallet
from generation import alerts, pipeline, remote
from generation.models import Job, ProviderAlert
from generation.providers.base import AuthFailed, Call, QuotaExceeded, Report
from tests.factories.generation import submit
from tests.generation.scripted import Scripted, ScriptedQueue

Install = Callable[..., Scripted]


@pytest.fixture(autouse=True)
def _quiet(committed_db: None) -> Iterator[None]:
    alerts.dismiss("local")
    yield
    alerts.dismiss("local")


def refused(call: Call, report: Report) -> None:
    raise AuthFailed("The provider refused our key.")


def emptied(call: Call, report: Report) -> None:
    raise QuotaExceeded("Our account there is empty.")


def test_a_refused_key_fails_the_job_at_once_pays_back_and_alerts_once(
    maker: Viewer, bob: User, scripted: Install
) -> None:
    User.objects.filter(pk=bob.pk).update(is_superuser=True)
    scripted(before=refused)
    jobs = [submit(maker), submit(maker)]
    for job in jobs:
        pipeline.start(job_id=job.pk)

    states = Job.objects.filter(pk__in=[job.pk for job in jobs]).values_list("state", "failure_code", "attempts")
    assert list(states) == [("failed", "provider_refused_key", 1)] * 2
    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (100, 0)
    alert = ProviderAlert.objects.get(provider="local")
    assert (alert.code, alert.count) == ("provider_refused_key", 2)
    assert [message.subject for message in mail.outbox if message.to == [bob.email]] == ["Darkroom: local refuses us"]


def test_another_refusal_is_told_in_the_same_alert(maker: Viewer, scripted: Install) -> None:
    scripted(before=refused)
    pipeline.start(job_id=submit(maker).pk)
    scripted(before=emptied)
    pipeline.start(job_id=submit(maker).pk)

    assert ProviderAlert.objects.get(provider="local").code == "provider_out_of_quota"


def test_it_is_over_when_the_provider_takes_something(maker: Viewer, scripted: Install) -> None:
    scripted(before=refused)
    pipeline.start(job_id=submit(maker).pk)
    scripted()
    pipeline.start(job_id=submit(maker).pk)

    assert not ProviderAlert.objects.filter(provider="local").exists()


def test_a_key_that_is_refused_while_we_look_is_told_as_well(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = submit(maker)
    pipeline.start(job_id=job.pk)
    elsewhere.answers.append(AuthFailed("The provider refused our key."))
    remote.check(job_id=job.pk)

    job.refresh_from_db()
    assert (job.state, job.failure_code) == ("failed", "provider_refused_key")
    assert ProviderAlert.objects.get(provider="local").code == "provider_refused_key"
