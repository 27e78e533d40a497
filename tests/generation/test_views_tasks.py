"""Generate for every task: tabs, references, masks, wider canvases, styles and the price of what is chosen."""

import io
import re
from collections.abc import Callable
from html import unescape
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from accounts.models import User
from accounts.viewer import Viewer
from gallery.models import Asset
from generation.models import Job, Preset
from tests.factories.gallery import AssetFactory
from tests.generation.conftest import state_of
from tests.generation.task_models import ROWS, offer_only

PAGE = "/generate"
PRICE = "/generate/price"
HTMX = {"HX-Request": "true"}
Captured = Callable[..., object]


def text_of(answer: HttpResponse) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def flat(answer: HttpResponse) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def png(size: tuple[int, int] = (64, 48), colour: str = "orange", name: str = "fox.png") -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return SimpleUploadedFile(name, file.getvalue(), "image/png")


def mask(size: tuple[int, int] = (64, 48), painted: tuple[int, int, int, int] = (8, 8, 40, 40)) -> SimpleUploadedFile:
    image = Image.new("L", size, 0)
    image.paste(255, painted)
    file = io.BytesIO()
    image.save(file, "PNG")
    return SimpleUploadedFile("mask.png", file.getvalue(), "image/png")


def inputs_on(answer: HttpResponse) -> list[UUID]:
    """The pictures that the form would send."""
    return [UUID(text) for text in re.findall(r'name="inputs" value="([^"]+)"', answer.content.decode())]


def prices_on(answer: HttpResponse) -> list[int]:
    """Credits for 1, 2, … outputs."""
    return [int(text) for text in re.findall(r'name="num_images"[^>]*data-price="(\d+)"', flat(answer))]


# --- Tabs -------------------------------------------------------------------------------------------------------------


def test_tabs_come_in_groups_and_a_group_shows_its_tasks(alice_client: Client) -> None:
    offer_only(*ROWS)

    page = alice_client.get(PAGE, {"task": "outpaint"}).content.decode()

    assert re.findall(r'id="group-([\w-]+)"', page) == [
        "text-to-image",
        "image-to-image",
        "upscale",
        "text-to-video",
        "image-to-3d",
    ]
    edits = ["image-to-image", "edit", "inpaint", "outpaint", "remove-background", "variation"]
    assert re.findall(r'id="tab-([\w-]+)"', page) == edits
    assert re.search(r'id="tab-outpaint"[^>]*aria-current="true"', re.sub(r"\s+", " ", page))
    films = alice_client.get(PAGE, {"task": "image-to-video"}).content.decode()
    assert re.findall(r'id="tab-([\w-]+)"', films) == ["text-to-video", "image-to-video"]


def test_what_no_model_does_has_no_tab(alice_client: Client) -> None:
    offer_only("text-to-image", "upscale")

    page = alice_client.get(PAGE, {"task": "inpaint"}).content.decode()

    assert re.findall(r'id="(?:group|tab)-([\w-]+)"', page) == ["text-to-image", "upscale"]


def test_words_and_pictures_travel_from_task_to_task(alice: User, alice_client: Client) -> None:
    offer_only(*ROWS)
    first, second = AssetFactory(user=alice), AssetFactory(user=alice)

    page = alice_client.get(PAGE, {"task": "edit", "inputs": [str(first.pk), str(second.pk)], "prompt": "a <lake>"})

    link = re.search(r'id="tab-outpaint" href="([^"]+)"', flat(page))
    assert link
    there = alice_client.get(unescape(link[1]))
    assert inputs_on(there) == [first.pk]
    assert "a &lt;lake&gt;</textarea>" in there.content.decode()
    words_only = alice_client.get(PAGE, {"task": "text-to-image", "inputs": str(first.pk)})
    assert inputs_on(words_only) == []
    assert f"task=upscale&amp;inputs={first.pk}" in words_only.content.decode()


# --- Several pictures -------------------------------------------------------------------------------------------------


def test_several_pictures_keep_their_order_and_each_can_be_taken_away(alice: User, alice_client: Client) -> None:
    offer_only("edit")
    one, two, three = (AssetFactory(user=alice) for _ in range(3))

    page = alice_client.get(PAGE, {"inputs": [str(three.pk), str(one.pk)], "input": str(two.pk), "task": "edit"})

    assert inputs_on(page) == [three.pk, one.pk, two.pk]
    removal = re.search(rf'id="remove-{one.pk}" href="([^"]+)"', flat(page))
    assert removal
    assert inputs_on(alice_client.get(unescape(removal[1]))) == [three.pk, two.pk]
    assert re.search(r'id="source-zone" hidden', flat(page)), "three are all that fit"
    picks = alice_client.get("/generate/pick", {"task": "edit", "inputs": [str(three.pk), str(one.pk)]})
    assert f"inputs={three.pk}&amp;inputs={one.pk}&amp;input={two.pk}" in picks.content.decode()
    assert "Chosen as number 2" in text_of(picks)


def test_where_one_picture_fits_the_picked_one_takes_its_place(alice: User, alice_client: Client) -> None:
    offer_only("upscale")
    old, new = AssetFactory(user=alice), AssetFactory(user=alice)

    page = alice_client.get(PAGE, {"task": "upscale", "inputs": str(old.pk), "input": str(new.pk)})

    assert inputs_on(page) == [new.pk]


def test_only_pictures_are_offered_and_taken_as_sources(alice: User, alice_client: Client) -> None:
    offer_only("upscale")
    picture, film, hidden = (AssetFactory(user=alice) for _ in range(3))
    Asset.objects.filter(pk=film.pk).update(kind=Asset.Kind.VIDEO)
    Asset.objects.filter(pk=hidden.pk).update(kind=Asset.Kind.MASK)

    picks = alice_client.get("/generate/pick").content.decode()
    page = alice_client.get(PAGE, {"task": "upscale", "input": str(film.pk)})

    assert re.findall(r'id="pick-([\w-]+)"', picks) == [str(picture.pk)]
    assert inputs_on(page) == []
    assert "That picture is not in your gallery." in text_of(page)


def test_pictures_of_the_gallery_come_before_those_that_are_sent(alice: User, alice_client: Client) -> None:
    offer_only("edit")
    kept = AssetFactory(user=alice)
    sent = {"model": "only-edit", "prompt": "winter", "num_images": "1", "inputs": str(kept.pk)}

    answer = alice_client.post(PAGE, sent | {"image": [png(name="a.png"), png(name="b.png")]}, headers=HTMX)

    job = Job.objects.get(company=kept.company)
    names = [row.asset.original_name for row in job.inputs.order_by("position") if row.asset]
    assert names == ["", "a.png", "b.png"]
    assert inputs_on(answer) == list(job.inputs.order_by("position").values_list("asset_id", flat=True))


def test_one_bad_file_among_several_leaves_nothing(
    alice: User, alice_client: Client, viewer: Callable[[User], Viewer], django_capture_on_commit_callbacks: Captured
) -> None:
    offer_only("edit")
    before = state_of(viewer(alice).company)
    sent = {"model": "only-edit", "prompt": "winter", "num_images": "1"}
    files = [png(), SimpleUploadedFile("b.png", b"I am a text.", "image/png")]

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        answer = alice_client.post(PAGE, sent | {"image": files}, headers=HTMX)

    assert answer.status_code == 422
    assert "This file is not a picture" in text_of(answer)
    assert "data-source-refused" in answer.content.decode()
    assert state_of(viewer(alice).company) == before


def test_too_many_pictures_are_refused_before_any_is_stored(
    alice: User, alice_client: Client, viewer: Callable[[User], Viewer]
) -> None:
    offer_only("edit")
    before = state_of(viewer(alice).company)
    sent = {"model": "only-edit", "prompt": "winter", "num_images": "1", "image": [png() for _ in range(4)]}

    answer = alice_client.post(PAGE, sent, headers=HTMX)

    assert "works from 1 to 3 pictures" in text_of(answer)
    assert state_of(viewer(alice).company) == before


# --- Masks and wider canvases -----------------------------------------------------------------------------------------

INPAINT = {"model": "only-inpaint", "prompt": "", "num_images": "1"}


def test_a_picture_and_its_mask_become_one_job(alice: User, alice_client: Client) -> None:
    offer_only("inpaint")

    answer = alice_client.post(PAGE, INPAINT | {"image": png(), "mask_file": mask()}, headers=HTMX)

    job = Job.objects.get(user=alice)
    roles = {row.role: row.asset for row in job.inputs.all()}
    assert {role: asset.kind for role, asset in roles.items() if asset} == {"image": "image", "mask": "mask"}
    # What was painted is there for the next time, and so is the picture.
    assert f'name="mask" value="{roles["mask"].pk}"' in flat(answer)  # type: ignore[union-attr]
    assert re.search(r'data-mask="/[^"]+"', flat(answer))
    again = alice_client.get(PAGE, {"again": str(job.pk)})
    assert f'name="mask" value="{roles["mask"].pk}"' in flat(again)  # type: ignore[union-attr]
    card = alice_client.get(f"/jobs/{job.pk}").content.decode()
    assert str(roles["mask"].pk) not in card  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("painted", "sentence"),
    [
        (None, "Paint what should change"),
        (mask(size=(32, 32)), "The mask is 32 × 32 and the picture is 64 × 48 pixels."),
        (mask(painted=(0, 0, 0, 0)), "Paint what should change"),
        (SimpleUploadedFile("mask.png", b"I am a text.", "image/png"), ""),
    ],
    ids=["none", "another size", "all black", "no picture"],
)
def test_a_mask_that_cannot_be_used_is_refused_at_the_editor(
    alice: User,
    alice_client: Client,
    viewer: Callable[[User], Viewer],
    django_capture_on_commit_callbacks: Captured,
    painted: SimpleUploadedFile | None,
    sentence: str,
) -> None:
    offer_only("inpaint")
    before = state_of(viewer(alice).company)
    files = {"image": png()} | ({"mask_file": painted} if painted else {})

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        answer = alice_client.post(PAGE, INPAINT | files, headers=HTMX)

    assert answer.status_code == 422
    said = re.search(r'id="mask-error" role="alert">([^<]+)<', flat(answer))
    assert said
    assert sentence in unescape(said[1])
    assert state_of(viewer(alice).company) == before


def test_a_strangers_mask_is_not_shown(alice: User, alice_client: Client, bob: User) -> None:
    offer_only("inpaint")
    theirs, picture = AssetFactory(user=bob), AssetFactory(user=alice)
    Asset.objects.filter(pk=theirs.pk).update(kind=Asset.Kind.MASK)

    page = alice_client.get(PAGE, {"task": "inpaint", "input": str(picture.pk), "mask": str(theirs.pk)})

    assert str(theirs.pk) not in page.content.decode()


def test_a_picture_that_grows_nowhere_is_refused_at_its_sides(alice: User, alice_client: Client) -> None:
    offer_only("outpaint")
    sent = {"model": "only-outpaint", "num_images": "1", "left": "0", "image": png()}

    answer = alice_client.post(PAGE, sent, headers=HTMX)

    assert re.search(r'id="expand-error" role="alert">Say on which side', flat(answer))
    made = alice_client.post(PAGE, sent | {"left": "32", "image": png()})
    assert Job.objects.get(user=alice).params == {"left": 32, "right": 0, "top": 0, "bottom": 0}
    assert made.status_code == 302


# --- Prices -----------------------------------------------------------------------------------------------------------


def test_a_video_costs_what_its_seconds_cost(alice_client: Client) -> None:
    offer_only("text-to-video", "image-to-video")

    shown = alice_client.get(PAGE, {"task": "text-to-video"})
    longer = alice_client.get(PRICE, {"task": "text-to-video", "model": "only-text-to-video", "duration": "8"})

    assert prices_on(shown) == [28]
    assert 'id="generate-price">28 credits<' in shown.content.decode()
    assert prices_on(longer) == [56]
    assert 'id="price-of-only-text-to-video" hx-swap-oob="true">56 credits<' in longer.content.decode()
    assert "<html" not in longer.content.decode()


def test_each_value_that_is_paid_for_says_what_it_costs(alice_client: Client) -> None:
    offer_only("image-to-3d")

    page = alice_client.get(PAGE, {"task": "image-to-3d"})

    assert re.findall(r'id="price-quality-\d">(\d+) credits<', page.content.decode()) == ["35", "52", "70"]
    high = alice_client.get(PRICE, {"task": "image-to-3d", "quality": "high"})
    assert prices_on(high) == [70]


def test_prices_follow_the_size_of_the_picture(alice: User, alice_client: Client) -> None:
    offer_only("outpaint")
    picture = AssetFactory(user=alice, width=1600, height=1200)
    asked = {"task": "outpaint", "model": "only-outpaint"}

    assert prices_on(alice_client.get(PRICE, asked))[:2] == [7, 14]
    assert prices_on(alice_client.get(PRICE, asked | {"inputs": str(picture.pk)}))[:2] == [14, 28]
    assert prices_on(alice_client.get(PRICE, asked | {"inputs": str(picture.pk), "right": "1000"}))[0] == 28
    assert prices_on(alice_client.get(PRICE, asked | {"source_size": "1600x1200"}))[0] == 14
    assert prices_on(alice_client.get(PRICE, asked | {"source_size": "wide", "right": "far"}))[0] == 7


def test_the_price_that_is_shown_is_the_price_that_is_held(alice: User, alice_client: Client) -> None:
    offer_only("outpaint")
    picture = AssetFactory(user=alice, width=1600, height=1200)
    asked = {"task": "outpaint", "model": "only-outpaint", "inputs": str(picture.pk), "right": "1000"}
    shown = prices_on(alice_client.get(PRICE, asked))[1]

    alice_client.post(PAGE, asked | {"num_images": "2"})

    assert Job.objects.get(user=alice).credits == shown


def test_too_dear_a_video_may_still_be_made_shorter(
    alice: User, alice_client: Client, viewer: Callable[[User], Viewer]
) -> None:
    offer_only("text-to-video", provider_cost="0.5")

    page = alice_client.get(PAGE, {"task": "text-to-video"})

    assert "Not enough credits: this needs 700, you have 100." in text_of(page)
    assert not re.search(r'id="generate-button"[^>]* disabled', page.content.decode())


# --- Styles -----------------------------------------------------------------------------------------------------------


def test_a_style_is_chosen_for_the_words(alice: User, alice_client: Client) -> None:
    offer_only("text-to-image", "upscale")
    Preset.objects.create(slug="of-tests", name="Of tests", template="{prompt}, as in a test")
    Preset.objects.create(slug="no-more", name="No more", template="{prompt}, gone", is_active=False)

    page = alice_client.get(PAGE)
    assert 'id="preset-of-tests"' in page.content.decode()
    assert 'id="preset-no-more"' not in page.content.decode()
    assert re.search(r'id="preset-none"[^>]* checked', page.content.decode())
    assert "preset-none" not in alice_client.get(PAGE, {"task": "upscale"}).content.decode()

    sent = {"model": "only-text-to-image", "prompt": "red fox", "num_images": "1", "preset": "of-tests"}
    answer = alice_client.post(PAGE, sent, headers=HTMX)
    job = Job.objects.get(user=alice)
    assert (job.prompt, job.wording) == ("red fox", "red fox, as in a test")
    assert re.search(r'id="preset-of-tests"[^>]* checked', answer.content.decode())
    again = alice_client.get(PAGE, {"again": str(job.pk)})
    assert re.search(r'id="preset-of-tests"[^>]* checked', again.content.decode())
    refused = alice_client.post(PAGE, sent | {"preset": "nothing"}, headers=HTMX)
    assert re.search(r'id="preset-error" role="alert">There is no style', flat(refused))


# --- Cost of the pages ------------------------------------------------------------------------------------------------


def test_the_composer_asks_as_much_for_three_pictures_as_for_one(alice: User, alice_client: Client) -> None:
    offer_only("edit")
    ids = [str(AssetFactory(user=alice).pk) for _ in range(3)]

    def queries(path: str, count: int) -> int:
        with CaptureQueriesContext(connection) as found:
            assert alice_client.get(path, {"task": "edit", "inputs": ids[:count]}).status_code == 200
        return len(found)

    for path in (PAGE, PRICE, "/generate/pick"):
        queries(path, 1)
        assert queries(path, 1) == queries(path, 3), path


def test_an_address_with_nonsense_shows_the_page(alice_client: Client) -> None:
    for values in ({"inputs": ["x"] * 40}, {"input": "x", "task": "edit"}, {"mask": "x"}, {"before": "x"}):
        assert alice_client.get(PAGE, values).status_code == 200
        assert alice_client.get("/generate/pick", values).status_code == 200
        assert alice_client.get(PRICE, values).status_code == 200
    assert alice_client.get(PAGE, {"task": "upscale", "inputs": [str(uuid4()) for _ in range(40)]}).status_code == 200
