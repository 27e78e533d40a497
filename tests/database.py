"""The databases tests run on: a migrated template, a clone and a Valkey database for each process.

A *slot* is a number that one process owns while it lives, held by an advisory lock of PostgreSQL, so it is free again
however that process ends. Slot 3 means database ``test_3`` and Valkey database 3. Several runs may share one server.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

PROJECT = Path(__file__).resolve().parent.parent
SLOT_LOCKS = 0x6461726B
"""First half of the advisory locks of slots; the second is the slot's number."""
TEMPLATE_LOCK = 0x726F6F6D
"""Held while the template is made or cloned."""


def _with_path(url: str, path: str) -> str:
    return urlsplit(url)._replace(path=f"/{path}").geturl()


@dataclass
class Slot:
    """A number of our own, and the addresses of what goes with it."""

    number: int
    server_url: str
    redis_url: str
    lease: psycopg.Connection

    @property
    def name(self) -> str:
        return f"test_{self.number}"

    @property
    def database_url(self) -> str:
        return _with_path(self.server_url, self.name)

    def create_database(self) -> None:
        """A fresh clone of the migrated template."""
        with _template(self.server_url) as (connection, template):
            self.flush()
            _drop(connection, self.name)
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(self.name), sql.Identifier(template))
            )

    def flush(self) -> None:
        """Empty this slot's Valkey database."""
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushdb()

    def release(self) -> None:
        if not self.lease.closed:
            _drop(self.lease, self.name)
            self.flush()
            self.lease.close()


def take_slot(server_url: str, redis_url: str) -> Slot:
    """Own the lowest free number; RuntimeError when as many processes run as Valkey has databases."""
    with redis.Redis.from_url(redis_url) as client:
        databases = int(client.config_get("databases")["databases"])
    lease = psycopg.connect(server_url, autocommit=True)
    # Number 0 belongs to whoever uses these servers without a slot.
    for number in range(1, databases):
        if _scalar(lease, "SELECT pg_try_advisory_lock(%s, %s)", SLOT_LOCKS, number):
            return Slot(number, server_url, _with_path(redis_url, str(number)), lease)
    raise RuntimeError(f"All {databases - 1} test databases are in use.")


def _scalar(connection: psycopg.Connection, query: str, *values: object) -> object:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _names(connection: psycopg.Connection, like: str) -> list[str]:
    return [row[0] for row in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [like])]


def _fingerprint() -> str:
    """Changes with any migration of any installed app."""
    digest = hashlib.sha256()
    for config in sorted(apps.get_app_configs(), key=lambda config: config.label):
        module, _explicit = MigrationLoader.migrations_module(config.label)
        spec = find_spec(module) if module else None
        if spec is None or spec.origin is None:
            continue
        for path in sorted(Path(spec.origin).parent.glob("*.py")):
            digest.update(f"{config.label}/{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _template(server_url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """The name of the migrated template, made when the migrations changed; nobody else touches it meanwhile."""
    name = f"tpl_{_fingerprint()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        if name not in _names(connection, r"tpl\_%"):
            _sweep(connection)
            _migrate(connection, server_url, name)
        yield connection, name


def _sweep(connection: psycopg.Connection) -> None:
    """Drop templates of other migrations and the clones that killed runs left."""
    for template in _names(connection, r"tpl\_%"):
        _drop(connection, template)
    for clone in _names(connection, r"test\_%"):
        number = int(clone.removeprefix("test_"))
        if _scalar(connection, "SELECT pg_try_advisory_lock(%s, %s)", SLOT_LOCKS, number):
            _drop(connection, clone)
            _scalar(connection, "SELECT pg_advisory_unlock(%s, %s)", SLOT_LOCKS, number)


def _migrate(connection: psycopg.Connection, server_url: str, name: str) -> None:
    """Run all migrations for real, then give the database its name: half a template never has it."""
    draft = f"tpl_draft_{os.getpid()}"
    _drop(connection, draft)
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": _with_path(server_url, draft)},
        check=True,
    )
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name)))
