"""A language model of a configured provider, asked once and briefly, by OpenAI's chat protocol (also Together's)."""

import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx
from django.conf import settings

from generation.providers.base import ProviderError
from generation.providers.transport import Answered, Limits, OnceTransport

logger = logging.getLogger(__name__)

MAX_TOKENS = 300
LIMITS = Limits(connect=3.0, read=8.0, write=4.0, total=8.0, body=256 * 1024)
# Seconds in which a provider that failed is not asked again: a person waits for the answer.
REST_SECONDS = 30.0


class NoAnswer(Exception):
    """There is no language model, or it gave nothing that could be used."""


@dataclass(frozen=True, slots=True)
class ChatModel:
    """Whose model is asked, where, and with which parameters of that vendor."""

    by: str
    address: str
    key: str = field(repr=False)
    options: dict[str, Any]


def configured() -> ChatModel | None:
    """The one that the operator's keys allow: OpenAI's before Together's; None without a key."""
    wanted = settings.ENHANCER_MODEL
    if settings.OPENAI_API_KEY:
        # A small model that may think is told not to: its thoughts would use up the tokens.
        model = {"model": wanted} if wanted else {"model": "gpt-5.4-nano", "reasoning_effort": "none"}
        address = f"{settings.OPENAI_BASE_URL.rstrip('/')}/chat/completions"
        return ChatModel("openai", address, settings.OPENAI_API_KEY, {**model, "max_completion_tokens": MAX_TOKENS})
    if settings.TOGETHER_API_KEY:
        model = {"model": wanted or "meta-llama/Llama-3.3-70B-Instruct-Turbo"}
        address = f"{settings.TOGETHER_BASE_URL.rstrip('/')}/v1/chat/completions"
        return ChatModel("together", address, settings.TOGETHER_API_KEY, {**model, "max_tokens": MAX_TOKENS})
    return None


class _Rest:
    """Until when a provider is left alone in this process, by its address and key."""

    until: ClassVar[dict[tuple[str, str], float]] = {}


def wake() -> None:
    """Ask again at once, whatever failed before."""
    _Rest.until.clear()


def ask(model: ChatModel, *, system: str, user: str) -> str:
    """The model's whole answer to one message. Raises `NoAnswer`. One POST, 8 seconds for each part of it at most."""
    place = (model.address, model.key)
    if time.monotonic() < _Rest.until.get(place, 0.0):
        raise NoAnswer("It failed a moment ago.")
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    headers = {"Authorization": f"Bearer {model.key}", "User-Agent": "darkroom"}
    try:
        with httpx.Client(transport=OnceTransport(LIMITS), headers=headers) as client:
            response = client.post(model.address, json={**model.options, "messages": messages})
        return _content(response)
    except (Answered, ProviderError, httpx.HTTPError, httpx.InvalidURL) as error:
        wait = error.retry_after if isinstance(error, Answered) else None
        _Rest.until[place] = time.monotonic() + max(REST_SECONDS, wait or 0.0)
        logger.warning("the language model of %s did not answer: %s", model.by, error)
        raise NoAnswer(str(error)) from error


def _content(response: httpx.Response) -> str:
    try:
        choice = json.loads(response.content)["choices"][0]
        content = choice["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise NoAnswer("The answer is not one of a chat.") from error
    if not isinstance(content, str) or choice.get("finish_reason") not in ("stop", "eos", None):
        raise NoAnswer("The answer is cut, refused or not text.")
    return content
