"""Reports of faults to Sentry, when the settings name one. Imported by the settings, so it reads none of them."""

from typing import Any

import sentry_sdk
import structlog
from sentry_sdk.integrations.redis import RedisIntegration

from config.base.redaction import redactor


def begin_sentry(*, dsn: str, environment: str, release: str) -> None:
    """Report faults to Sentry, or to whatever speaks its protocol: no bodies, no people, no secrets."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release or None,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        # It notes the keys that were asked for, and sessions are keys.
        disabled_integrations=[RedisIntegration()],
        before_send=scrubbed,  # type: ignore[arg-type]
        before_breadcrumb=lambda crumb, _hint: redactor.value(crumb),
    )


def scrubbed(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """An event as it may leave the house, with the ids by which its log lines are found."""
    kept: dict[str, Any] = redactor.value(event)
    request = kept.get("request", {})
    for name in ("cookies", "data", "query_string", "env"):
        request.pop(name, None)
    kept.setdefault("tags", {}).update(structlog.contextvars.get_contextvars())
    return kept
