"""Masks and sizes: what does not fit its picture or its model is refused by name, and nothing is held."""

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from gallery.models import Asset
from gallery.services import UploadRefused, upload_mask, upload_picture
from generation import pipeline
from generation.models import AIModel, Job
from generation.parameters import InvalidParameter
from generation.requests import InvalidInputs, InvalidMask, attach, build_request
from generation.services import submit_job
from tests.generation.conftest import state_of
from tests.generation.scripted import Scripted

SIZE = (160, 120)


@pytest.fixture
def inpainter(committed_db: None) -> Any:
    """A model that inpaints, of the studio's; a row of the test's own, so that no other test's change meets it."""
    own = AIModel.objects.create(
        slug="own-inpaint",
        name="Own inpaint",
        provider="local",
        endpoint="inpaint",
        task="inpaint",
        resubmittable=True,
        min_side=100,
        max_side=400,
    )
    yield own
    Job.objects.filter(model=own).update(model=AIModel.objects.get(slug="studio-scenes"))
    own.delete()


def drawn(mode: str = "RGB", size: tuple[int, int] = SIZE, white: bool = True) -> SimpleUploadedFile:
    picture = Image.new(mode, size, 0 if mode == "L" else (90, 120, 60))
    if white and mode == "L":
        picture.paste(255, (size[0] // 3, size[1] // 3, size[0] // 2, size[1] // 2))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return SimpleUploadedFile("drawn.png", file.getvalue(), "image/png")


def ask(viewer: Viewer, **fields: Any) -> Any:
    return build_request(
        **{"viewer": viewer, "model": "own-inpaint", "prompt": "a calm lake", "params": {}} | fields  # type: ignore[arg-type]
    )


def test_a_masked_picture_is_made_and_its_parent_is_the_picture_alone(
    maker: Viewer, inpainter: AIModel, scripted: Callable[..., Scripted]
) -> None:
    provider = scripted()
    picture, mask = upload_picture(viewer=maker, file=drawn()), upload_mask(viewer=maker, file=drawn("L"))
    request = ask(maker, inputs=[picture.pk], mask=mask.pk, seed=3)
    job = submit_job(viewer=maker, request=request, key=str(uuid4()))
    pipeline.start(job_id=job.pk)

    job.refresh_from_db()
    assert (job.state, job.failure) == ("succeeded", "")
    assert Asset.objects.get(company=maker.company, origin="made").parents == [picture.pk]
    sent = provider.calls[0].inputs
    assert [(file.role, file.width, file.height) for file in sent] == [("image", *SIZE), ("mask", *SIZE)]
    with sent[1].open() as file, Image.open(file) as white:
        assert (white.mode, white.getpixel((70, 50)), white.getpixel((1, 1))) == ("L", 255, 0)


def test_a_mask_of_another_size_is_refused_with_both_sizes(maker: Viewer, inpainter: AIModel) -> None:
    picture = upload_picture(viewer=maker, file=drawn())
    mask = upload_mask(viewer=maker, file=drawn("L", (120, 160)))
    before = state_of(maker.company)

    with pytest.raises(InvalidMask, match=r"120 × 160.*160 × 120") as caught:
        ask(maker, inputs=[picture.pk], mask=mask.pk)

    assert (caught.value.field, caught.value.problem_code) == ("mask", "mask_size")
    assert state_of(maker.company) == before


def test_what_is_uploaded_with_the_form_is_judged_in_the_same_way(maker: Viewer, inpainter: AIModel) -> None:
    request = ask(maker, uploads=1, mask_uploads=1)
    picture = upload_picture(viewer=maker, file=drawn())

    with pytest.raises(InvalidMask):
        attach(request, inputs=[picture], mask=upload_mask(viewer=maker, file=drawn("L", (50, 50))))


@pytest.mark.parametrize(
    ("size", "code"), [((99, 300), "picture_too_small"), ((401, 120), "picture_too_large")], ids=["small", "large"]
)
def test_a_picture_that_the_model_cannot_take_is_refused_by_its_size(
    maker: Viewer, inpainter: AIModel, size: tuple[int, int], code: str
) -> None:
    picture = upload_picture(viewer=maker, file=drawn(size=size))

    with pytest.raises(InvalidInputs) as caught:
        ask(maker, inputs=[picture.pk], mask_uploads=1)

    assert (caught.value.field, caught.value.problem_code) == ("inputs", code)


def test_a_mask_is_asked_for_where_one_is_needed_and_refused_elsewhere(maker: Viewer, inpainter: AIModel) -> None:
    picture, mask = upload_picture(viewer=maker, file=drawn()), upload_mask(viewer=maker, file=drawn("L"))
    for fields in (
        {"inputs": [picture.pk]},
        {"inputs": [picture.pk], "mask": picture.pk},
        {"inputs": [picture.pk], "mask": uuid4()},
        {"inputs": [picture.pk], "mask": mask.pk, "model": "studio-stylise"},
    ):
        with pytest.raises(InvalidMask) as caught:
            ask(maker, **fields)
        assert caught.value.field == "mask"


def test_a_mask_is_no_picture_to_work_from(maker: Viewer, inpainter: AIModel) -> None:
    mask = upload_mask(viewer=maker, file=drawn("L"))

    with pytest.raises(InvalidInputs):
        ask(maker, inputs=[mask.pk], mask_uploads=1)


def test_a_mask_that_changes_nothing_is_refused_and_not_kept(maker: Viewer) -> None:
    before = state_of(maker.company)

    with pytest.raises(UploadRefused, match="black everywhere") as caught:
        upload_mask(viewer=maker, file=drawn("L", white=False), field="mask_file")

    assert (caught.value.field, caught.value.problem_code) == ("mask_file", "empty_mask")
    assert state_of(maker.company) == before


def test_a_strangers_mask_and_picture_are_not_found(maker: Viewer, inpainter: AIModel, bob: User, viewer: Any) -> None:
    picture, mask = upload_picture(viewer=maker, file=drawn()), upload_mask(viewer=maker, file=drawn("L"))
    stranger = viewer(bob)

    with pytest.raises(InvalidInputs):
        ask(stranger, inputs=[picture.pk], mask_uploads=1)
    own = upload_picture(viewer=stranger, file=drawn())
    with pytest.raises(InvalidMask):
        ask(stranger, inputs=[own.pk], mask=mask.pk)


def test_the_api_inpaints_and_prices_it_before(maker: Viewer, inpainter: AIModel, alice_api: APIClient) -> None:
    picture = alice_api.post("/api/v1/uploads", {"file": drawn()}, format="multipart").json()
    mask = alice_api.post("/api/v1/uploads", {"file": drawn("L"), "purpose": "mask"}, format="multipart").json()
    asked = {"model": "own-inpaint", "prompt": "a lake", "inputs": [picture["id"]], "mask": mask["id"]}

    priced = alice_api.post("/api/v1/jobs", asked | {"dry_run": True}, format="json")
    made = alice_api.post("/api/v1/jobs", asked, format="json")
    refused = alice_api.post("/api/v1/jobs", asked | {"mask": None}, format="json")

    assert (priced.status_code, priced.json()["credits"]) == (200, 1)
    assert (made.status_code, made.json()["task"]) == (201, "inpaint")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "mask"


def test_an_extended_picture_must_grow_somewhere(maker: Viewer, inpainter: AIModel) -> None:
    sides = {name: {"type": "integer", "default": 0} for name in ("left", "right", "top", "bottom")}
    AIModel.objects.filter(pk=inpainter.pk).update(task="outpaint", parameters={"type": "object", "properties": sides})
    picture = upload_picture(viewer=maker, file=drawn())

    with pytest.raises(InvalidParameter, match="which side") as caught:
        ask(maker, inputs=[picture.pk])

    assert caught.value.field == "right"
    assert ask(maker, inputs=[picture.pk], params={"top": 40}).params["top"] == 40


@pytest.mark.parametrize(("scale", "fits"), [(2, True), (4, False)])
def test_a_result_that_nobody_could_keep_is_refused_before_it_is_paid(
    maker: Viewer, inpainter: AIModel, scale: int, fits: bool
) -> None:
    schema = {"type": "object", "properties": {"scale": {"type": "integer", "enum": [2, 4], "default": 2}}}
    AIModel.objects.filter(pk=inpainter.pk).update(task="upscale", parameters=schema, max_side=None)
    picture = upload_picture(viewer=maker, file=drawn(size=(2000, 2000)))
    before = state_of(maker.company)

    if fits:
        assert ask(maker, prompt="", inputs=[picture.pk], params={"scale": scale}).params["scale"] == scale
        return
    with pytest.raises(InvalidParameter, match="64 megapixels") as caught:
        ask(maker, prompt="", inputs=[picture.pk], params={"scale": scale})
    assert (caught.value.field, caught.value.problem_code) == ("scale", "output_too_large")
    assert state_of(maker.company) == before
