"""What dies in the middle of a job costs nobody anything: made once, charged once."""

from __future__ import annotations

from typing import Any

from tests.flows.people import Person
from tests.stack import Stack


def test_a_job_whose_worker_is_killed_is_made_once_and_charged_once(stack: Stack, alice: Person) -> None:
    job = alice.submit("Snowy pine forest under northern lights", num_images=4, parameters={"detail": "standard"})
    alice.wait_until_running(job)
    stack.kill_worker()

    finished = alice.finish(job)
    assert _attempts(stack, job) >= 2, "the worker was killed too late to matter"
    _expect_once(stack, alice, finished, 4)


def test_a_job_whose_messages_are_lost_is_made_once_and_charged_once(paused_studio: Stack, alice: Person) -> None:
    job = alice.submit("Dunes at noon", num_images=2)
    paused_studio.flush_queue()
    paused_studio.resume_worker()

    _expect_once(paused_studio, alice, alice.finish(job), 2)


def _attempts(stack: Stack, job: str) -> int:
    attempts: int = stack.query("SELECT attempts FROM generation_job WHERE id = %s", job)[0][0]
    return attempts


def _expect_once(stack: Stack, person: Person, job: dict[str, Any], count: int) -> None:
    """One job, `count` pictures with files that can be fetched, one entry in the ledger that says so."""
    assert len(job["outputs"]) == count
    assert all(person.client.get(output["url"]).status_code == 200 for output in job["outputs"])
    company = stack.query("SELECT company_id FROM generation_job WHERE id = %s", job["id"])[0][0]
    assets = stack.query("SELECT id FROM gallery_asset WHERE company_id = %s", company)
    assert {str(row[0]) for row in assets} == {output["id"] for output in job["outputs"]}
    spent = stack.query(
        "SELECT amount FROM billing_ledgerentry WHERE wallet_id = %s AND kind = 'settle' ORDER BY number", company
    )
    assert spent == [(-count,)]
    assert person.money() == (100 - count, 0)
