"""What the tests of copies and deletions share."""

import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import deletions, exports
from accounts.deletion_erasing import erase_person
from accounts.deletion_receipts import tell_deleted
from accounts.export_making import make_export
from accounts.models import (
    Company,
    DataExport,
    DeletionReceipt,
    Invitation,
    User,
)
from accounts.services import record_audit
from accounts.viewer import Viewer, viewer_for
from billing.models import LedgerEntry, SalesEnquiry, StripeEvent
from billing.services import grant_credits
from config.base import realtime
from generation import pipeline
from generation.models import Job
from tests.factories.gallery import AssetFactory
from tests.factories.generation import submit
from tests.factories.teams import acting, make_team
from tests.personas import key_of

ALONE, SHARED, NAME, AGENT = "the-duke-alone-fox", "the-duke-shared-fox", "Zyxwa Planted", "PlantedBrowser/1"
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


def mine(user: User) -> Viewer:
    found = viewer_for(user)
    assert found is not None
    return found


def ask(user: User) -> datetime:
    return deletions.request_account_deletion(user=User.objects.get(pk=user.pk))


def pass_grace(user: User) -> None:
    User.objects.filter(pk=user.pk).update(delete_after=timezone.now() - timedelta(seconds=1))


def erase(user: User) -> DeletionReceipt:
    """Ask, let the time pass, and have the clock and the worker do all."""
    ask(user)
    receipt = DeletionReceipt.objects.get(user=user)
    pass_grace(user)
    assert erase_person(user_id=user.pk)
    tell_deleted(receipt_id=receipt.pk)
    receipt.refresh_from_db()
    return receipt


def found_in_database(*words: str) -> list[str]:
    """Tables and columns of text or JSON, of any app and library, that hold one of the words."""
    hits = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
            "(data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'inet', 'bytea', 'character'))"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ILIKE ANY(%s)',  # noqa: S608 - catalogue's names
                [[f"%{word}%" for word in words]],
            )
            if cursor.fetchone()[0]:
                hits.append(f"{table}.{column}")
    return hits


def found_in_storage(*words: str) -> list[str]:
    found: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        inner, files = default_storage.listdir(folder)
        folders += [f"{folder}/{name}".strip("/") for name in inner]
        found += [f"{folder}/{name}" for name in files if any(word in f"{folder}/{name}" for word in words)]
    return found


def furnished(user: User, colleague: User) -> Company:
    """The person has everything that a person can have; returns the team that is shared with the colleague."""
    own = mine(user)
    browser = Client(headers={"User-Agent": AGENT})
    browser.force_login(user)
    browser.get("/profile")
    AssetFactory(user=user, prompt=ALONE)
    pipeline.start(job_id=submit(own, seed=1, prompt=ALONE).pk)
    submit(own, seed=2, prompt=ALONE)
    key_of(own)
    team = make_team(colleague, user)
    grant_credits(company=team, amount=50, kind=LedgerEntry.Kind.GRANT, key=f"t:{team.pk}", cause="x")
    there = acting(user, team)
    pipeline.start(job_id=submit(there, seed=3, prompt=SHARED).pk)
    key, _secret = key_of(there, "read", "generate", name=f"{NAME}'s laptop")
    submitted = submit(there, seed=4, prompt=SHARED)
    Job.objects.filter(pk=submitted.pk).update(api_key=key)
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": NAME})
    SocialAccount.objects.create(user=user, provider="google", uid=user.email, extra_data={"name": NAME})
    old = f"old-{user.email}"
    record_audit(actor=old, action="password.changed", target=old)
    detail = {"from": old, "to": user.email}
    record_audit(actor=user.email, action="email.changed", target=user.email, detail=detail)
    record_audit(actor=colleague.email, action="member.cap", target=user.email, company=team, detail={"cap": 3})
    Invitation.objects.create(
        company=team,
        email=old,
        token_digest=user.pk.hex,
        invited_by=colleague,
        accepted_by=user,
        accepted_at=timezone.now(),
        expires_at=timezone.now(),
    )
    Company.objects.filter(pk=team.pk).update(email=user.email)
    SalesEnquiry.objects.create(company=team, name=NAME, email=user.email, message="Call me")
    body = {"data": {"object": {"customer_email": user.email}}}
    StripeEvent.objects.create(
        id=f"evt_{user.pk.hex}", type="x", object_type="x", object_id="x", body=body, happened_at=timezone.now()
    )
    for name in ("256", "96"):
        default_storage.save(f"people/{user.pk}/{own.company.pk}/{name}.webp", ContentFile(b"face"))
    User.objects.filter(pk=user.pk).update(avatar_key=f"people/{user.pk}/{own.company.pk}/256.webp")
    export = exports.request_export(user=user)
    make_export(export_id=export.pk)
    return team
