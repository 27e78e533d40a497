"""Alice and Bob on the running product, and the proof that whatever the flows did left every credit accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.flows.people import Person, sign_up
from tests.stack import Stack

# As long as a busy machine may take; what is there is seen at once.
expect.set_options(timeout=30_000)


@pytest.fixture
def alice(stack: Stack) -> Iterator[Person]:
    """A newcomer with 100 credits."""
    person = sign_up(stack, "alice")
    with closing(person.client):
        yield person


@pytest.fixture
def bob(stack: Stack) -> Iterator[Person]:
    """A newcomer of another company."""
    person = sign_up(stack, "bob")
    with closing(person.client):
        yield person


@pytest.fixture
def paused_studio(stack: Stack) -> Iterator[Stack]:
    """The product while the worker that makes pictures stands still; it goes on afterwards in any case."""
    stack.pause_worker()
    yield stack
    stack.resume_worker()


@pytest.fixture(scope="session", autouse=True)
def _every_credit_is_accounted_for(stack: Stack) -> Iterator[None]:
    yield
    audit = stack.manage("audit_ledger")
    assert audit.returncode == 0, audit.stdout + audit.stderr
