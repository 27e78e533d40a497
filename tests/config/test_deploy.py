"""What is shipped for production agrees with the product: queues, variables, metrics, settings."""

import json
import os
import re
import secrets
import subprocess
import sys
from typing import Any

import yaml
from django.test import Client

from config.worker import QUEUES
from tests.database import PROJECT

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
ENVIRONMENT = (PROJECT / ".env.example").read_text()


def test_the_workers_of_compose_serve_every_queue_once() -> None:
    served = []
    for service in COMPOSE["services"].values():
        command = service.get("command", [])
        if "--queues" in command:
            after = command[command.index("--queues") + 1 :]
            served += [word for word in after if word in QUEUES]

    assert sorted(served) == sorted(QUEUES)


def test_every_module_that_a_command_names_exists() -> None:
    for service in COMPOSE["services"].values():
        for word in service.get("command", []):
            if word.startswith("config."):
                module = word.partition(":")[0].replace(".", "/")
                assert (PROJECT / f"{module}.py").exists(), word


def test_application_containers_have_no_power_over_their_machine() -> None:
    for name in ("web", "events", "worker", "worker-bulk", "worker-blocking", "worker-direct", "clock", "migrate"):
        service = COMPOSE["services"][name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "ports" not in service, name
    assert re.search(r"^USER darkroom$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_variable_of_the_settings_is_documented() -> None:
    source = (PROJECT / "config/settings.py").read_text()
    asked = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_0-9]+)"', source))
    told = set(re.findall(r"^#?([A-Z_0-9]+)=", ENVIRONMENT, re.MULTILINE))

    assert len(asked) > 30
    assert asked - told == set()


def test_the_dashboard_asks_for_metrics_that_exist(db: None) -> None:
    dashboard = json.loads((PROJECT / "deploy/grafana/darkroom.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"darkroom_\w+?(?=_bucket|\b)", target["expr"])
    }
    source = "".join((PROJECT / path).read_text() for path in ("generation/gauges.py", "config/metrics.py"))
    given = set(re.findall(r"darkroom_\w+", Client().get("/metrics").content.decode() + source))

    assert len(asked) >= 8
    assert asked <= given


def test_nginx_keeps_what_is_stored_and_metrics_to_itself() -> None:
    text = (PROJECT / "deploy/nginx/darkroom.conf").read_text()

    assert re.search(r"location /stored/ \{\s+internal;", text)
    assert re.search(r"location /metrics \{\s+return 404;", text)
    assert re.search(r"location /events/ \{[^}]*proxy_buffering off;", text)


def test_the_deployment_check_is_clean() -> None:
    outcome = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ALLOWED_HOSTS": "darkroom.example",
            "PUBLIC_URL": "https://darkroom.example",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr
