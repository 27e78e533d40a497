"""What is in a copy of everything that is one's own, and what is not."""

from collections.abc import Callable, Iterator

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import record_audit
from config.base.registry import ExportDocument, ExportFile
from gallery.models import Asset
from generation import pipeline
from tests.accounts.leaving import made_for, mine, opened, pictures, rows, team_with_credits
from tests.factories.gallery import AssetFactory, tiny
from tests.factories.generation import submit
from tests.factories.teams import acting, put_on
from tests.personas import key_of

pytestmark = pytest.mark.usefixtures("committed_db")


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
