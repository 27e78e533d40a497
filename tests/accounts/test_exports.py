"""A copy of everything that is one's own: asked for once, made whole whatever dies, given to nobody else."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import dramatiq
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import exports
from accounts.export_making import make_export
from accounts.models import AuditEntry, Company, DataExport, User
from accounts.privacy_refusals import ExportTooSoon
from accounts.services import record_audit
from accounts.viewer import Viewer, viewer_for
from billing.models import LedgerEntry
from billing.services import grant_credits
from config.base import realtime, registry
from config.base.registry import ExportDocument, ExportFile
from gallery import sweeping
from gallery.models import Asset
from generation import pipeline
from tests.factories.gallery import AssetFactory, tiny
from tests.factories.generation import submit
from tests.factories.teams import acting, make_team, put_on
from tests.gallery.test_storage import bucket, store  # noqa: F401  (fixtures)
from tests.personas import browser_of, key_of

pytestmark = pytest.mark.usefixtures("committed_db")
State = DataExport.State


def made_for(user: User) -> DataExport:
    """The person's copy, ready."""
    export = exports.request_export(user=user)
    make_export(export_id=export.pk)
    export.refresh_from_db()
    assert export.state == State.READY
    return export


def opened(export: DataExport) -> zipfile.ZipFile:
    with default_storage.open(export.key) as file:
        archive = zipfile.ZipFile(io.BytesIO(file.read()))
    assert archive.testzip() is None
    return archive


def rows(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


def pictures(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if name.startswith("files/"))


def mine(user: User) -> Viewer:
    found = viewer_for(user)
    assert found is not None
    return found


def no_mail_server(settings: Settings) -> None:
    """Nobody listens there."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


def team_with_credits(founder: User, member: User) -> Company:
    company = make_team(founder, member)
    grant_credits(company=company, amount=50, kind=LedgerEntry.Kind.GRANT, key=f"t:{company.pk}", cause="x")
    return company


def messages() -> int:
    return int(realtime.connection().llen("dramatiq:bulk"))


@pytest.fixture
def parts() -> Iterator[Callable[..., None]]:
    """A function: put other parts into every copy of this test."""
    before = list(registry.person_exported.listeners)

    def put(*listeners: Any) -> None:
        registry.person_exported.listeners[:] = listeners

    yield put
    registry.person_exported.listeners[:] = before


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


def test_it_holds_every_asset_of_ones_own_and_nobody_elses(alice: User, bob: User) -> None:
    put_on(mine(alice).company, "pro")
    own = [AssetFactory(user=alice) for _number in range(3)]
    sent = AssetFactory(user=alice, origin="upload", original_name="Holiday.png")
    binned = AssetFactory(user=alice, deleted_at=timezone.now())
    AssetFactory(user=bob, prompt="a secret of Bob")
    team = team_with_credits(alice, bob)
    pipeline.start(job_id=submit(acting(alice, team), seed=1, prompt="ours, by Alice").pk)
    pipeline.start(job_id=submit(acting(bob, team), seed=2, prompt="ours, by Bob").pk)
    submit(mine(bob), prompt="another secret of Bob")

    archive = opened(made_for(alice))

    in_team = Asset.objects.get(company=team, user=alice)
    told = rows(archive, "gallery/assets.json")
    wanted = {str(asset.pk) for asset in (*own, sent, binned, in_team)}
    assert {row["id"] for row in told} == wanted
    assert sorted(path for row in told for path in row["files"]) == pictures(archive)
    assert all(any(key in name for name in pictures(archive)) for key in wanted)
    for asset in own:
        (name,) = [name for name in pictures(archive) if str(asset.pk) in name]
        assert archive.read(name) == tiny("PNG", "red"), "on this plan the clean file"
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"by Alice" in everything
    assert b"Bob" not in everything
    assert bob.email.encode() not in everything


def test_a_plan_that_marks_gives_marked_copies(alice: User) -> None:
    AssetFactory(user=alice)
    upload = AssetFactory(user=alice, origin="upload")
    archive = opened(made_for(alice))
    for name in pictures(archive):
        assert archive.read(name) == tiny("PNG", "red" if str(upload.pk) in name else "blue")


def test_of_a_company_that_was_left_there_are_words_and_no_files(alice: User, bob: User) -> None:
    team = team_with_credits(bob, alice)
    viewer = acting(alice, team)
    pipeline.start(job_id=submit(viewer, seed=1, prompt="made elsewhere").pk)
    team.memberships.get(user=alice).delete()

    archive = opened(made_for(alice))

    (row,) = rows(archive, "gallery/assets.json")
    assert (row["prompt"], row["files"]) == ("made elsewhere", [])
    assert pictures(archive) == []
    assert rows(archive, "generation/jobs.json")[0]["prompt"] == "made elsewhere"


def test_it_tells_who_one_is_and_no_secret(alice: User, bob: User, alice_client: Client) -> None:
    key, secret = key_of(mine(alice), "read")
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "THESECRETOFTOTP"})
    record_audit(actor=alice.email, action="member.removed", target=bob.email)
    record_audit(actor=bob.email, action="company.changed", target="of Bob's")
    alice_client.post(
        "/profile", {"full_name": "Alice Liddell", "username": "al", "language": "en", "time_zone": "UTC"}
    )
    default_storage.save("people/a/256.webp", ContentFile(b"face"))
    User.objects.filter(pk=alice.pk).update(avatar_key="people/a/256.webp")

    archive = opened(made_for(alice))

    assert rows(archive, "person.json")[0]["full_name"] == "Alice Liddell"
    assert [row["email"] for row in rows(archive, "addresses.json")] == [alice.email]
    assert rows(archive, "memberships.json")[0]["role"] == "owner"
    assert len(rows(archive, "sessions.json")) == 1
    assert rows(archive, "api-keys.json")[0]["begins_with"] == key.prefix
    acts = rows(archive, "acts.json")
    assert {"member.removed", "api_key.created", "export.requested"} <= {row["action"] for row in acts}
    assert "company.changed" not in {row["action"] for row in acts}
    assert rows(archive, "billing/statement.json")[0]["outcome"] == "Welcome to Darkroom"
    assert archive.read("avatar.webp") == b"face"
    assert "copy of everything" in archive.read("README.txt").decode()
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode(errors="replace")
    key.refresh_from_db()
    alice.refresh_from_db()
    session = alice_client.session.session_key or ""
    for hidden in (secret, key.digest, alice.password, "THESECRETOFTOTP", session, bob.email):
        assert hidden not in everything


def test_former_addresses_find_former_acts_but_not_those_of_who_has_the_address_now(alice: User) -> None:
    old = f"old-{alice.email}"
    record_audit(actor=old, action="password.changed", target=old)
    record_audit(actor=alice.email, action="email.changed", target=alice.email, detail={"from": old, "to": alice.email})
    record_audit(actor=old, action="password.reset", target=old)
    EmailAddress.objects.filter(user=alice).update(verified=True)

    archive = opened(made_for(alice))

    assert [row["email"] for row in rows(archive, "addresses.json")] == [alice.email, old]
    actions = [row["action"] for row in rows(archive, "acts.json")]
    assert "password.changed" in actions
    assert "password.reset" not in actions


def test_a_file_that_is_gone_meanwhile_is_named(alice: User, parts: Callable[..., None]) -> None:
    default_storage.save("a/b.png", ContentFile(b"there"))
    parts(lambda _id: [ExportFile("files/x.png", "a/b.png"), ExportFile("files/gone.png", "a/none.png")])
    archive = opened(made_for(alice))
    assert pictures(archive) == ["files/x.png"]
    assert "files/gone.png" in archive.read("README.txt").decode()


def test_two_parts_of_one_name_are_both_there(alice: User, parts: Callable[..., None]) -> None:
    default_storage.save("a/c.png", ContentFile(b"there"))
    parts(lambda _id: [ExportFile("files/X.png", "a/c.png"), ExportFile("files/x.png", "a/c.png")])
    assert pictures(opened(made_for(alice))) == ["files/X.png", "files/x-2.png"]


def test_rows_are_written_while_they_are_read(alice: User, parts: Callable[..., None]) -> None:
    seen: list[int] = []

    def many() -> Iterator[dict[str, object]]:
        for number in range(50_000):
            seen.append(number)
            yield {"number": number, "words": "x" * 200}

    parts(lambda _id: [ExportDocument("many.json", many())])
    export = made_for(alice)
    assert len(rows(opened(export), "many.json")) == len(seen) == 50_000
    assert export.bytes < 1_000_000


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
