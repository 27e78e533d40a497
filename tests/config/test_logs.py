"""Logs: the ids that each line carries, and the secrets that none does."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from config import event_ticket, reporting
from config.base import logs
from config.base.redaction import HIDDEN, Redactor, redactor
from config.observability import HEADER
from config.worker import LogsMiddleware
from tests.factories.accounts import PASSWORD


class Written(io.StringIO):
    """All that was logged, by every logger, as production writes it."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"] == logger]


def _formatter(config: dict[str, Any]) -> logging.Formatter:
    line = dict(config["formatters"]["line"])
    made: logging.Formatter = line.pop("()")(**line)
    return made


@pytest.fixture
def written() -> Iterator[Written]:
    stream = Written()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(configured.LOGGING))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


def test_a_line_names_request_person_and_company(
    alice: User, viewer: Any, alice_client: Client, alice_api: APIClient, written: Written
) -> None:
    company = str(viewer(alice).company.pk)

    page = alice_client.get("/gallery", headers={HEADER: "from-the-proxy-1"})
    answer = alice_api.get("/api/v1/jobs")

    first, second = written.of("darkroom.request")
    assert first["event"] == "GET /gallery 200"
    assert (first["request"], first["user"], first["company"]) == ("from-the-proxy-1", str(alice.pk), company)
    assert (second["user"], second["company"], second["view"]) == (str(alice.pk), company, "api-jobs")
    assert second["request"] == answer[HEADER]
    assert page[HEADER] == "from-the-proxy-1"
    assert list(first)[:4] == ["timestamp", "level", "logger", "event"]


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "two words here", "new\u00e4line-x"])
def test_a_request_id_that_is_none_is_replaced(db: None, given: str) -> None:
    answer = Client().get("/health/live", headers={HEADER: given})

    assert re.fullmatch(r"[0-9a-f]{32}", answer[HEADER])


def test_a_request_that_nobody_signed_names_nobody_and_no_address(db: None, written: Written) -> None:
    Client().get("/reset-password/abc-secretsecret?token=alsosecret1")

    lines = written.of("darkroom.request")
    assert "user" not in lines[0]
    assert "secretsecret" not in written.getvalue()
    assert "alsosecret1" not in written.getvalue()


def test_a_worker_names_message_and_job_and_forgets_them(written: Written) -> None:
    class Message:
        message_id, actor_name = "m-1", "start_job"

    middleware = LogsMiddleware()
    middleware.before_process_message(None, Message())  # type: ignore[arg-type]
    logs.bind(job="j-1")
    logging.getLogger("generation").warning("at work")
    middleware.after_process_message(None, Message())  # type: ignore[arg-type]
    logging.getLogger("generation").warning("at rest")

    at_work, at_rest = written.of("generation")
    assert (at_work["message"], at_work["actor"], at_work["job"]) == ("m-1", "start_job", "j-1")
    assert not {"message", "actor", "job"} & set(at_rest)


def test_secrets_on_the_way_through_are_in_no_line(
    alice: User, alice_api: APIClient, written: Written, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What people and programs send, then what code that fails would say of it."""
    planted = {
        "bearer": "planted-bearer-0123456789",
        "cookie": "planted-session-0123456789",
        "password": "Planted-password-1",
        "ticket": event_ticket.make_ticket(user_id=alice.pk, company_id=alice.pk),
        "file": "planted-file-token-0123",
        "reset": "planted-reset-key-012",
    }
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = planted["cookie"]
    client.post("/login", {"login": alice.email, "password": planted["password"]})
    client.get("/api/v1/jobs", headers={"Authorization": f"Bearer {planted['bearer']}"})
    client.get(f"/f/{planted['file']}/fox.png?ticket={planted['ticket']}")
    client.get(f"/reset-password/1a-{planted['reset']}")
    program = APIClient()
    access = program.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}).json()["access"]

    def careless(*args: Any, **kwargs: Any) -> None:
        headers = {"Authorization": f"Bearer {access}", "Cookie": f"sessionid={planted['cookie']}"}
        logging.getLogger("careless").error(
            "calling %s with %s, key %s", configured.DATABASES["default"], headers, configured.SECRET_KEY
        )
        raise RuntimeError(f"password={planted['password']}&token={planted['ticket']} {configured.SECRET_KEY}")

    monkeypatch.setattr("generation.api.jobs_of", careless)
    alice_api.raise_request_exception = False
    assert alice_api.get("/api/v1/jobs").status_code == 500

    text = written.getvalue()
    assert "careless" in text
    assert "RuntimeError" in text
    for name, secret in {**planted, "access": access, "own key": configured.SECRET_KEY}.items():
        assert secret not in text, name
    assert HIDDEN in text


@pytest.mark.parametrize(
    "text",
    [
        "postgres://darkroom:planted99secret@db:5432/x",
        "redis://:planted99secret@cache:6379/0",
        "Authorization: Key planted99secret:morepart99",
        "{'Authorization': 'Token planted99secret'}",
        "Cookie: sessionid=planted99secret; other=planted99secret",
        '{"password": "planted99secret", "email": "a@b.c"}',
        "FAL_KEY=planted99secret",
        "https://x.example/events/?ticket=planted99secret&a=b",
        "dk_planted99secret was refused",
        "eyJplanted99secret.planted99secret.planted99secret",
        "GET /f/planted99secret/fox.png",
        "POST /hooks/fal/0199/planted99secret",
        "/verify-email/planted99secret",
        "X-Fal-Webhook-Signature: planted99secret",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    hidden = Redactor().text(text)

    assert "planted99secret" not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize(
    "text", ["GET /gallery 200", "job 0199-a failed: timed out", "Not Found: /a/0199/download", "/reset-password/sent"]
)
def test_ordinary_sentences_stay(text: str) -> None:
    assert Redactor().text(text) == text


def test_values_of_this_process_are_hidden_wherever_they_stand() -> None:
    environment = {
        "FAL_KEY": "abc-own-value",
        "DATABASE_URL": "postgres://u:own-password@db/x",
        "HOME": "/home/darkroom",
    }
    own = Redactor(environment)

    assert own.text("x abc-own-value y own-password z /home/darkroom") == f"x {HIDDEN} y {HIDDEN} z /home/darkroom"
    assert own.value({"api_key": "anything", "keys": 3, "list": ["abc-own-value", 1, None]}) == {
        "api_key": HIDDEN,
        "keys": 3,
        "list": [HIDDEN, 1, None],
    }


def test_development_reads_lines_that_the_terminal_understands() -> None:
    formatter = _formatter(logs.logging_config(level="INFO", as_json=False))
    record = logging.LogRecord("billing", logging.WARNING, "x.py", 1, "low on %s", ("credits",), None)

    line = formatter.format(record)

    assert re.fullmatch(r"\S+Z WARNING billing low on credits", line)


def test_a_report_to_sentry_holds_no_body_no_cookie_and_no_secret() -> None:
    event = {
        "request": {
            "url": "https://x/f/planted-file-token-0123/a.png",
            "cookies": {"sessionid": "s"},
            "data": {"password": "p"},
            "query_string": "ticket=x",
            "headers": {"Authorization": "Bearer planted-bearer-01234", "Accept": "*/*"},
        },
        "exception": {"values": [{"value": f"token=planted-token-0123 {configured.SECRET_KEY}"}]},
    }

    kept = reporting.scrubbed(event, {})

    assert "planted" not in json.dumps(kept)
    assert configured.SECRET_KEY not in json.dumps(kept)
    assert set(kept["request"]) == {"url", "headers"}
    assert kept["request"]["headers"]["Accept"] == "*/*"
    assert redactor.text(configured.SECRET_KEY) == HIDDEN
