"""The double of fal as a process with a control address, as the chaos run uses it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from generation.providers.base import Call, SubmitUnknown
from generation.providers.fal import Account, Fal
from tests.emulators.fal import FalEmulator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.emulators.fal", "--port", "0", "--rendering", "0", "--control"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def control(url: str, wishes: Any = None) -> Any:
    body = None if wishes is None else json.dumps(wishes).encode()
    with urllib.request.urlopen(f"{url}/_control", body) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def test_the_process_makes_pictures_and_faults_on_demand(url: str) -> None:
    call = Call(
        job_id=uuid4(), task="text-to-image", endpoint="fal-ai/flux/dev", prompt="a fox", params={}, seeds=(1, 2)
    )
    with closing(Fal(Account(key="test-key-id:test-key-secret", queue_url=url, rest_url=url, cdn_url=url))) as fal:
        assert len([artifact.index for artifact in fal.fetch(fal.submit(call), call)]) == 2
        control(url, {"rates": {"accept_then_drop": 1}, "set": {"rendering": 60}})
        with pytest.raises(SubmitUnknown):
            fal.submit(call)
    summary = control(url)
    assert (summary["jobs"], summary["counts"]["posts"], summary["counts"]["downloads"]) == (2, 2, 2)
    assert summary["states"] == {"COMPLETED": 1, "IN_PROGRESS": 1}


def test_nobody_controls_a_double_that_was_not_started_for_it() -> None:
    with FalEmulator() as fal, pytest.raises(urllib.error.HTTPError) as caught:
        control(fal.url)
    with caught.value:
        assert caught.value.code == 404
