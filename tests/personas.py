"""Alice and Bob: two verified people, each the owner of a personal company with the welcome credits.

`alice_client` is Alice in a browser, `alice_api` a program that holds her access token; the same for Bob. To see what a
stranger sees, ask as Bob for what is Alice's.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.keys import create_key
from accounts.models import ApiKey, Company, User
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


def open_api(company: Company) -> None:
    """Give the company a plan's API access, as billing writes it down."""
    entitlements = {**company.entitlements, "api": True}
    Company.objects.filter(pk=company.pk).update(entitlements=entitlements)
    company.entitlements = entitlements


def key_of(viewer: Viewer, *scopes: str, **more: Any) -> tuple[ApiKey, str]:
    """A key of the viewer's, with every scope unless some are named, and its secret; the company may use the API."""
    open_api(viewer.company)
    wanted = {"name": "A program", "credit_cap": None, "expires_at": None, **more}
    return create_key(viewer=viewer, scopes=scopes or tuple(ApiKey.Scope.values), **wanted)


def program_with(secret: str, scheme: str = "Token") -> APIClient:
    """A program that holds an API key."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {secret}")
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
