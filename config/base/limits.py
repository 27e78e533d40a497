"""How often somebody may ask: figures in the settings, counted in Redis by one script, so that no race slips through.

What a person or a key does for a company, its plan may allow more often: `Plan.rate_factor` times the settings' figure.

A limit of n in a period is a sliding window: what was used in the running period, plus the share of the last one that
still lies within reach. A refused request is not counted. Without Redis everything passes: a limit protects the
product, and must not be what stops it.
"""

import logging
import math
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import redis
from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from redis.commands.core import Script

from config.base import registry
from config.base.client_address import visitor_name
from config.base.realtime import connection
from config.base.refusal import Refusal

logger = logging.getLogger(__name__)

# After Redis failed, seconds in which it is not asked again: waiting for it would slow every request.
_BLIND_SECONDS = 5.0

# The limits that a plan multiplies.
BY_PLAN = frozenset(["person", "key", "uploads", "processing", "downloads"])

# KEYS: one hash of window number -> uses. ARGV: limit, period in seconds.
# Answers allowed (0 or 1), uses left, milliseconds to wait when refused, milliseconds to the end of the window.
_SCRIPT = """
local limit, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local window = math.floor(now / period)
local passed = now - window * period
local uses = redis.call('HMGET', KEYS[1], window, window - 1)
local here, before = tonumber(uses[1] or 0), tonumber(uses[2] or 0)
local used = here + before * (period - passed) / period
local left = period - passed
if used + 1 > limit then
  local wait
  if here + 1 <= limit then
    wait = period * (1 - (limit - 1 - here) / before) - passed
  else
    wait = left + math.max(0, period * (1 - (limit - 1) / here))
  end
  return {0, 0, math.ceil(wait * 1000), math.ceil(left * 1000)}
end
redis.call('HINCRBY', KEYS[1], window, 1)
redis.call('HDEL', KEYS[1], window - 2)
redis.call('EXPIRE', KEYS[1], period * 2)
return {1, math.floor(limit - used - 1), 0, math.ceil(left * 1000)}
"""

SENTENCES: dict[str, str | Promise] = {
    "address": _("Too many requests came from your network. Wait a moment, then try again."),
    "person": _("You have asked very often in the last hour. Wait a moment, then try again."),
    "key": _("This API key was used very often in the last hour. Wait a moment, then try again."),
    "key_failures": _("Too many API keys that do not exist came from your network. Wait a minute, then try again."),
    "uploads": _("That were many uploads in a short time. Wait a moment, then send the next one."),
    "processing": _("You have started very many jobs in the last hour. Wait a little, then start the next one."),
    "downloads": _("You have downloaded very many files in the last hour. Wait a little, then go on."),
    "enhance": _("You have enhanced many prompts in the last minute. Wait a moment, then try again."),
    "invitations": _("You have sent many invitations in the last hour. Wait a little, then send the next one."),
    "buying": _("You have begun many payments in the last hour. Wait a little; nothing was charged."),
    "enquiries": _("You have written several times in the last hour. Wait a little; we have what you sent."),
    "completions": _("Too many completions were asked for. Wait a moment, then go on."),
}


class TooManyRequests(Refusal):
    """One of the limits of `settings.RATE_LIMITS` is reached; nothing was done."""

    code = "too_many_requests"
    status = 429


@dataclass(frozen=True, slots=True)
class Decision:
    """What a limit said about one request. Times in whole seconds."""

    name: str
    limit: int
    remaining: int
    retry_after: int
    reset: int

    @property
    def is_allowed(self) -> bool:
        """Whether the request may go on."""
        return self.retry_after == 0

    def refusal(self) -> TooManyRequests:
        """What to raise when it may not."""
        return TooManyRequests(str(SENTENCES[self.name]), retry_after=self.retry_after)


def count(request: HttpRequest, name: str) -> None:
    """Count one use of a limit by who asks: the signed-in person, else the address. Raises `TooManyRequests`.

    Takes pages' and DRF's requests.
    """
    user = request.user
    who = f"user:{user.pk}" if user.is_authenticated else f"address:{visitor_name(request)}"
    decision = take(request, name=name, who=who)
    if decision is not None and not decision.is_allowed:
        raise decision.refusal()


def take(request: HttpRequest, *, name: str, who: str, factor: int | None = None) -> Decision | None:
    """Count one use of limit `name` by `who`; None when the limit is off or Redis does not answer.

    `factor` is by how much the limit is multiplied; the plan says it where nothing else is given.
    """
    limit, period = settings.RATE_LIMITS[name]
    if not limit or _Sight.is_blind():
        return None
    limit *= factor or factor_of(request, name)
    try:
        allowed, remaining, wait, reset = cast(
            list[int], _script()(keys=[f"limit:{name}:{who}"], args=[limit, period], client=connection())
        )
    except redis.RedisError as error:
        _Sight.lost(error)
        return None
    _Sight.regained()
    decision = Decision(
        name=name,
        limit=limit,
        remaining=remaining,
        retry_after=0 if allowed else max(1, math.ceil(wait / 1000)),
        reset=math.ceil(reset / 1000),
    )
    decisions_of(request).append(decision)
    return decision


def factor_of(request: HttpRequest, name: str) -> int:
    """By how much the plan of the company that the request acts for multiplies limit `name`; 1 without a company."""
    if name not in BY_PLAN:
        return 1
    return max(registry.rate_factor(getattr(request, "_request", request)), default=1)


def decisions_of(request: Any) -> list[Decision]:
    """What was decided about a request so far; DRF requests are unwrapped, so both share the list."""
    plain = getattr(request, "_request", request)
    if not hasattr(plain, "limit_decisions"):
        plain.limit_decisions = []
    return cast(list[Decision], plain.limit_decisions)


@cache
def _script() -> Script:
    return connection().register_script(_SCRIPT)


class _Sight:
    """Whether this process can count at present; said once when lost and once when back."""

    _until = 0.0
    _is_lost = False

    @classmethod
    def is_blind(cls) -> bool:
        return cls._is_lost and time.monotonic() < cls._until

    @classmethod
    def lost(cls, error: redis.RedisError) -> None:
        cls._until = time.monotonic() + _BLIND_SECONDS
        if not cls._is_lost:
            cls._is_lost = True
            logger.warning("limits are not counted, Redis does not answer: %s", error)

    @classmethod
    def regained(cls) -> None:
        if cls._is_lost:
            cls._is_lost = False
            logger.warning("limits are counted again")
