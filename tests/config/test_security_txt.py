"""Whom to tell of a hole, and until when that is true; settings that contradict themselves stop the start."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from tests.database import PROJECT

PATH = "/.well-known/security.txt"


def test_without_a_contact_there_is_none(db: None) -> None:
    assert Client().get(PATH).status_code == 404


def test_it_says_what_the_standard_asks_for(db, settings):
    settings.SECURITY_CONTACT = ["security@darkroom.example", "https://darkroom.example/holes"]
    settings.SECURITY_EXPIRES = datetime.now(UTC).date() + timedelta(days=90)
    settings.SECURITY_POLICY_URL = "https://darkroom.example/policy"
    answer = Client().get(PATH)
    lines = answer.content.decode().splitlines()
    day = settings.SECURITY_EXPIRES + timedelta(days=1)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert lines == [
        "Contact: mailto:security@darkroom.example",
        "Contact: https://darkroom.example/holes",
        f"Expires: {day.isoformat()}T00:00:00Z",
        "Preferred-Languages: en",
        f"Canonical: http://testserver{PATH}",
        "Policy: https://darkroom.example/policy",
    ]
    assert Client().post(PATH).status_code == 405


def test_one_that_is_out_of_date_is_not_shown(db, settings):
    settings.SECURITY_CONTACT = ["security@darkroom.example"]
    settings.SECURITY_EXPIRES = date(2026, 1, 1)
    assert Client().get(PATH).status_code == 404


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"SECURITY_CONTACT": "security@x.example"}, "needs SECURITY_EXPIRES"),
        ({"PASSWORD_HASHER": "md5"}, "bcrypt or argon2"),
        ({"PASSWORD_HASHER": "argon2"}, ""),
    ],
)
def test_settings_that_contradict_themselves_stop_the_start(more, told):
    code = "from config import settings; print(settings.PASSWORD_HASHERS[0])"
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "x" * 50, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode == 0) == (not told)
    assert told in outcome.stderr
    assert not outcome.stdout or "Argon2" in outcome.stdout
