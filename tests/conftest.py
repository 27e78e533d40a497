"""What every test stands on: the environment, a database and a Valkey of its own, and the shared fixtures.

The environment is set before Django reads its settings, which is why this file, and not pyproject.toml, names them.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator

import django
import hypothesis
import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from config.base import realtime
from tests.database import Slot, take_slot


def _enter() -> Slot:
    """Make this process's surroundings and set Django up in them."""
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        raise pytest.UsageError(
            "Tests need a database and a queue. Run `make test`, or: "
            "python -m config.embedded exec --volatile --root var/test -- python -m pytest …"
        )
    # A worker process inherits its parent's environment, in which these already name the parent's slot.
    server = os.environ.setdefault("TEST_SERVER_URL", os.environ["DATABASE_URL"])
    queue = os.environ.setdefault("TEST_QUEUE_URL", os.environ["REDIS_URL"])
    slot = take_slot(server, queue)
    data = tempfile.mkdtemp(prefix="darkroom-test-")
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": slot.database_url,
        "REDIS_URL": slot.redis_url,
        "DATA_DIR": data,
        "DEBUG": "0",
        "SECRET_KEY": "only-for-tests-" + "0123456789" * 4,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "PUBLIC_URL": "http://testserver",
        "SECURE_SSL_REDIRECT": "0",
        "STATIC_BUILT": "0",
        "EMAIL_URL": "memorymail://",
        "LOG_LEVEL": "WARNING",
        # All tests come from one address; a test that is about a limit sets its figure.
        **{
            f"RATE_LIMIT_{name}": "0"
            for name in ("ADDRESS", "PERSON", "KEY", "KEY_FAILURES", "UPLOADS", "PROCESSING", "DOWNLOADS")
        },
    }
    os.environ.pop("LOOPBACK_ONLY", None)
    django.setup()
    # Inherited by a worker process, this would have settings read before that one has taken its own slot.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    return slot


slot = _enter()
pytest_plugins = ["tests.personas", "tests.stack", "tests.browser"]

# The product's own algorithm at its lowest cost: 1 ms instead of 200 a sign-in.
BCryptSHA256PasswordHasher.rounds = 4

# No timed assertions on a machine that does other things as well.
hypothesis.settings.register_profile("darkroom", deadline=None, print_blob=True)
# A search of its own, for hours when nobody waits: `pytest <file> --hypothesis-profile long`.
hypothesis.settings.register_profile("long", deadline=None, print_blob=True, max_examples=500)
hypothesis.settings.load_profile("darkroom")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests on the running product go to the worker that started it; long ones begin first, that none is last."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))


def pytest_unconfigure() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close()
        connection.close_pool()
    slot.release()


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> None:
    """Clone the migrated template and seed it: plans and catalogue exist in every test."""
    slot.create_database()
    with django_db_blocker.unblock():
        call_command("seed", verbosity=0)
        connections.close_all()


@pytest.fixture
def db(request: pytest.FixtureRequest) -> None:
    """The database inside a transaction that is rolled back; in a test that asks for `committed_db`, that one."""
    wanted = "committed_db" if "committed_db" in request.fixturenames else "_django_db_helper"
    request.getfixturevalue(wanted)


@pytest.fixture
def committed_db(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The database with real commits, for threads and workers.

    Nothing is cleared afterwards, since truncating costs more than all else: make a company of your own and look only
    at its rows.
    """
    if request.node.get_closest_marker("django_db"):
        raise pytest.UsageError("A test has either the django_db mark or committed_db.")
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture(autouse=True)
def _empty_valkey() -> None:
    """Limits, cache and queue of one test are not seen by the next."""
    realtime.connection().flushdb()
