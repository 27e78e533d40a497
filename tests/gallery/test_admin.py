"""Assets for operators: previews, and the bin with an audit."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry, User
from gallery.models import Asset
from tests.factories.accounts import PersonFactory
from tests.factories.gallery import AssetFactory

LIST = "/admin/gallery/asset/"


@pytest.fixture
def operator(db: None) -> User:
    person = PersonFactory()
    person.is_staff = person.is_superuser = True
    person.save(update_fields=["is_staff", "is_superuser"])
    return person


@pytest.fixture
def operator_client(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def test_operators_see_the_pictures(alice: User, operator_client: Client) -> None:
    asset = AssetFactory(user=alice)

    page = operator_client.get(LIST).content.decode()

    assert f"{LIST}{asset.pk}/change/" in page
    assert '<img src="/f/' in page
    assert '<img src="/f/' in operator_client.get(f"{LIST}{asset.pk}/change/").content.decode()


def test_the_list_asks_the_same_number_of_queries_for_many(
    alice: User, operator_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    AssetFactory(user=alice)
    operator_client.get(LIST)
    with CaptureQueriesContext(connection) as at_one:
        operator_client.get(LIST)
    AssetFactory.create_batch(12, user=alice)

    with django_assert_num_queries(len(at_one.captured_queries)):
        operator_client.get(LIST)


def test_binning_and_restoring_are_written_into_the_audit(alice: User, operator: User, operator_client: Client) -> None:
    asset = AssetFactory(user=alice)
    chosen = {"_selected_action": [str(asset.pk)]}

    operator_client.post(LIST, chosen | {"action": "put_into_bin"})
    assert Asset.objects.binned().filter(pk=asset.pk).exists()
    operator_client.post(LIST, chosen | {"action": "put_into_bin"})
    operator_client.post(LIST, chosen | {"action": "take_out_of_bin"})

    assert Asset.objects.kept().filter(pk=asset.pk).exists()
    entries = AuditEntry.objects.filter(target=str(asset.pk)).order_by("id")
    assert [(entry.action, entry.actor, entry.company_id) for entry in entries] == [
        ("asset.bin", operator.email, asset.company_id),
        ("asset.restore", operator.email, asset.company_id),
    ]


def test_operators_cannot_delete_for_good_or_add(alice: User, operator_client: Client) -> None:
    asset = AssetFactory(user=alice, deleted_at=timezone.now())

    assert operator_client.post(f"{LIST}{asset.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator_client.get(f"{LIST}add/").status_code == 403

    assert Asset.objects.filter(pk=asset.pk).exists()
