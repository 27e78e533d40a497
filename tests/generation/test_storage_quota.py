"""Storage of a plan: counted with the rows, refused before anything is stored, given back once."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import Company, User
from accounts.viewer import Viewer
from billing.models import Plan, Subscription, UsageCounter
from billing.storage import StorageFull, add_storage, refuse_upload, storage_used, take_storage
from config.base.ids import uuid7
from gallery import binning, counting, services
from gallery.keeping import forget
from gallery.models import Asset
from generation import pipeline
from generation.models import Job
from tests.factories.gallery import AssetFactory
from tests.factories.generation import SMALL, submit
from tests.generation.conftest import files_of, state_of
from tests.generation.scripted import Scripted

ViewerOf = Callable[[User], Viewer]


@pytest.fixture(autouse=True)
def no_plan_stays(db: None) -> Iterator[None]:
    """What is committed is taken away again: other tests count the plans."""
    yield
    ours = Plan.objects.filter(slug__startswith="storage-")
    Subscription.objects.filter(plan__in=ours).update(plan=Plan.objects.get(slug="free"))
    ours.delete()


def sent(side: int = 64) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(buffer, "PNG")
    return SimpleUploadedFile("noise.png", buffer.getvalue(), content_type="image/png")


def allow(company: Company, limit: int | None) -> Plan:
    """Put the company alone on a plan with so much storage."""
    plan = Plan.objects.get(slug="free")
    plan.pk, plan.slug, plan.is_default, plan.is_active, plan.storage_bytes = (
        uuid7(),
        f"storage-{company.pk}",
        False,
        False,
        limit,
    )
    plan.save(force_insert=True)
    Subscription.objects.filter(company=company).update(plan=plan)
    return plan


def kept(company: Company) -> int:
    rows = Asset.objects.filter(company=company).exclude(kind="mask")
    return sum(rows.values_list("bytes", flat=True))


def fill(company: Company) -> None:
    limit = Plan.objects.get(subscriptions__company=company).storage_bytes or 0
    add_storage(company=company, amount=limit - storage_used(company))


def test_an_upload_is_counted_with_its_row_and_given_back_when_it_is_gone(alice: User, viewer: ViewerOf) -> None:
    asset = services.upload_picture(viewer=viewer(alice), file=sent())
    assert storage_used(asset.company) == asset.bytes > 0
    binning.bin_assets(viewer=viewer(alice), ids=[asset.pk])
    assert storage_used(asset.company) == asset.bytes
    binning.purge_binned(before=timezone.now() + timedelta(seconds=1))
    assert storage_used(asset.company) == 0
    assert not any(str(asset.company_id) in sentence for sentence in counting.wrong_storage())


def test_a_discarded_upload_and_a_mask_weigh_nothing(alice: User, viewer: ViewerOf) -> None:
    asset = services.upload_picture(viewer=viewer(alice), file=sent())
    services.upload_mask(viewer=viewer(alice), file=sent())
    services.discard_upload(asset=asset)
    services.discard_upload(asset=asset)
    assert storage_used(asset.company) == 0
    assert Asset.objects.filter(company=asset.company).count() == 1


def test_an_upload_that_does_not_fit_is_refused_and_leaves_nothing(alice: User, viewer: ViewerOf) -> None:
    company = viewer(alice).company
    plan = allow(company, 1000)
    before = state_of(company)
    with pytest.raises(StorageFull) as refusal:
        services.upload_picture(viewer=viewer(alice), file=sent())
    assert "of the 1000\xa0bytes of the Free plan" in refusal.value.sentence
    assert "empty the bin" in refusal.value.sentence
    allowance = refusal.value.allowance
    assert allowance is not None
    assert (allowance.used, allowance.limit, allowance.resets_at) == (0, 1000, None)
    assert (refusal.value.problem_code, refusal.value.retry_after) == ("storage_full", None)
    assert state_of(company) == before
    Plan.objects.filter(pk=plan.pk).update(storage_bytes=None)
    assert services.upload_picture(viewer=viewer(alice), file=sent()).bytes > 1000


def test_an_upload_that_grew_in_our_hands_is_refused_with_its_files(
    alice: User, viewer: ViewerOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = viewer(alice).company
    allow(company, 50_000)
    real = services.prepare_upload

    def meanwhile(source: Any, out: Any) -> Any:
        # Another upload is kept while this one is decoded.
        fill(company)
        return real(source, out)

    monkeypatch.setattr(services, "prepare_upload", meanwhile)
    with pytest.raises(StorageFull):
        services.upload_picture(viewer=viewer(alice), file=sent())
    assert (files_of(company), kept(company)) == ([], 0)


def test_pages_and_api_refuse_with_figures(
    alice: User, alice_client: Client, alice_api: APIClient, viewer: ViewerOf
) -> None:
    company = viewer(alice).company
    allow(company, 10_000)
    fill(company)
    before = state_of(company)
    form = {"model": "studio-scenes", "task": "text-to-image", "prompt": "a fox", "num_images": "1"}
    page = alice_client.post("/generate", form)
    assert page.status_code == 429
    assert "of the Free plan are used" in page.content.decode()
    asked = {"model": "studio-scenes", "task": "text-to-image", "prompt": "a fox"}
    answer = alice_api.post("/api/v1/jobs", asked, headers={"Idempotency-Key": str(uuid7())})
    assert answer.status_code == 429
    body = answer.json()
    assert (body["code"], body["used"], body["limit"], body["resets_at"]) == ("storage_full", 10_000, 10_000, None)
    assert "Retry-After" not in answer.headers
    assert state_of(company) == before


def test_what_was_made_is_kept_even_when_the_storage_is_full_by_then(
    maker: Viewer, scripted: Callable[..., Scripted]
) -> None:
    allow(maker.company, 50_000)
    scripted(before=lambda _call, _report: fill(maker.company))
    job = submit(maker, count=2)
    pipeline.start(job_id=job.pk)
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED
    assert storage_used(maker.company) == 50_000 + kept(maker.company) > 50_000
    with pytest.raises(StorageFull):
        submit(maker)


def test_after_a_downgrade_nothing_is_deleted_and_the_same_again_is_still_answered(
    maker: Viewer, scripted: Callable[..., Scripted]
) -> None:
    scripted()
    job = submit(maker, seed=7)
    pipeline.start(job_id=job.pk)
    allow(maker.company, 1)
    with pytest.raises(StorageFull):
        submit(maker, seed=8)
    with pytest.raises(StorageFull):
        refuse_upload(company=maker.company)
    # What lies there already takes no room.
    assert submit(maker, seed=7).state == Job.State.SUCCEEDED
    assert kept(maker.company) > 1
    binning.bin_assets(viewer=maker, ids=Asset.objects.filter(company=maker.company).values_list("pk", flat=True))
    binning.purge_binned(before=timezone.now() + timedelta(seconds=1))
    assert submit(maker, seed=8, params=SMALL).state == Job.State.QUEUED


def test_of_32_uploads_at_once_only_as_many_are_counted_as_fit(maker: Viewer) -> None:
    allow(maker.company, 700)

    def upload(_number: int) -> bool:
        try:
            with transaction.atomic():
                take_storage(company=maker.company, amount=100)
        except StorageFull:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(upload, range(32))) == 7
    assert storage_used(maker.company) == 700


def test_what_many_forget_at_once_is_given_back_once(maker: Viewer, alice: User) -> None:
    assets = [AssetFactory(user=alice) for _number in range(6)]
    stays = assets.pop()
    start = Barrier(8)

    def purge(_number: int) -> int:
        start.wait()
        try:
            return forget([asset.pk for asset in assets])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(purge, range(8))) == 5
    assert storage_used(maker.company) == stays.bytes


def test_a_wrong_count_is_named_and_mended_while_others_keep_and_forget(maker: Viewer, alice: User) -> None:
    assets = [AssetFactory(user=alice) for _number in range(4)]
    counter = UsageCounter.objects.filter(company=maker.company, name="storage")
    counter.update(used=10**9)
    assert any(str(maker.company.pk) in sentence for sentence in counting.wrong_storage())
    start = Barrier(6)

    def work(number: int) -> None:
        start.wait()
        try:
            if number < 2:
                counting.recount_company(maker.company.pk)
            elif number < 4:
                forget([assets[number].pk])
            else:
                AssetFactory(user=alice)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    counting.recount_company(maker.company.pk)
    assert storage_used(maker.company) == kept(maker.company)
    counter.delete()
    assert counting.recount_storage() >= 1
    assert storage_used(maker.company) == kept(maker.company) > 0


def test_the_clock_counts_once_a_day_however_many_there_are(maker: Viewer) -> None:
    AssetFactory(user=maker.user)
    UsageCounter.objects.filter(company=maker.company, name="storage").update(used=5)
    assert counting.recount_when_due() >= 1
    assert counting.recount_when_due() == 0
