"""A double of a provider's chat completions, as OpenAI and Together answer them."""

from collections import deque
from collections.abc import Callable
from typing import Any

from tests.emulators.double import Double, run
from tests.emulators.messages import Reply, Request

STATUS = {"key_refused": 401, "balance_exhausted": 429, "content_policy": 400}
CODES = {"key_refused": "invalid_api_key", "balance_exhausted": "insufficient_quota", "429": "rate_limit_exceeded"}


class ChatDouble(Double):
    """Answers each message with the next of `answers`, else with what was asked and a little more."""

    def forget(self) -> None:
        """No counts, no faults, no answers of a test's own."""
        super().forget()
        self.answers: deque[str | dict[str, Any] | list[Any]] = deque()
        self.finish_reason = "stop"

    def handle(self, request: Request) -> Reply:
        """Chat completions; nothing else is here."""
        if request.method != "POST" or not request.path.endswith("/v1/chat/completions"):
            return Reply.of(404, {"error": {"message": "Unknown request URL.", "type": "invalid_request_error"}})
        return self.submission(request, lambda _faults: self._complete(request))

    def _complete(self, request: Request) -> Reply:
        asked = request.json()
        if problem := _problem(asked):
            return _error(400, problem, "invalid_request_error")
        said = self.answers.popleft() if self.answers else _improved(asked["messages"][-1]["content"])
        if not isinstance(said, str):
            return Reply.of(200, said)
        message = {"role": "assistant", "content": said, "refusal": None}
        return Reply.of(
            200,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1_790_000_000,
                "model": asked["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": self.finish_reason}],
                "usage": {"prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160},
            },
        )

    def refusal(self, fault: str) -> Reply:
        """OpenAI's words."""
        return _error(STATUS.get(fault) or int(fault), f"Refused: {fault}.", CODES.get(fault, fault))


def _problem(asked: dict[str, Any]) -> str:
    """What the service would refuse of a body, in a sentence; empty where there is nothing."""
    checks: dict[str, Callable[[Any], bool]] = {
        "model": lambda value: isinstance(value, str) and bool(value),
        "messages": lambda value: (
            isinstance(value, list) and [row.get("role") for row in value] in (["system", "user"], ["user"])
        ),
    }
    wrong = [name for name, is_right in checks.items() if not is_right(asked.get(name))]
    known = {"model", "messages", "max_tokens", "max_completion_tokens", "reasoning_effort"}
    wrong += sorted(set(asked) - known)
    if asked.get("model", "").startswith("gpt-5") and "max_tokens" in asked:
        wrong.append("max_tokens")
    return f"Invalid value: {', '.join(wrong)}." if wrong else ""


def _improved(message: str) -> str:
    prompt = message.removeprefix("<prompt>").removesuffix("</prompt>")
    return f"{prompt} on a hill, soft evening light, wide composition, calm mood"


def _error(status: int, message: str, code: str) -> Reply:
    return Reply.of(status, {"error": {"message": message, "type": "invalid_request_error", "code": code}})


if __name__ == "__main__":
    run(ChatDouble, "A double of chat completions.")
