"""A copy of everything that is one's own: asked for once, made whole whatever dies, given to nobody else."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import dramatiq
import pytest
from django.core import mail
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import exports
from accounts.export_making import make_export
from accounts.models import AuditEntry, DataExport, User
from accounts.privacy_refusals import ExportTooSoon
from config.base import registry
from config.base.registry import ExportDocument
from gallery import sweeping
from tests.accounts.leaving import State, made_for, messages, no_mail_server, opened, pictures
from tests.factories.gallery import AssetFactory
from tests.factories.teams import make_team
from tests.gallery.test_storage import bucket, store  # noqa: F401  (fixtures)
from tests.personas import browser_of

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture(autouse=True)
def _no_exports_of_others(db: None) -> None:
    """What other tests committed would be seen to here as well."""
    DataExport.objects.all().delete()


def test_two_clicks_at_once_make_one_copy(alice: User) -> None:
    def ask(_number: int) -> object:
        try:
            return exports.request_export(user=alice).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        asked = list(threads.map(ask, range(4)))

    assert len(set(asked)) == 1
    assert DataExport.objects.filter(user=alice).count() == 1
    assert messages() == 1


def test_a_message_that_comes_twice_makes_one_file_and_one_mail(alice: User) -> None:
    export = exports.request_export(user=alice)

    def work(_number: int) -> None:
        try:
            make_export(export_id=export.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))
    make_export(export_id=export.pk)

    export.refresh_from_db()
    assert (export.state, export.attempts) == (State.READY, 1)
    assert default_storage.listdir(f"exports/{alice.pk}")[1] == [export.key.rpartition("/")[2]]
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_a_worker_that_is_killed_midway_leaves_one_whole_copy(alice: User, parts: Callable[..., None]) -> None:
    AssetFactory(user=alice)
    whole = list(registry.person_exported.listeners)

    def dies(_user_id: object) -> Iterator[ExportDocument]:
        yield ExportDocument("half.json", iter([{"a": 1}]))
        raise SystemExit

    export = exports.request_export(user=alice)
    parts(dies, *whole)
    with pytest.raises(SystemExit):
        make_export(export_id=export.pk)
    parts(*whole)
    make_export(export_id=export.pk)
    export.refresh_from_db()
    assert (export.state, mail.outbox) == (State.WORKING, []), "its worker is believed to live"

    DataExport.objects.filter(pk=export.pk).update(lease_until=timezone.now(), sent_at=timezone.now() - exports.RESEND)
    before = messages()
    exports.see_to_exports()
    assert messages() == before + 1
    make_export(export_id=export.pk)

    export.refresh_from_db()
    assert (export.state, export.attempts) == (State.READY, 2)
    assert "half.json" not in opened(export).namelist()
    assert len(pictures(opened(export))) == 1
    assert len(mail.outbox) == 1


def test_a_worker_that_was_taken_for_dead_leaves_no_second_file(alice: User, parts: Callable[..., None]) -> None:
    export = exports.request_export(user=alice)
    whole = list(registry.person_exported.listeners)

    def slow(_user_id: object) -> Iterator[ExportDocument]:
        yield ExportDocument("slow.json", iter([]))
        DataExport.objects.filter(pk=export.pk).update(lease_until=timezone.now())
        parts(*whole)
        make_export(export_id=export.pk)

    parts(slow)
    make_export(export_id=export.pk)

    export.refresh_from_db()
    assert export.state == State.READY
    assert "slow.json" not in opened(export).namelist()
    assert len(default_storage.listdir(f"exports/{alice.pk}")[1]) == 1
    assert len(mail.outbox) == 1


def test_the_lease_is_renewed_beside_the_work(
    alice: User, parts: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LEASE", timedelta(seconds=0.3))
    export = exports.request_export(user=alice)

    def slow(_user_id: object) -> Iterator[ExportDocument]:
        before = DataExport.objects.get(pk=export.pk).lease_until
        yield ExportDocument("slow.json", _waits(export, before))

    parts(slow)
    make_export(export_id=export.pk)
    export.refresh_from_db()
    assert export.state == State.READY


def _waits(export: DataExport, before: Any) -> Iterator[dict[str, object]]:
    deadline = timezone.now() + timedelta(seconds=10)
    while DataExport.objects.get(pk=export.pk).lease_until == before:
        assert timezone.now() < deadline
    yield {"renewed": True}


def test_a_copy_that_fails_again_and_again_is_given_up_and_can_be_asked_for_again(
    alice: User, parts: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_user_id: object) -> Iterator[ExportDocument]:
        yield ExportDocument("x.json", iter([{"never": object()}]))

    export = exports.request_export(user=alice)
    whole = list(registry.person_exported.listeners)
    parts(fails)
    for _attempt in range(exports.MOST_ATTEMPTS):
        with pytest.raises(TypeError):
            make_export(export_id=export.pk)
        DataExport.objects.filter(pk=export.pk).update(lease_until=timezone.now())
    exports.see_to_exports()
    parts(*whole)

    export.refresh_from_db()
    assert export.state == State.FAILED
    assert "could not be made" in caplog.text
    assert "could not be made" in browser_of(alice).get("/profile").content.decode()
    assert exports.request_export(user=alice).pk != export.pk


def test_one_copy_a_day(alice: User, alice_client: Client) -> None:
    export = made_for(alice)
    with pytest.raises(ExportTooSoon) as refusal:
        exports.request_export(user=alice)
    assert 86_000 < (refusal.value.retry_after or 0) <= 86_401
    assert "a copy of today already" in alice_client.post("/profile/export", follow=True).content.decode()
    assert DataExport.objects.filter(user=alice).count() == 1

    DataExport.objects.filter(pk=export.pk).update(requested_at=timezone.now() - exports.PAUSE)
    assert exports.request_export(user=alice).pk != export.pk


def test_without_a_queue_the_clock_sends_it(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_args: object) -> None:
        raise dramatiq.BrokerConnectionError("no queue")

    monkeypatch.setattr(dramatiq.get_broker(), "enqueue", down)
    export = exports.request_export(user=alice)
    monkeypatch.undo()
    assert messages() == 0

    exports.see_to_exports()
    assert messages() == 0, "it was asked for a moment ago"
    DataExport.objects.filter(pk=export.pk).update(sent_at=timezone.now() - exports.RESEND)
    exports.see_to_exports()
    exports.see_to_exports()
    assert messages() == 1


def test_a_mail_that_does_not_leave_is_tried_again(alice: User, settings: Settings) -> None:
    export = exports.request_export(user=alice)
    backend = settings.EMAIL_BACKEND
    no_mail_server(settings)
    make_export(export_id=export.pk)
    settings.EMAIL_BACKEND = backend
    export.refresh_from_db()
    assert (export.state, export.told_at) == (State.READY, None)

    make_export(export_id=export.pk)
    assert mail.outbox == [], "not at once"
    DataExport.objects.filter(pk=export.pk).update(lease_until=timezone.now(), sent_at=None)
    exports.see_to_exports()
    assert messages() == 2
    make_export(export_id=export.pk)
    assert len(mail.outbox) == 1


def test_the_mail_leads_its_person_to_the_file_and_nobody_else(alice: User, bob: User, alice_client: Client) -> None:
    team = make_team(alice, admin=bob)
    export = made_for(alice)
    (told,) = mail.outbox
    text, html = str(told.body), str(told.alternatives[0][0])  # type: ignore[attr-defined]
    path = exports.address_of(export)
    assert f"http://testserver{path}" in text
    assert f"http://testserver{path}" in html

    answer = alice_client.get(path)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content).startswith(b"PK")  # type: ignore[arg-type]
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "no-store" in answer.headers["Cache-Control"]
    assert Client().get(path).headers["Location"].startswith("/login")
    colleague = browser_of(bob)
    assert colleague.post("/company/switch", {"company": str(team.pk)}).status_code == 302
    assert colleague.get(path).status_code == 404
    assert alice_client.get(f"/profile/export/{export.pk}:forged").status_code == 404
    assert alice_client.get(f"/profile/export/{export.pk}").status_code == 404
    assert path in alice_client.get("/profile").content.decode()
    fetched = AuditEntry.objects.filter(action="export.fetched")
    assert list(fetched.filter(actor=alice.email).values_list("address", flat=True)) == ["127.0.0.1"]
    assert not fetched.filter(actor=bob.email).exists()


def test_the_server_in_front_or_the_bucket_gives_the_file_where_there_is_one(
    alice: User, alice_client: Client, settings: Settings
) -> None:
    export = made_for(alice)
    settings.FILES_ACCEL_PREFIX = "/stored"
    answer = alice_client.get(exports.address_of(export))
    assert answer.headers["X-Accel-Redirect"] == f"/stored/{export.key}"


def test_with_a_bucket_it_lies_there_and_goes_from_there(
    alice: User,
    alice_client: Client,
    bucket: Any,  # noqa: F811
) -> None:
    AssetFactory(user=alice)
    export = made_for(alice)
    assert len(pictures(opened(export))) == 1
    address = alice_client.get(exports.address_of(export)).headers["Location"]
    assert "X-Amz-Signature" in address
    exports.remove_expired(timezone.now() + timedelta(days=8))
    assert not default_storage.exists(export.key)


def test_after_seven_days_it_is_gone_and_so_is_its_file(alice: User, alice_client: Client) -> None:
    export = made_for(alice)
    assert sweeping.sweep_files(older_than=timedelta(0)).removed >= 0
    assert default_storage.exists(export.key), "the sweep knows it"
    DataExport.objects.filter(pk=export.pk).update(expires_at=timezone.now())

    assert alice_client.get(exports.address_of(export)).status_code == 410
    exports.see_to_exports()
    exports.see_to_exports()

    assert not default_storage.exists(export.key)
    export.refresh_from_db()
    assert (export.state, export.key) == (State.GONE, "")
    assert alice_client.get(exports.address_of(export)).status_code == 410


def test_programs_ask_for_it_and_fetch_it(alice: User, alice_api: APIClient, bob_api: APIClient) -> None:
    assert alice_api.get("/api/v1/users/me/export").json()["code"] == "no_export"
    asked = alice_api.post("/api/v1/users/me/export")
    assert (asked.status_code, asked.json()["state"], asked.json()["file"]) == (202, "waiting", "")
    assert alice_api.post("/api/v1/users/me/export").json()["id"] == asked.json()["id"]
    assert alice_api.get("/api/v1/users/me/export/file").json()["code"] == "export_not_ready"
    make_export(export_id=asked.json()["id"])

    ready = alice_api.get("/api/v1/users/me/export").json()
    assert ready["state"] == "ready"
    answer = alice_api.get(ready["file"])
    assert b"".join(answer.streaming_content).startswith(b"PK")  # type: ignore[arg-type]
    assert bob_api.get("/api/v1/users/me/export/file").json()["code"] == "no_export"
    too_soon = alice_api.post("/api/v1/users/me/export")
    assert (too_soon.status_code, too_soon.json()["code"]) == (429, "export_too_soon")
    assert int(too_soon.headers["Retry-After"]) > 86_000
