"""What can be made of a picture in one click: what is offered, at which price, and what a click does."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.viewer import Viewer
from billing.services import hold_credits
from gallery.models import Asset
from generation import pipeline
from generation.cards import cards_of
from generation.models import AIModel, Job
from generation.selectors import jobs_with_sources
from tests.factories.gallery import AssetFactory
from tests.factories.generation import submit
from tests.generation.conftest import state_of
from tests.generation.task_models import ROWS, offer_only

HTMX = {"HX-Request": "true"}


def text_of(answer: HttpResponse) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def form_of(answer: HttpResponse, task: str) -> dict[str, str]:
    """What the button of a task would send."""
    for form in re.findall(r"<form.*?</form>", answer.content.decode(), re.DOTALL):
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        if fields.get("task") == task:
            return fields
    raise AssertionError(f"no button for {task}")


@pytest.fixture
def picture(alice: User) -> Asset:
    offer_only(*ROWS)
    return AssetFactory(user=alice, width=1600, height=1200)


def test_each_task_is_one_click_with_its_price(alice_client: Client, picture: Asset) -> None:
    page = alice_client.get(f"/generate/for/{picture.pk}")

    said = text_of(page)
    for label in ("Upscale · 56 credits", "Cut out · 3 credits", "Vary · 7 credits", "To 3D · 35 credits"):
        assert label in said
    assert "Animate · 28 credits" in said
    for task in ("edit", "inpaint", "outpaint"):
        assert f'href="/generate?task={task}&amp;input={picture.pk}"' in page.content.decode()
    assert "<html" not in alice_client.get(f"/generate/for/{picture.pk}", headers=HTMX).content.decode()


def test_a_click_makes_it_at_that_price(alice_client: Client, picture: Asset) -> None:
    address = f"/generate/for/{picture.pk}"
    fields = form_of(alice_client.get(address), "upscale")

    answer = alice_client.post(address, fields)
    again = alice_client.post(address, fields, headers=HTMX)

    job = Job.objects.get(company=picture.company)
    assert answer.headers["Location"] == f"/jobs/{job.pk}"
    assert (job.task, job.credits, job.params) == ("upscale", 56, {"scale": 2})
    assert [row.asset_id for row in job.inputs.all()] == [picture.pk]
    assert f'id="job-{job.pk}"' in again.content.decode()
    assert 'data-live="running"' in again.content.decode()
    # The next click is another job; of another task, for these credits are held.
    assert form_of(again, "variation")["key"] != form_of(alice_client.get(address), "variation")["key"]
    assert "you have 44" in text_of(again)


def test_a_price_that_changed_meanwhile_is_not_taken(alice_client: Client, picture: Asset) -> None:
    address = f"/generate/for/{picture.pk}"
    fields = form_of(alice_client.get(address), "upscale")
    AIModel.objects.filter(slug="only-upscale").update(provider_cost="0.04")
    before = state_of(picture.company)

    answer = alice_client.post(address, fields, headers=HTMX)

    assert answer.status_code == 422
    assert "Upscale costs 112 credits now." in text_of(answer)
    assert state_of(picture.company) == before
    assert alice_client.post(address, fields).status_code == 409


@pytest.mark.parametrize("task", ["edit", "inpaint", "outpaint", "text-to-image", "nothing"])
def test_what_needs_more_than_a_click_is_refused(alice_client: Client, picture: Asset, task: str) -> None:
    before = state_of(picture.company)

    answer = alice_client.post(f"/generate/for/{picture.pk}", {"task": task})

    assert answer.status_code == 409
    assert "in one click" in text_of(answer)
    assert state_of(picture.company) == before


def test_the_cheapest_model_of_the_plan_makes_it(alice_client: Client, picture: Asset) -> None:
    shared = {
        "provider": "local",
        "endpoint": "scenes",
        "task": "variation",
        "prompt_use": "none",
        "resubmittable": True,
    }
    AIModel.objects.create(slug="dear", name="Dear", provider_cost="0.5", **shared)
    AIModel.objects.create(slug="locked", name="Locked", provider_cost="0.001", tier="premium", **shared)
    AIModel.objects.create(slug="cheap", name="Cheap", provider_cost="0.01", **shared)
    address = f"/generate/for/{picture.pk}"

    alice_client.post(address, form_of(alice_client.get(address), "variation"))

    assert Job.objects.get(company=picture.company).model.slug == "cheap"


def test_what_the_plan_or_the_credits_forbid_says_so(
    alice: User, alice_client: Client, picture: Asset, viewer: Callable[[User], Viewer]
) -> None:
    AIModel.objects.filter(task="image-to-3d").update(tier="premium")
    hold_credits(company=viewer(alice).company, amount=80, key="most", cause="test")

    page = alice_client.get(f"/generate/for/{picture.pk}")

    said = text_of(page)
    assert "Not in the Free plan" in said
    assert "Not enough credits: you have 20" in said
    assert re.search(r'id="offer-image-to-3d" type="button" disabled', page.content.decode())
    assert re.search(r'id="offer-upscale" type="button" disabled', page.content.decode())
    assert form_of(page, "variation")["price"] == "7"
    before = state_of(picture.company)
    answer = alice_client.post(f"/generate/for/{picture.pk}", {"task": "upscale"}, headers=HTMX)
    assert answer.status_code == 422
    assert "credits" in text_of(answer)
    assert state_of(picture.company) == before


@pytest.mark.parametrize("kind", [Asset.Kind.VIDEO, Asset.Kind.MESH])
def test_of_a_video_or_a_mesh_nothing_is_made(alice_client: Client, picture: Asset, kind: str) -> None:
    Asset.objects.filter(pk=picture.pk).update(kind=kind)

    page = alice_client.get(f"/generate/for/{picture.pk}")

    assert 'class="offer"' not in page.content.decode()
    assert "Use prompt again" in text_of(page)
    assert alice_client.post(f"/generate/for/{picture.pk}", {"task": "upscale"}).status_code == 409


def test_masks_binned_pictures_and_those_of_others_are_not_found(
    alice_client: Client, bob_client: Client, picture: Asset
) -> None:
    address = f"/generate/for/{picture.pk}"

    for method in (bob_client.get, bob_client.post):
        assert method(address).status_code == 404
    Asset.objects.filter(pk=picture.pk).update(kind=Asset.Kind.MASK)
    assert alice_client.get(address).status_code == 404
    Asset.objects.filter(pk=picture.pk).update(kind=Asset.Kind.IMAGE, deleted_at=timezone.now())
    assert alice_client.get(address).status_code == 404


# --- Cards ------------------------------------------------------------------------------------------------------------


def test_a_card_says_which_model_stood_in(alice: User, viewer: Callable[[User], Viewer], picture: Asset) -> None:
    job = submit(viewer(alice), model="only-text-to-image", params={})
    Job.objects.filter(pk=job.pk).update(asked_model=AIModel.objects.get(slug="only-edit"))

    card = cards_of(viewer(alice), jobs_with_sources(viewer(alice)))[0]

    assert card.note == "Made by Only text-to-image, because Only edit was not available."


def test_videos_and_meshes_are_told_from_pictures(
    maker: Viewer, alice_client: Client, scripted: Callable[..., object]
) -> None:
    scripted()
    job = submit(maker, count=2, seed=7)
    pipeline.start(job_id=job.pk)
    first, second = (output.asset_id for output in job.outputs.all())
    Asset.objects.filter(pk=first).update(kind=Asset.Kind.VIDEO, seconds=3.9)
    Asset.objects.filter(pk=second).update(kind=Asset.Kind.MESH)

    answer = alice_client.get(f"/jobs/{job.pk}")

    page = answer.content.decode()
    assert 'alt="Video 1 of 2: ' in page
    assert 'alt="3D model 2 of 2: ' in page
    assert "4 s" in text_of(answer)
    assert f'id="edit-{first}"' not in page
    assert f'id="download-{first}"' in page


def test_a_repeated_job_shows_what_is_there_at_no_charge(
    maker: Viewer, alice_client: Client, scripted: Callable[..., object]
) -> None:
    scripted()
    first = submit(maker, prompt="twice the same", seed=7)
    pipeline.start(job_id=first.pk)

    second = submit(maker, prompt="twice the same", seed=7)

    answer = alice_client.get(f"/jobs/{second.pk}")
    assert "Already in your gallery · no charge" in text_of(answer)
    assert answer.content.decode().count('class="shot-picture"') == 1
    assert "0 credits" in text_of(answer)
