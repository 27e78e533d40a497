"""What the engine's tests share: real commits, and a company's state to compare."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.storage import default_storage

from accounts.models import Company, User
from accounts.viewer import Viewer
from billing.models import Hold, LedgerEntry, UsageCounter, Wallet
from billing.storage import STORAGE, storage_used
from config.base import realtime
from gallery.models import Asset
from generation.models import AIModel, Job
from generation.providers import registry
from tests.generation.scripted import Scripted, ScriptedQueue


def state_of(company: Company) -> dict[str, Any]:
    """Everything that a refusal must leave as it was: money, rows, files, queue."""
    wallet = Wallet.objects.get(company=company)
    return {
        "wallet": (wallet.balance, wallet.held),
        "holds": Hold.objects.filter(wallet=wallet).count(),
        "ledger": LedgerEntry.objects.filter(wallet=wallet).count(),
        "usage": sum(UsageCounter.objects.filter(company=company).exclude(name=STORAGE).values_list("used", flat=True)),
        "storage": storage_used(company),
        "jobs": list(Job.objects.filter(company=company).order_by("id").values_list("pk", "state")),
        "assets": Asset.objects.filter(company=company).count(),
        "files": files_of(company),
        "queue": realtime.connection().llen("dramatiq:blocking"),
    }


def files_of(company: Company) -> list[str]:
    """Storage keys of a company's files."""
    found: list[str] = []
    folders = [str(company.pk)]
    while folders:
        folder = folders.pop()
        if not default_storage.exists(folder):
            continue
        inner, files = default_storage.listdir(folder)
        folders += [f"{folder}/{name}" for name in inner]
        found += [f"{folder}/{name}" for name in files]
    return sorted(found)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scripted]:
    """A function that puts a scripted provider in the studio's place for this test."""

    def install(**script: Any) -> Scripted:
        provider = Scripted(**script)
        monkeypatch.setitem(registry._PROVIDERS, "local", provider)
        return provider

    return install


@pytest.fixture
def elsewhere(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedQueue]:
    """A provider that renders elsewhere, in the studio's place for this test."""
    provider = ScriptedQueue()
    monkeypatch.setitem(registry._PROVIDERS, "local", provider)
    AIModel.objects.filter(slug="studio-scenes").update(resubmittable=False)
    yield provider
    AIModel.objects.filter(slug="studio-scenes").update(resubmittable=True)


@pytest.fixture
def maker(committed_db: None, alice: User, viewer: Callable[[User], Viewer]) -> Viewer:
    """Alice's viewer, with real commits."""
    return viewer(alice)
