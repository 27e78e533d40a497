"""The page of API keys."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ApiKey
from tests.personas import key_of, open_api, program_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices(alice, viewer):
    found = viewer(alice)
    open_api(found.company)
    return found


def form(**changes):
    return {
        "name": "My shop",
        "scopes": ["read", "generate"],
        "lives": "90",
        "credit_cap": "",
        "once": str(uuid4()),
    } | changes


def secret_in(page: str) -> str:
    found = re.search(r'value="(dk_[^"]+)"', page)
    assert found
    return found[1]


def test_without_api_access_the_page_is_locked_and_makes_nothing(alice, alice_client):
    page = alice_client.get(reverse("keys")).content.decode()
    assert "no API access" in page
    assert 'name="scopes"' not in page
    answer = alice_client.post(reverse("keys"), form())
    assert answer.status_code == 403
    assert not ApiKey.objects.filter(user=alice).exists()


def test_an_empty_page_leads_to_the_first_key(alices, alice_client):
    page = alice_client.get(reverse("keys")).content.decode()
    assert "No keys yet" in page
    assert 'name="scopes"' in page


def test_a_secret_is_shown_once_with_examples_that_hold_it(alices, alice_client):
    answer = alice_client.post(reverse("keys"), form())
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    secret = secret_in(page)
    assert page.count(secret) == 4, "the field, curl, Python, JavaScript"
    assert program_with(secret).get("/api/v1/jobs").status_code == 200
    assert secret not in alice_client.get(reverse("keys")).content.decode()
    key = ApiKey.objects.get(user=alices.user)
    assert (key.name, key.scopes, key.expires_at is not None) == ("My shop", ["read", "generate"], True)


def test_the_same_form_sent_again_makes_no_second_key(alices, alice_client):
    sent = form()
    alice_client.post(reverse("keys"), sent)
    again = alice_client.post(reverse("keys"), sent)
    assert again.status_code == 302
    assert ApiKey.objects.filter(user=alices.user).count() == 1


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"scopes": []}, {"scopes": ["all"]}, {"credit_cap": "0"}, {"lives": "3"}, {"once": "x"}]
)
def test_a_wrong_form_comes_back_and_makes_nothing(alices, alice_client, change):
    assert alice_client.post(reverse("keys"), form(**change)).status_code == 422
    assert not ApiKey.objects.filter(user=alices.user).exists()


def test_revoking_on_the_page_ends_the_key(alices, alice_client, bob_client):
    key, secret = key_of(alices)
    assert bob_client.post(reverse("keys-revoke", args=[key.pk])).status_code == 404
    assert program_with(secret).get("/api/v1/jobs").status_code == 200
    assert alice_client.get(reverse("keys-revoke", args=[key.pk])).status_code == 405
    assert alice_client.post(reverse("keys-revoke", args=[key.pk])).status_code == 302
    assert program_with(secret).get("/api/v1/jobs").status_code == 401
    assert "revoked" in alice_client.get(reverse("keys")).content.decode()


def test_one_key_costs_as_many_queries_as_fifty(alices, alice_client):
    counts = []
    for more in (1, 49):
        for _ in range(more):
            key_of(alices, "read")
        alice_client.get(reverse("keys"))
        with CaptureQueriesContext(connection) as queries:
            alice_client.get(reverse("keys"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
