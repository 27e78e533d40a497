"""What `/metrics` tells, and whom."""

import pytest
import redis
from django.test import Client
from rest_framework.test import APIClient

from config import metrics as module
from config.base.realtime import connection
from config.worker import WORKERS

PUBLIC = {"REMOTE_ADDR": "198.51.200.9"}


def test_an_operator_sees_requests_jobs_queue_and_credits(alice_api: APIClient) -> None:
    before = connection().time()[0]
    connection().zadd(WORKERS, {"default": before - 7})
    connection().rpush("dramatiq:blocking", "a", "b")
    job = alice_api.post("/api/v1/jobs", {"model": "studio-scenes", "prompt": "red fox", "num_images": 2}).json()

    text = Client().get("/metrics").content.decode()

    assert 'darkroom_http_requests_total{method="POST",status="201",view="api-jobs"}' in text
    assert 'darkroom_http_request_seconds_bucket{le="0.1",view="api-jobs"}' in text
    assert 'darkroom_jobs_active{provider="local",state="queued"}' in text
    assert 'darkroom_jobs_recent{provider="local",state="queued"}' in text
    assert "darkroom_oldest_waiting_job_seconds{" in text
    assert 'darkroom_queue_messages{kind="ready",queue="blocking"} 2.0' in text
    assert 'darkroom_worker_heartbeat_age_seconds{queue="default"}' in text
    assert "darkroom_credits_held" in text
    assert 'darkroom_up{part="redis"} 1.0' in text
    assert job["id"] not in text


def test_strangers_are_turned_away_unless_they_hold_the_token(db: None, settings: object) -> None:
    settings.METRICS_TOKEN = "planted-metrics-token"  # type: ignore[attr-defined]

    def ask(**headers: str) -> int:
        return Client().get("/metrics", headers=headers, **PUBLIC).status_code

    assert ask() == 403
    assert ask(Authorization="Bearer wrong") == 403
    assert ask(Authorization="Bearer planted-metrics-token") == 200
    settings.METRICS_TOKEN = ""  # type: ignore[attr-defined]
    assert ask(Authorization="Bearer ") == 403


def test_who_measures_needs_no_https(db: None, settings: object) -> None:
    settings.SECURE_SSL_REDIRECT = True  # type: ignore[attr-defined]

    assert Client().get("/metrics").status_code == 200


def test_behind_a_proxy_the_visitor_counts_and_not_the_proxy(db: None, settings: object) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1  # type: ignore[attr-defined]

    answer = Client().get("/metrics", headers={"X-Forwarded-For": "198.51.200.9"}, REMOTE_ADDR="10.0.0.2")

    assert answer.status_code == 403


def test_a_part_that_is_down_is_said_and_the_rest_is_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "connection", lambda: redis.Redis(port=1))

    text = Client().get("/metrics").content.decode()

    assert 'darkroom_up{part="redis"} 0.0' in text
    assert 'darkroom_up{part="database"} 1.0' in text
    assert "darkroom_holds_open" in text
