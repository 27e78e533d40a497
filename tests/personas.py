"""Alice and Bob: two verified people, each the owner of a personal company with the welcome credits.

`alice_client` is Alice in a browser, `alice_api` a program that holds her access token; the same for Bob. To see what a
stranger sees, ask as Bob for what is Alice's.
"""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer, viewer_for
from tests.factories.accounts import PASSWORD, PersonFactory

__all__ = ["PASSWORD"]


@pytest.fixture
def alice(db: None) -> User:
    return PersonFactory(email=f"alice-{uuid4().hex[:12]}@example.com", full_name="Alice Adams")


@pytest.fixture
def bob(db: None) -> User:
    return PersonFactory(email=f"bob-{uuid4().hex[:12]}@example.com", full_name="Bob Brown")


@pytest.fixture
def viewer() -> Callable[[User], Viewer]:
    """A function: the person as a `Viewer` of the personal company."""

    def of(user: User) -> Viewer:
        found = viewer_for(user)
        assert found is not None
        return found

    return of


def browser_of(user: User) -> Client:
    """A browser in which the person is signed in."""
    client = Client()
    client.force_login(user)
    return client


def program_of(user: User) -> APIClient:
    """A program that signed in as the person through the API's own door."""
    client = APIClient()
    answer = client.post("/api/v1/auth/login", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.content
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return client


@pytest.fixture
def alice_client(alice: User) -> Client:
    return browser_of(alice)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return browser_of(bob)


@pytest.fixture
def alice_api(alice: User) -> APIClient:
    return program_of(alice)


@pytest.fixture
def bob_api(bob: User) -> APIClient:
    return program_of(bob)
