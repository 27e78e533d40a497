"""What the running product writes down: nothing of what people, programs and its own surroundings keep secret."""

import time
from pathlib import Path

import httpx

from tests.stack import DEMO, Stack

PROMPT = "planted prompt of a fox nobody may read of"


def written(stack: Stack) -> str:
    folder: Path = stack.data / "log"
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*")) if path.is_file())


def test_no_log_of_any_process_holds_a_planted_secret(stack: Stack) -> None:
    stack.forget_limits()
    with httpx.Client(base_url=stack.base_url, timeout=20) as client:
        answer = client.post("/api/v1/auth/login", json={"email": DEMO[0], "password": DEMO[1]})
        tokens = answer.json()
        bearer = {"Authorization": f"Bearer {tokens['access']}"}
        made = client.post(
            "/api/v1/jobs", json={"model": "studio-scenes", "prompt": PROMPT, "parameters": {}}, headers=bearer
        )
        assert made.status_code == 201, made.text
        place = f"/api/v1/jobs/{made.json()['id']}"
        deadline = time.monotonic() + 60
        while client.get(place, headers=bearer).json()["state"] not in ("succeeded", "failed"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        job = client.get(place, headers=bearer).json()
        assert job["state"] == "succeeded"
        client.get("/api/v1/jobs", headers={"Authorization": "Bearer planted-bearer-0123456789"})
        client.get("/api/v1/jobs", headers={"Authorization": "Token dk_planted1_0123456789abcdefghijklmnopqrstuv"})
        client.post("/api/v1/auth/login", json={"email": DEMO[0], "password": "Planted-password-1"})
        client.get("/reset-password/1a-planted-reset-key-0123", follow_redirects=True)
        client.get("/verify-email/planted-verify-key-0123")
        client.get("/f/planted-file-token-0123/fox.png", params={"ticket": "planted-ticket-0123"})
        client.get("/gallery", headers={"Cookie": "sessionid=planted-session-0123456789"})
        client.post("/hooks/fal/0199/planted-hook-token-0123", content=b"{}")

    text = written(stack)
    # Known to everybody who may reach it, and told on purpose when the demo accounts are made.
    text = text.replace(f"Sign in as {DEMO[0]} with {DEMO[1]}", "")
    assert "/api/v1/jobs" in text, "requests are in the log"
    assert made.json()["id"] in text, "and so is the worker's job"
    secrets = {
        "prompt": PROMPT,
        "password": DEMO[1],
        "access": tokens["access"],
        "refresh": tokens["refresh"],
        "signing key": (stack.data / "secret_key").read_text().strip(),
    }
    assert [name for name, secret in secrets.items() if secret in text] == []
    assert "lanted" not in text
