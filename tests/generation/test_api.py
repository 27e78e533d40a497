"""The catalogue and jobs as a program sees them."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from generation import pipeline
from generation.models import Job
from tests.generation.conftest import state_of

JOBS = "/api/v1/jobs"
ASKED: dict[str, Any] = {"model": "studio-scenes", "prompt": "red fox in the snow", "detail": "draft", "seed": 3}


def test_the_catalogue_tells_tasks_prices_and_parameters_to_anybody(db: None) -> None:
    rows = {row["slug"]: row for row in APIClient().get("/api/v1/models").json()}

    scenes = rows["studio-scenes"]
    assert (scenes["task"], scenes["credits"], scenes["provider"]) == ("text-to-image", 1, "local")
    assert "16:9" in scenes["parameters"]["properties"]["aspect_ratio"]["enum"]


def test_a_job_from_submit_to_picture(maker: Viewer, alice_api: APIClient) -> None:
    answer = alice_api.post(JOBS, ASKED | {"task": "text-to-image", "aspect_ratio": "4:3", "num_images": 2})

    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["credits"], made["outputs"]) == ("queued", 2, [])
    assert made["queue_position"] >= 1
    assert alice_api.get(f"{JOBS}/{made['id']}/result").status_code == 409

    pipeline.start(job_id=made["id"])

    done = alice_api.get(f"{JOBS}/{made['id']}").json()
    assert (done["state"], done["progress"], done["failure"]) == ("succeeded", 100, None)
    assert [output["seed"] for output in done["outputs"]] == [3, 4]
    assert alice_api.get(f"{JOBS}/{made['id']}/result").json()["outputs"]
    for address in (done["outputs"][0]["url"], done["outputs"][0]["thumbnail_url"]):
        file = APIClient().get(address)
        assert file.status_code == 200
        assert file["Content-Type"].startswith("image/")
        assert b"".join(file.streaming_content)
        file.close()
    assert alice_api.get("/api/v1/credits/balance").json()["balance"] == 98


def test_the_same_idempotency_key_is_one_job(maker: Viewer, alice_api: APIClient) -> None:
    key = str(uuid4())

    first = alice_api.post(JOBS, ASKED, headers={"Idempotency-Key": key})
    before = state_of(maker.company)
    second = alice_api.post(JOBS, ASKED, headers={"Idempotency-Key": key})
    other = alice_api.post(JOBS, ASKED | {"seed": 4}, headers={"Idempotency-Key": key})

    assert first.json()["id"] == second.json()["id"]
    assert (second.status_code, other.status_code) == (201, 422)
    assert other.json()["code"] == "idempotency_key_reused"
    assert state_of(maker.company) == before


def test_a_dry_run_prices_and_changes_nothing(maker: Viewer, alice_api: APIClient) -> None:
    before = state_of(maker.company)

    answer = alice_api.post(JOBS, ASKED | {"num_images": 8, "dry_run": True})

    assert (answer.status_code, answer.json()) == (200, {"credits": 8, "available": 100, "affordable": True})
    assert state_of(maker.company) == before


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"prompt": ""}, 422, "prompt"),
        ({"prompt": "x" * 4001}, 422, "prompt"),
        ({"prompt": ["no", "text"]}, 422, "prompt"),
        ({"model": "no-such"}, 422, "model"),
        ({"model": None}, 422, "model"),
        ({"task": "juggle"}, 422, "task"),
        ({"task": "upscale"}, 422, "task"),
        ({"aspect_ratio": "7:1"}, 422, "aspect_ratio"),
        ({"guidance": 3}, 422, "guidance"),
        ({"num_images": 9}, 422, "num_images"),
        ({"num_images": "many"}, 422, "num_images"),
        ({"seed": 2**40}, 422, "seed"),
        ({"inputs": ["not-an-id"]}, 422, "inputs.0"),
        ({"inputs": [str(uuid4())]}, 422, "inputs"),
        ({"parameters": "text"}, 422, "parameters"),
    ],
)
def test_bad_input_is_a_problem_document_that_names_the_field_and_changes_nothing(
    maker: Viewer, alice_api: APIClient, change: dict[str, Any], status: int, field: str
) -> None:
    before = state_of(maker.company)

    answer = alice_api.post(JOBS, ASKED | change)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["errors"][0]["field"] == field, problem
    assert problem["errors"][0]["message"]
    assert state_of(maker.company) == before


@pytest.mark.parametrize("body", ["[]", '"text"', "{", "null"])
def test_a_body_that_is_no_object_is_refused(maker: Viewer, alice_api: APIClient, body: str) -> None:
    answer = alice_api.post(JOBS, body, content_type="application/json")

    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"


def test_too_many_for_today_is_429_with_the_seconds_until_midnight(maker: Viewer, alice_api: APIClient) -> None:
    assert alice_api.post(JOBS, ASKED | {"num_images": 8}).status_code == 201
    before = state_of(maker.company)

    answer = alice_api.post(JOBS, ASKED | {"num_images": 3})

    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 86_400
    assert state_of(maker.company) == before


def test_a_stranger_sees_and_changes_nothing(
    maker: Viewer, alice_api: APIClient, bob_api: APIClient, bob: User
) -> None:
    job_id = alice_api.post(JOBS, ASKED).json()["id"]
    before = state_of(maker.company)

    for address in ("", "/status", "/result"):
        assert bob_api.get(f"{JOBS}/{job_id}{address}").status_code == 404
        assert APIClient().get(f"{JOBS}/{job_id}{address}").status_code == 401
    assert bob_api.post(f"{JOBS}/{job_id}/cancel").status_code == 404
    assert bob_api.get(JOBS).json()["results"] == []

    pipeline.start(job_id=job_id)
    asset_id = alice_api.get(f"{JOBS}/{job_id}").json()["outputs"][0]["id"]
    stolen = bob_api.post(JOBS, {"model": "studio-stylise", "inputs": [asset_id]})
    assert stolen.status_code == 422
    assert stolen.json()["errors"][0]["field"] == "inputs"
    assert before != state_of(maker.company), "only what Alice did"
    assert Job.objects.filter(user=bob).count() == 0


def test_cancelling_gives_the_credit_back_and_a_second_time_is_too_late(maker: Viewer, alice_api: APIClient) -> None:
    job_id = alice_api.post(JOBS, ASKED).json()["id"]

    first = alice_api.post(f"{JOBS}/{job_id}/cancel")
    second = alice_api.post(f"{JOBS}/{job_id}/cancel")

    assert (first.status_code, first.json()["state"]) == (200, "cancelled")
    assert (second.status_code, second.json()["code"]) == (409, "too_late_to_cancel")
    balance = alice_api.get("/api/v1/credits/balance").json()
    assert (balance["balance"], balance["held"], balance["available"]) == (100, 0, 100)


def test_a_picture_restyled_from_an_upload(maker: Viewer, alice_api: APIClient, tmp_path: Any) -> None:
    path = tmp_path / "in.jpg"
    Image.radial_gradient("L").resize((320, 200)).convert("RGB").save(path)
    with path.open("rb") as file:
        uploaded = alice_api.post("/api/v1/uploads", {"file": file}, format="multipart").json()

    made = alice_api.post(
        JOBS, {"model": "studio-stylise", "style": "sketch", "detail": "draft", "inputs": [uploaded["id"]]}
    )
    assert made.status_code == 201, made.json()
    pipeline.start(job_id=made.json()["id"])

    output = alice_api.get(f"{JOBS}/{made.json()['id']}").json()["outputs"][0]
    assert abs(output["width"] / output["height"] - 1.6) < 0.02, "it keeps the ratio of its source"
    assert alice_api.get(f"/api/v1/assets/{output['id']}").json()["parents"] == [uploaded["id"]]


def test_the_list_costs_the_same_at_any_length(
    maker: Viewer, alice_api: APIClient, django_assert_num_queries: Any
) -> None:
    alice_api.post(JOBS, ASKED)
    with CaptureQueriesContext(connection) as captured:
        alice_api.get(JOBS)
    queries = len(captured)
    Job.objects.filter(company=maker.company).update(state="queued")
    for number in range(9):
        alice_api.post(JOBS, ASKED | {"seed": number})

    with django_assert_num_queries(queries):
        assert len(alice_api.get(JOBS).json()["results"]) == 10
