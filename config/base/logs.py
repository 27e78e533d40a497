"""Logs: one JSON object a line in production, readable lines in development; ids in both, secrets in neither.

Everything is written through the standard `logging`; structlog renders it. What stands in a line beside the sentence:
request, user, company (of a web request) and message, job (of a worker).
"""

from contextvars import ContextVar
from typing import Any

import structlog
from django.http import HttpRequest
from structlog.typing import EventDict, Processor, WrappedLogger

from config.base.redaction import redactor

# The page request that this thread works on; what becomes known about it later is in lines written later.
current_request: ContextVar[HttpRequest | None] = ContextVar("current_request", default=None)
_FIRST = ("timestamp", "level", "logger", "event")
# What may come with `extra=`; libraries hang whole requests on a record.
_EXTRAS = ("view", "milliseconds")
_NOISE = ("_record", "_from_structlog")


def bind(**ids: object) -> None:
    """Name what this thread works on in all its further lines, e.g. `bind(job=job.pk)`; a worker forgets it itself."""
    structlog.contextvars.bind_contextvars(**{name: str(value) for name, value in ids.items()})


def forget() -> None:
    """Name nothing any more: a thread must not drag along what it did before."""
    structlog.contextvars.clear_contextvars()


def add_who(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add who asks, as far as the request has found it out by now; asks nothing itself."""
    request = current_request.get()
    if request is None:
        return event
    viewer = request.__dict__.get("_viewer")
    user = viewer.user if viewer is not None else request.__dict__.get("_cached_user")
    key = getattr(user, "pk", None)
    if key is not None:
        event["user"] = str(key)
    if viewer is not None:
        event["company"] = str(viewer.company.pk)
    return event


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The last step before rendering: nothing of a line escapes it."""
    return {name: redactor.value(value, name) for name, value in event.items() if name not in _NOISE}


def in_order(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """When, how bad, who, what: first in each line. The level in capitals, as `make run` looks for it."""
    event["level"] = str(event.get("level", "info")).upper()
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return {**first, **event}


def _readable(logger: WrappedLogger, method: str, event: EventDict) -> str:
    head = " ".join(str(event.pop(name)) for name in _FIRST if name in event)
    trace = event.pop("exception", "")
    rest = " ".join(f"{name}={value}" for name, value in event.items())
    return head + (f"  [{rest}]" if rest else "") + (f"\n{trace}" if trace else "")


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """The `LOGGING` setting. Servers that log by themselves (uvicorn, granian, Dramatiq) speak through it as well."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_who,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=_EXTRAS),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else _readable
    through = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": before,
                "processors": [hide_secrets, in_order, render],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Say each request, and each refusal, a second time, with its full address.
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            # Tell each call, and with it the addresses of files.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "uvicorn.access": {"level": "WARNING"},
            **{name: dict(through) for name in ("uvicorn", "uvicorn.error", "_granian", "dramatiq")},
        },
    }
