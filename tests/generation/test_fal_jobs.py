"""A whole job on fal: our engine, fal's real client, fal's protocol on loopback."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.viewer import Viewer
from billing.models import Subscription, Wallet
from billing.plans import plan_with_slug
from billing.services import grant_credits
from gallery.delivery import open_original
from gallery.models import Asset
from gallery.services import upload_mask, upload_picture
from generation import pipeline, remote, webhooks
from generation.models import Job
from generation.selectors import offered_models
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_files import picture
from tests.factories.generation import submit
from tests.generation.conftest import files_of


@pytest.fixture
def fal(settings: Any, maker: Viewer) -> Iterator[FalEmulator]:
    """fal on loopback, configured as an operator would; Alice may use every model."""
    Subscription.objects.filter(company=maker.company).update(plan=plan_with_slug("pro"))
    with FalEmulator() as emulator:
        settings.FAL_KEY = emulator.key
        settings.FAL_QUEUE_URL = emulator.url
        settings.FAL_REST_URL = emulator.url
        settings.FAL_CDN_URL = emulator.url
        settings.PROVIDER_WEBHOOKS = False
        yield emulator


def look_until_ended(job: Job, *, looks: int = 40) -> Job:
    for _ in range(looks):
        remote.check(job_id=job.pk)
        job = Job.objects.get(pk=job.pk)
        if not job.is_active:
            return job
    raise AssertionError(f"still {job.state}")


def test_fals_models_appear_with_its_key_alone(fal: FalEmulator, settings: Any) -> None:
    assert offered_models().filter(provider="fal").exists()
    settings.FAL_KEY = ""
    assert not offered_models().filter(provider="fal").exists()


def test_a_job_on_fal_is_made_once_stored_here_and_paid_once(fal: FalEmulator, maker: Viewer) -> None:
    job = submit(maker, model="flux-schnell", params={"aspect_ratio": "16:9"}, count=2, seed=5)
    pipeline.start(job_id=job.pk)

    done = look_until_ended(job)

    assert (done.state, done.failure) == (Job.State.SUCCEEDED, "")
    assert Asset.objects.filter(company=maker.company, task="text-to-image").count() == 2
    assert Wallet.objects.get(company=maker.company).balance == 100 - job.credits
    assert len(fal.jobs) == 1
    with open_original(Asset.objects.filter(company=maker.company).first()) as file:  # type: ignore[arg-type]
        assert b"/trainedAlgorithmicMedia" in file.read()


def test_the_studios_pictures_do_not_say_that_they_are_of_a_trained_model(maker: Viewer) -> None:
    job = submit(maker)
    pipeline.start(job_id=job.pk)

    with open_original(Asset.objects.get(company=maker.company)) as file:
        content = file.read()
    assert b"/algorithmicMedia" in content
    assert b"trainedAlgorithmicMedia" not in content


def test_an_edit_sends_the_picture_up_and_names_its_parent(fal: FalEmulator, maker: Viewer) -> None:
    source = submit(maker, model="flux-schnell", params={})
    pipeline.start(job_id=source.pk)
    look_until_ended(source)
    asset = Asset.objects.get(company=maker.company)

    job = submit(maker, model="flux-kontext", prompt="make it night", params={}, inputs=[asset.pk])
    pipeline.start(job_id=job.pk)
    done = look_until_ended(job)

    assert done.state == Job.State.SUCCEEDED, done.failure
    assert Asset.objects.get(company=maker.company, task="edit").parents == [asset.pk]


@pytest.mark.parametrize("fault", ["accept_then_drop", "500", "502", "garbled"])
def test_a_submit_that_may_have_been_taken_is_never_sent_again(fal: FalEmulator, maker: Viewer, fault: str) -> None:
    fal.fail_next(fault)
    job = submit(maker, model="flux-schnell", params={})

    for _ in range(3):
        pipeline.start(job_id=job.pk)

    assert Job.objects.get(pk=job.pk).state == Job.State.UNKNOWN
    assert fal.posts == 1


def test_a_signed_webhook_finds_the_dropped_one(fal: FalEmulator, maker: Viewer, settings: Any) -> None:
    fal.fail_next("accept_then_drop")
    job = submit(maker, model="flux-schnell", params={})
    pipeline.start(job_id=job.pk)
    headers, body = fal.postman.signed(next(iter(fal.jobs.values())))

    path = f"/hooks/fal/{job.pk}/{webhooks._token(job.pk)}"
    answer = Client().post(path, body, content_type="application/json", headers=headers)

    assert answer.status_code == 200
    done = look_until_ended(job)
    assert done.state == Job.State.SUCCEEDED, done.failure
    assert fal.posts == 1


def test_what_fal_refuses_is_said_and_paid_back(fal: FalEmulator, maker: Viewer) -> None:
    fal.fail_next("content_policy")
    job = submit(maker, model="flux-schnell", params={})
    pipeline.start(job_id=job.pk)

    failed = look_until_ended(job)

    assert (failed.state, failed.failure_code) == (Job.State.FAILED, "content_rejected")
    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (100, 0)
    assert files_of(maker.company) == []


def picture_of(viewer: Viewer) -> Asset:
    return upload_picture(viewer=viewer, file=SimpleUploadedFile("fox.png", picture(3, 512, 384), "image/png"))


def mask_of(viewer: Viewer) -> Asset:
    mask = Image.new("L", (512, 384))
    mask.paste(255, (0, 0, 200, 384))
    file = BytesIO()
    mask.save(file, "PNG")
    return upload_mask(viewer=viewer, file=SimpleUploadedFile("mask.png", file.getvalue(), "image/png"))


def test_a_film_a_mesh_and_a_filled_picture_are_made_and_paid_by_second_quality_and_size(
    fal: FalEmulator, maker: Viewer
) -> None:
    grant_credits(
        company=maker.company, amount=2_000, kind="grant", key=f"films:{maker.company.pk}", cause="For films."
    )
    fox = picture_of(maker)
    asked: list[tuple[dict[str, Any], str, int]] = [
        ({"model": "veo-3-1-fast", "params": {"duration": 4}}, "video", 140),
        ({"model": "kling-2-5-turbo", "inputs": [fox.pk], "params": {}, "prompt": ""}, "video", 122),
        ({"model": "tripo-2-5", "inputs": [fox.pk], "params": {"quality": "low"}, "prompt": ""}, "mesh", 105),
        ({"model": "flux-fill", "inputs": [fox.pk], "mask": mask_of(maker).pk, "params": {}}, "image", 17),
    ]
    for fields, kind, price in asked:
        job = submit(maker, **fields)
        pipeline.start(job_id=job.pk)
        done = look_until_ended(job)
        assert (done.state, done.failure, done.credits) == (Job.State.SUCCEEDED, "", price), fields["model"]
        assert Asset.objects.get(pk=done.outputs.get().asset_id).kind == kind
    assert Wallet.objects.get(company=maker.company).balance == 2_100 - sum(price for _fields, _kind, price in asked)
    assert fal.posts == len(fal.jobs) == len(asked)
    filled = next(job for job in fal.jobs.values() if "mask_url" in job.arguments)
    with Image.open(BytesIO(fal.uploads[filled.arguments["mask_url"].rpartition("/")[2]])) as sent:
        assert (sent.mode, sent.size, sent.getpixel((10, 10)), sent.getpixel((500, 10))) == ("L", (512, 384), 255, 0)
