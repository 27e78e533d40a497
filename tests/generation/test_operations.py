"""Operators at work: cancel, release, retry, close a breaker; each act noted, none open to others."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.viewer import Viewer
from billing.models import Wallet
from generation import breaker, operations, pipeline
from generation.audit import check_jobs
from generation.models import AIModel, Job
from generation.providers.base import InvalidInput
from tests.factories.generation import submit
from tests.generation.conftest import state_of
from tests.generation.scripted import Scripted


@pytest.fixture
def operator(bob: User) -> Client:
    User.objects.filter(pk=bob.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(bob)
    return client


def act(client: Client, job: Job, what: str, reason: str = "It hangs.") -> int:
    return client.post(f"/admin/system/jobs/{job.pk}", {"act": what, "reason": reason}).status_code


def noted(job: Job) -> list[tuple[str, str]]:
    entries = AuditEntry.objects.filter(target=str(job.pk)).order_by("id")
    return [(entry.action, entry.detail["reason"]) for entry in entries]


def test_releasing_a_job_that_hangs_gives_back_and_says_why(maker: Viewer, operator: Client) -> None:
    job = submit(maker)
    Job.objects.filter(pk=job.pk).update(state="unknown")

    assert operator.get(f"/admin/system/jobs/{job.pk}").status_code == 200
    assert act(operator, job, "release") == 302
    assert act(operator, job, "release") == 422

    job.refresh_from_db()
    assert (job.state, job.failure) == ("failed", "It hangs.")
    assert Wallet.objects.get(company=maker.company).held == 0
    assert noted(job) == [("job.release", "It hangs.")]


def test_retrying_a_failed_job_makes_one_job_for_its_maker(
    maker: Viewer, operator: Client, scripted: Callable[..., Any]
) -> None:
    def refuse(call: object, report: object) -> None:
        raise InvalidInput("No.")

    scripted(before=refuse)
    job = submit(maker, seed=11)
    pipeline.start(job_id=job.pk)

    assert act(operator, job, "retry") == 302
    assert act(operator, job, "retry") == 302

    again = Job.objects.exclude(pk=job.pk).get(company=maker.company)
    assert (again.user, again.prompt, again.outputs.get().seed) == (maker.user, job.prompt, 11)
    assert Wallet.objects.get(company=maker.company).held == 1


def test_a_job_under_way_cannot_be_retried_and_a_reason_is_needed(maker: Viewer, operator: Client) -> None:
    job = submit(maker)
    before = state_of(maker.company)

    assert act(operator, job, "retry") == 422
    assert act(operator, job, "cancel", reason="") == 422

    assert state_of(maker.company) == before
    assert noted(job) == []


def test_the_system_page_shows_queues_and_an_open_breaker_that_can_be_closed(
    committed_db: None, operator: Client
) -> None:
    for _ in range(breaker.FAULTS):
        breaker.failed("local")

    page = operator.get("/admin/system/")
    assert page.status_code == 200
    assert "blocking" in page.content.decode()
    assert "open for" in page.content.decode()

    assert operator.post("/admin/system/breakers/local/close").status_code == 302
    assert breaker.seconds_open("local") == 0
    assert AuditEntry.objects.filter(action="breaker.close", target="local").exists()
    assert operator.post("/admin/system/breakers/nobody/close").status_code == 404


def test_nobody_else_gets_there(maker: Viewer, alice_client: Client) -> None:
    job = submit(maker)
    before = state_of(maker.company)

    for client in (alice_client, Client()):
        assert client.get("/admin/system/").status_code == 302
        assert client.post("/admin/system/breakers/local/close").status_code == 302
        assert act(client, job, "release") == 302

    assert state_of(maker.company) == before
    assert noted(job) == []


@pytest.mark.parametrize("task", ["text-to-image", "image-to-image", "inpaint", "outpaint"])
def test_a_probe_is_free_counted_nowhere_and_works_for_a_model_that_is_switched_off(
    committed_db: None, bob: User, viewer: Callable[[User], Viewer], scripted: Callable[..., Scripted], task: str
) -> None:
    provider = scripted()
    sides = {"right": {"type": "integer", "default": 0}} if task == "outpaint" else {}
    parameters = {"type": "object", "properties": sides}
    model = AIModel.objects.create(
        slug=f"probed-{task}", name="Probed", provider="local", task=task, parameters=parameters, is_active=False
    )
    before = state_of(viewer(bob).company)
    job = operations.probe_model(model=model, actor=bob)
    pipeline.start(job_id=job.pk)

    job.refresh_from_db()
    after = state_of(viewer(bob).company)
    assert (job.state, job.credits, job.is_probe) == ("succeeded", 0, True)
    assert (after["wallet"], after["ledger"], after["usage"]) == (before["wallet"], before["ledger"], before["usage"])
    expected = {"text-to-image": [], "inpaint": ["image", "mask"]}.get(task, ["image"])
    assert [file.role for file in provider.calls[0].inputs] == expected
    assert not [sentence for sentence in check_jobs() if str(job.pk) in sentence]
    assert AuditEntry.objects.filter(action="model.probe", target=str(job.pk)).exists()
    Job.objects.filter(model=model).update(model=AIModel.objects.get(slug="studio-scenes"))
    model.delete()
