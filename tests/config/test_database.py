"""The ground of all tests: what the fixtures promise."""

import threading

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from config.base import realtime


def test_the_database_is_a_migrated_clone(db: None) -> None:
    assert connection.settings_dict["NAME"].startswith("test_")
    assert "accounts_user" in connection.introspection.table_names()
    assert not settings.DEBUG


@pytest.mark.parametrize("turn", [1, 2])
def test_one_test_does_not_see_the_rows_of_another(db: None, turn: int) -> None:
    get_user_model().objects.create(email="same@example.com", username="same")


def test_committed_rows_are_seen_by_a_thread(committed_db: None) -> None:
    get_user_model().objects.create(email="committed@example.com", username="committed")
    seen: list[bool] = []

    def look() -> None:
        seen.append(get_user_model().objects.filter(username="committed").exists())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [True]
    assert not transaction.get_connection().in_atomic_block


@pytest.mark.parametrize("turn", [1, 2])
def test_valkey_is_empty_at_the_start_of_each_test(turn: int) -> None:
    assert realtime.connection().dbsize() == 0
    realtime.connection().set("left", "behind")
