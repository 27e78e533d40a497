"""A circuit breaker for each provider, in Redis: after several faults in a row nothing is sent for a while.

Without Redis the circuit counts as closed: the database still bounds how often a job is tried.
"""

import logging

from redis.exceptions import RedisError

from config.base.realtime import connection

# So many faults in a row, none more than a minute after the one before, open the circuit for so many seconds.
FAULTS = 8
MEMORY_SECONDS = 60
OPEN_SECONDS = 20

logger = logging.getLogger(__name__)


def _faults(provider: str) -> str:
    return f"darkroom:breaker:{provider}:faults"


def _open(provider: str) -> str:
    return f"darkroom:breaker:{provider}:open"


def seconds_open(provider: str) -> int:
    """Seconds until something may be sent to the provider; 0 when the circuit is closed."""
    try:
        return max(0, int(connection().ttl(_open(provider))))
    except RedisError:
        return 0


def failed(provider: str) -> None:
    """Count a fault of the provider; the last one that is bearable opens the circuit."""
    try:
        pipe = connection().pipeline()
        pipe.incr(_faults(provider))
        pipe.expire(_faults(provider), MEMORY_SECONDS)
        faults = int(pipe.execute()[0])
        # After the pause one fault more opens it again at once, until something succeeds.
        if faults >= FAULTS and connection().set(_open(provider), "1", ex=OPEN_SECONDS, nx=True):
            logger.error(
                "provider %s failed %d times in a row: nothing is sent for %d s", provider, faults, OPEN_SECONDS
            )
    except RedisError as error:
        logger.warning("breaker of %s not counted: %s", provider, error)


def succeeded(provider: str) -> None:
    """The provider answered as it should: forget its faults."""
    try:
        connection().delete(_faults(provider))
    except RedisError as error:
        logger.warning("breaker of %s not reset: %s", provider, error)


def close(provider: str) -> None:
    """Let things be sent again at once (an operator's decision)."""
    connection().delete(_faults(provider), _open(provider))
