"""The short form of `make chaos`: everything is killed once while jobs run, and nothing is lost or paid twice."""

import subprocess
import sys

import pytest

from tests.database import PROJECT


@pytest.mark.xdist_group("stack")
def test_killing_everything_loses_no_job_no_picture_and_no_credit() -> None:
    command = [sys.executable, "-m", "chaos.run", "--jobs", "18", "--disasters", "8", "--seed", "7"]
    # The caller's lost work is given up only when its provider's time is over: that is for the long form.
    command += ["--providers", "local", "fal"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
