"""The pages of making: what they show, what they refuse, and that a refusal leaves nothing behind."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from accounts.models import User
from accounts.viewer import Viewer
from billing.models import Plan, UsageCounter, Wallet
from billing.services import hold_credits
from generation import ending, pipeline
from generation.models import AIModel, Job
from generation.providers.base import Call, Report
from generation.services import cancel_job
from tests.factories.gallery import AssetFactory
from tests.factories.generation import submit
from tests.generation.conftest import state_of
from tests.generation.scripted import Scripted

PAGE = "/generate"
HTMX = {"HX-Request": "true"}
ASKED = {"model": "studio-scenes", "prompt": "red fox in the snow", "num_images": "1", "detail": "draft"}
RESTYLE = {"model": "studio-stylise", "prompt": "", "num_images": "1"}

# An id that no row has; fixed, because parameters name tests.
NOBODYS = "00000000-0000-7000-8000-000000000000"


def text_of(answer: HttpResponse) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def small_picture() -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 80, 20)).save(file, "PNG")
    return SimpleUploadedFile("fox.png", file.getvalue(), "image/png")


def enormous_picture() -> SimpleUploadedFile:
    """A PNG of 30 000 × 30 000 pixels in a few hundred bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(30_001))) + chunk(b"IEND", b"")
    return SimpleUploadedFile("bomb.png", content, "image/png")


def queries_of(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


# --- The composer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PAGE, "/generate/pick", f"/jobs/{NOBODYS}"])
def test_pages_ask_a_visitor_to_sign_in(client: Client, db: None, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


def test_the_page_offers_tasks_ratios_and_the_price(alice_client: Client) -> None:
    page = alice_client.get(PAGE).content.decode()

    groups = re.findall(r'id="group-([\w-]+)"', page)
    assert groups[:3] == ["text-to-image", "image-to-image", "upscale"]
    ratios = re.findall(r'name="aspect_ratio" value="([^"]+)"', page)
    assert ratios == ["1:1", "16:9", "9:16", "21:9", "4:3", "3:4", "3:2", "2:3"]
    assert re.findall(r'name="num_images" value="(\d)"', page) == list("12345678")
    assert 'id="generate-price">1 credit<' in page
    assert "Nothing developed yet" in page


def test_the_address_fills_the_composer(alice_client: Client) -> None:
    page = alice_client.get(PAGE, {"prompt": "a <lake>", "aspect_ratio": "21:9", "num_images": "4", "seed": "7"})

    assert "a &lt;lake&gt;</textarea>" in page.content.decode()
    assert re.search(r'value="21:9" checked', page.content.decode())
    assert 'id="generate-price">4 credits<' in page.content.decode()
    assert re.search(r'name="seed"[^>]*value="7"', page.content.decode())


def test_htmx_gets_the_composer_alone_and_caches_know_the_difference(alice_client: Client) -> None:
    answer = alice_client.get(PAGE, {"task": "upscale"}, headers=HTMX)

    assert "<html" not in answer.content.decode()
    assert 'value="studio-upscale"' in answer.content.decode()
    assert "HX-Request" in answer.headers["Vary"]


def test_a_task_that_needs_a_picture_takes_one_from_the_gallery(alice: User, alice_client: Client) -> None:
    asset = AssetFactory(user=alice)

    page = alice_client.get(PAGE, {"input": str(asset.pk)}).content.decode()

    assert 'value="studio-stylise"' in page
    assert f'name="inputs" value="{asset.pk}"' in page
    upscale = alice_client.get(PAGE, {"task": "upscale", "input": str(asset.pk)}).content.decode()
    assert 'value="studio-upscale"' in upscale
    assert f'name="inputs" value="{asset.pk}"' in upscale


def test_the_gallery_is_offered_to_pick_from(alice: User, alice_client: Client, bob: User) -> None:
    mine, binned, hers = AssetFactory(user=alice), AssetFactory(user=alice), AssetFactory(user=bob)
    alice_client.post(f"/a/{binned.pk}/delete")

    page = alice_client.get("/generate/pick", {"task": "upscale", "model": "studio-upscale"}).content.decode()

    assert f"/generate?task=upscale&amp;model=studio-upscale&amp;input={mine.pk}" in page
    assert str(binned.pk) not in page
    assert str(hers.pk) not in page
    assert "<html" not in alice_client.get("/generate/pick", headers=HTMX).content.decode()


def test_the_button_says_why_it_cannot_be_pressed(
    alice_client: Client, alice: User, viewer: Callable[[User], Viewer]
) -> None:
    hold_credits(company=viewer(alice).company, amount=100, key="everything", cause="test")

    page = alice_client.get(PAGE)

    assert "Not enough credits: this needs 1, you have 0." in text_of(page)
    assert re.search(r'id="generate-button"[^>]* disabled', page.content.decode())


def test_a_model_beyond_the_plan_is_shown_locked(alice_client: Client) -> None:
    AIModel.objects.create(
        slug="ultra", name="Ultra", provider="local", endpoint="scenes", task="text-to-image", tier="premium"
    )

    assert "Not in the Free plan" in text_of(alice_client.get(PAGE))
    chosen = alice_client.get(PAGE, {"model": "ultra"})
    assert "Ultra is not part of the Free plan." in text_of(chosen)
    assert re.search(r'id="generate-button"[^>]* disabled', chosen.content.decode())


def test_without_models_the_page_says_so(alice_client: Client) -> None:
    AIModel.objects.update(is_active=False)

    answer = alice_client.get(PAGE)

    assert answer.status_code == 503
    assert "Nothing can be made at the moment" in text_of(answer)


# --- Refusals ---------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"prompt": "  "}, 422, "Describe what you want to see."),
    ({"prompt": "x" * 4001}, 422, "The prompt has 4001 characters; shorten it to 4000."),
    ({"model": "nothing"}, 422, "There is no model “nothing”."),
    ({"task": "upscale"}, 422, "Choose another model."),
    ({"aspect_ratio": "5:4"}, 422, "Aspect ratio: choose one of 1:1, 16:9"),
    ({"detail": "finest"}, 422, "Detail: choose one of draft, standard, fine."),
    ({"num_images": "9"}, 422, "Choose from 1 to 8 pictures at a time."),
    ({"num_images": "all"}, 422, "Choose from 1 to 8 pictures at a time."),
    ({"seed": "lucky"}, 422, "The seed must be a whole number"),
    ({"inputs": str(uuid4())}, 422, "works from the prompt alone; remove the picture."),
    (RESTYLE, 422, "works from 1 picture: drop, paste or pick it."),
    (RESTYLE | {"inputs": str(uuid4())}, 422, "One of the pictures is not in your gallery."),
    (RESTYLE | {"strength": "2", "image": small_picture}, 422, "Strength: must be at most 1."),
    (
        RESTYLE | {"image": lambda: SimpleUploadedFile("fox.png", b"I am a text.", "image/png")},
        422,
        "This file is not a picture",
    ),
    (RESTYLE | {"image": enormous_picture}, 422, "megapixels fit. Make it smaller"),
    (RESTYLE | {"image": lambda: SimpleUploadedFile("fox.png", bytes(11 << 20), "image/png")}, 413, "too large: 11.0"),
]


@pytest.mark.parametrize(("fields", "status", "sentence"), REFUSED)
def test_a_refusal_says_what_is_wrong_and_leaves_nothing(
    maker: Viewer, alice_client: Client, fields: dict[str, Any], status: int, sentence: str
) -> None:
    before = state_of(maker.company)

    for headers, expected in ((HTMX, 422), ({}, status)):
        sent = {name: value() if callable(value) else value for name, value in (ASKED | fields).items()}
        answer = alice_client.post(PAGE, sent, headers=headers)
        assert answer.status_code == expected
        assert sentence in text_of(answer).replace("\xa0", " ")
        assert 'role="alert"' in answer.content.decode()
        assert state_of(maker.company) == before


def test_a_refused_form_keeps_what_was_typed(maker: Viewer, alice_client: Client) -> None:
    sent = ASKED | {"seed": "lucky", "aspect_ratio": "3:2", "num_images": "5", "key": "first"}

    page = alice_client.post(PAGE, sent, headers=HTMX).content.decode()

    assert "red fox in the snow</textarea>" in page
    assert re.search(r'name="seed"[^>]*value="lucky"[^>]*aria-invalid="true"', re.sub(r"\s+", " ", page))
    assert 'value="3:2" checked' in page
    assert re.search(r'name="num_images" value="5"[^>]* checked', page)
    assert 'name="key" value="first"' in page


def test_too_few_credits_are_refused(maker: Viewer, alice_client: Client) -> None:
    hold_credits(company=maker.company, amount=98, key=f"most-{uuid4()}", cause="test")
    before = state_of(maker.company)

    assert alice_client.post(PAGE, ASKED | {"num_images": "3"}).status_code == 402
    answer = alice_client.post(PAGE, ASKED | {"num_images": "3"}, headers=HTMX)

    assert answer.status_code == 422
    assert "Nothing was charged." in text_of(answer)
    assert state_of(maker.company) == before


def test_the_daily_limit_is_refused_and_a_picture_sent_with_it_is_not_kept(maker: Viewer, alice_client: Client) -> None:
    limit = Plan.objects.get(slug="free").daily_generations
    submit(maker, count=8)
    UsageCounter.objects.filter(company=maker.company).update(used=limit)
    before = state_of(maker.company)

    answer = alice_client.post(PAGE, RESTYLE | {"image": small_picture()})

    assert answer.status_code == 429
    assert "generations a day" in text_of(answer)
    assert state_of(maker.company) == before


def test_another_companys_picture_is_no_input(maker: Viewer, alice_client: Client, bob: User) -> None:
    theirs = AssetFactory(user=bob)
    before = state_of(maker.company)

    answer = alice_client.post(PAGE, RESTYLE | {"inputs": str(theirs.pk)}, headers=HTMX)

    assert answer.status_code == 422
    assert "not in your gallery" in text_of(answer)
    assert state_of(maker.company) == before
    shown = alice_client.get(PAGE, {"input": str(theirs.pk)})
    assert "That picture is not in your gallery." in text_of(shown)
    assert f'name="inputs" value="{theirs.pk}"' not in shown.content.decode()


# --- Sending ----------------------------------------------------------------------------------------------------------


def test_sending_the_form_leads_to_the_job(maker: Viewer, alice_client: Client) -> None:
    answer = alice_client.post(PAGE, ASKED | {"aspect_ratio": "16:9", "num_images": "2", "seed": "7"})

    job = Job.objects.get(company=maker.company)
    assert answer.headers["Location"] == f"/jobs/{job.pk}"
    assert (job.prompt, job.count, job.params["aspect_ratio"], job.params["detail"]) == (
        "red fox in the snow",
        2,
        "16:9",
        "draft",
    )
    assert list(job.outputs.values_list("seed", flat=True)) == [7, 8]
    page = alice_client.get(f"/jobs/{job.pk}").content.decode()
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert 'data-live="running"' in page
    assert page.count('class="shot skeleton is-wide"') == 2


def test_htmx_gets_a_composer_with_a_new_key_and_the_card(maker: Viewer, alice_client: Client) -> None:
    page = alice_client.post(PAGE, ASKED | {"key": "first"}, headers=HTMX).content.decode()

    job = Job.objects.get(company=maker.company)
    assert "red fox in the snow</textarea>" in page
    assert 'name="key" value="first"' not in page
    assert 'hx-swap-oob="afterbegin:#results"' in page
    assert f'id="job-{job.pk}"' in page


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_the_same_form_sent_twice_is_one_job(maker: Viewer, alice_client: Client, headers: dict[str, str]) -> None:
    for _time in range(2):
        answer = alice_client.post(PAGE, ASKED | {"key": "once"}, headers=headers)
        assert answer.status_code in (200, 302)

    assert Job.objects.filter(company=maker.company).count() == 1
    assert Wallet.objects.get(company=maker.company).held == 1


def test_the_same_form_with_a_picture_sent_twice_stores_one(maker: Viewer, alice_client: Client) -> None:
    for _time in range(2):
        answer = alice_client.post(PAGE, RESTYLE | {"key": "once", "image": small_picture()}, headers=HTMX)
        assert answer.status_code == 200

    job = Job.objects.get(company=maker.company)
    state = state_of(maker.company)
    assert (state["assets"], state["wallet"]) == (1, (100, 1))
    # What was sent is chosen for the next time.
    assert f'name="inputs" value="{job.inputs.get().asset_id}"' in answer.content.decode()


def test_use_again_fills_in_what_was_asked_without_the_seed(maker: Viewer, alice_client: Client) -> None:
    asset = AssetFactory(user=maker.user)
    job = submit(
        maker, model="studio-stylise", prompt="calm", params={"strength": 0.25}, inputs=[asset.pk], count=3, seed=7
    )

    page = re.sub(r"\s+", " ", alice_client.get(PAGE, {"again": str(job.pk)}).content.decode())

    assert 'value="studio-stylise"' in page
    assert "calm</textarea>" in page
    assert f'name="inputs" value="{asset.pk}"' in page
    assert re.search(r'name="num_images" value="3"[^>]* checked', page)
    assert re.search(r'name="strength"[^>]*value="0.25"', page)
    assert re.search(r'name="seed"[^>]*value=""', page)


# --- A job ------------------------------------------------------------------------------------------------------------


def test_a_finished_job_shows_its_pictures_and_what_they_cost(
    maker: Viewer, alice_client: Client, scripted: Callable[..., Scripted]
) -> None:
    scripted()
    job = submit(maker, count=2, seed=7)
    pipeline.start(job_id=job.pk)

    answer = alice_client.get(f"/jobs/{job.pk}")

    page = answer.content.decode()
    assert page.count('class="shot-picture"') == 2
    assert 'data-announce="Done: 2 pictures"' in page
    assert "2 credits" in text_of(answer)
    assert "http-equiv" not in page
    assert "data-live" not in page
    for output in job.outputs.all():
        assert f"/a/{output.asset_id}" in page


def test_a_picture_that_went_to_the_bin_is_said_to_be_gone(
    maker: Viewer, alice_client: Client, scripted: Callable[..., Scripted]
) -> None:
    scripted()
    job = submit(maker, count=2)
    pipeline.start(job_id=job.pk)
    alice_client.post(f"/a/{job.outputs.all()[0].asset_id}/delete")

    answer = alice_client.get(f"/jobs/{job.pk}")

    assert answer.content.decode().count('class="shot-picture"') == 1
    assert "1 picture was deleted." in text_of(answer)


def test_a_failed_job_says_why_and_that_nothing_was_charged(maker: Viewer, alice_client: Client) -> None:
    job = submit(maker, count=2)
    ending.fail(job_id=job.pk, code="broken", sentence="The provider sent no picture.")

    answer = alice_client.get(f"/jobs/{job.pk}", headers=HTMX)

    assert "The provider sent no picture. Nothing was charged: 2 credits came back." in text_of(answer)
    assert 'data-announce="Failed: The provider sent no picture. Nothing was charged."' in answer.content.decode()


def test_jobs_that_wait_show_their_place(maker: Viewer, alice_client: Client) -> None:
    first, second = submit(maker), submit(maker)

    places = [
        re.search(r'data-part="status">([^<]+)<', alice_client.get(f"/jobs/{job.pk}").content.decode())
        for job in (first, second)
    ]

    assert all(places)
    numbers = [Job.objects.with_place().get(pk=job.pk).ahead for job in (first, second)]  # type: ignore[attr-defined]
    expected = [f"Place {ahead + 1} in the queue" if ahead else "Next in the queue" for ahead in numbers]
    assert [place[1] for place in places if place] == expected
    assert numbers[1] == numbers[0] + 1


def test_cancel_returns_the_credits_and_the_card(maker: Viewer, alice_client: Client) -> None:
    job = submit(maker, count=3)

    answer = alice_client.post(f"/jobs/{job.pk}/cancel", headers=HTMX)

    assert "Cancelled. Nothing was charged: 3 credits came back." in text_of(answer)
    assert 'data-phase="cancelled"' in answer.content.decode()
    assert Wallet.objects.get(company=maker.company).held == 0


def test_a_running_job_says_that_it_is_stopping(
    maker: Viewer, alice_client: Client, scripted: Callable[..., Scripted]
) -> None:
    pages: list[str] = []

    def look(call: Call, report: Report) -> None:
        cancel_job(job=job)
        pages.append(alice_client.get(f"/jobs/{job.pk}", headers=HTMX).content.decode())

    scripted(before=look)
    job = submit(maker)
    pipeline.start(job_id=job.pk)

    assert 'data-phase="cancelling"' in pages[0]
    assert "/cancel" not in pages[0]
    assert 'data-phase="cancelled"' in alice_client.get(f"/jobs/{job.pk}").content.decode()


@pytest.mark.parametrize(
    ("target", "place"), [("/generate?task=upscale", "/generate?task=upscale"), ("https://example.com/", None)]
)
def test_cancel_without_scripts_goes_back_within_the_site(
    maker: Viewer, alice_client: Client, target: str, place: str | None
) -> None:
    job = submit(maker)

    answer = alice_client.post(f"/jobs/{job.pk}/cancel", {"next": target})

    assert answer.headers["Location"] == (place or f"/jobs/{job.pk}")


def test_cancelling_too_late_says_so_and_changes_nothing(maker: Viewer, alice_client: Client) -> None:
    job = submit(maker)
    ending.fail(job_id=job.pk, code="broken", sentence="The provider sent no picture.")
    before = state_of(maker.company)

    answer = alice_client.post(f"/jobs/{job.pk}/cancel", headers=HTMX)
    followed = alice_client.post(f"/jobs/{job.pk}/cancel", follow=True)

    assert "nothing was cancelled" in text_of(answer)
    assert "nothing was cancelled" in text_of(followed)
    assert state_of(maker.company) == before


def test_a_stranger_finds_no_job(maker: Viewer, bob_client: Client) -> None:
    job = submit(maker, prompt="a secret garden")
    before = state_of(maker.company)

    assert bob_client.get(f"/jobs/{job.pk}").status_code == 404
    assert bob_client.get(f"/jobs/{job.pk}", headers=HTMX).status_code == 404
    assert bob_client.post(f"/jobs/{job.pk}/cancel").status_code == 404
    assert "secret" not in bob_client.get(PAGE, {"again": str(job.pk)}).content.decode()
    assert "secret" not in bob_client.get("/jobs/tray").content.decode()
    assert state_of(maker.company) == before


# --- The tray ---------------------------------------------------------------------------------------------------------


def test_the_tray_is_nothing_without_jobs(client: Client, alice_client: Client) -> None:
    assert client.get("/jobs/tray").status_code == 204
    assert alice_client.get("/jobs/tray").content.strip() == b""


def test_the_tray_shows_what_runs_and_not_what_ended(maker: Viewer, alice_client: Client) -> None:
    running, ended = submit(maker, prompt="still running"), submit(maker, prompt="long gone")
    ending.cancel_waiting(job_id=ended.pk)

    answer = alice_client.get("/jobs/tray")

    assert "1 running" in text_of(answer)
    assert f'data-job="{running.pk}" data-live="running"' in answer.content.decode()
    assert "long gone" not in text_of(answer)


def test_the_pages_ask_as_much_for_twelve_jobs_as_for_one(
    maker: Viewer, alice_client: Client, scripted: Callable[..., Scripted]
) -> None:
    scripted()
    asset = AssetFactory(user=maker.user)

    def ask() -> Job:
        # The daily limit is not what is measured.
        UsageCounter.objects.filter(company=maker.company).update(used=1)
        return submit(maker, model="studio-stylise", prompt="", params={}, inputs=[asset.pk])

    pipeline.start(job_id=ask().pk)
    ask()
    paths = [PAGE, "/jobs/tray", "/generate/pick"]
    few = {path: queries_of(alice_client, path) for path in paths * 2}
    for _job in range(10):
        ask()

    assert {path: queries_of(alice_client, path) for path in paths} == few
    assert alice_client.get(PAGE).content.decode().count('class="job"') == 12


def test_no_setting_of_the_page_lies_about_the_limits(alice_client: Client) -> None:
    page = alice_client.get(PAGE, {"task": "upscale"}).content.decode()

    assert f'data-upload-limit="{settings.UPLOAD_MAX_BYTES}"' in page
    assert "up to 10.0" in page
