"""When a limit of allauth's is over: it counts in the shared cache, we tell how long to wait."""

import math
import time

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from accounts.refusals import TooManyAttempts

_APP = "allauth.account"


def seconds_left(request: HttpRequest, action: str, *, key: str = "") -> int:
    """Return the seconds until one more `action` is let through, 0 when it is now.

    `key` is what the limit counts beside the visitor's address (an e-mail address, mostly).
    """
    now = time.time()
    waits = [0.0]
    for rate in ratelimit.get_rates(app=_APP, action=action):
        if rate.per == "key" and not key:
            continue
        name = ratelimit.get_cache_key(request, app=_APP, action=action, rate=rate, key=key)
        # Newest first; the one that must grow old is the last that counts.
        times = [at for at in cache.get(name, []) if at > now - rate.duration]
        if len(times) >= rate.amount:
            waits.append(times[rate.amount - 1] + rate.duration - now)
    return math.ceil(max(waits))


def count(request: HttpRequest, action: str, *, sentence: str) -> None:
    """Count one `action` of this visitor. Raises `TooManyAttempts` with the sentence when the limit is reached."""
    if not ratelimit.consume(request, app=_APP, action=action):
        raise TooManyAttempts(sentence, retry_after=max(1, seconds_left(request, action)))
