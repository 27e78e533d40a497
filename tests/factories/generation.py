"""Jobs for tests, made by the service that makes them in the product."""

from typing import Any
from uuid import uuid4

from accounts.viewer import Viewer
from generation.models import Job
from generation.requests import build_request
from generation.services import submit_job

SMALL = {"detail": "draft"}


def submit(viewer: Viewer, *, key: str = "", **fields: Any) -> Job:
    """Submit a job as the page would: `model`, `prompt`, `params`, `count`, `seed`, `inputs` as wanted."""
    asked: dict[str, Any] = {"model": "studio-scenes", "prompt": "red fox in the snow", "params": SMALL} | fields
    return submit_job(viewer=viewer, request=build_request(viewer=viewer, **asked), key=key or str(uuid4()))
