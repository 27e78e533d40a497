"""Taking secrets out of what is written down: log lines, tracebacks, reports of errors."""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

HIDDEN = "[hidden]"
# Names whose value is nobody's business, as whole words of a name: `api_key`, `HTTP_AUTHORIZATION`, `X-Fal-Key`.
_SECRET_NAME = re.compile(
    r"(?:^|[_\-. ])(?:authorization|cookies?|passwords?\d?|passwd|secret|tokens?|ticket|signature|api_?key|key|dsn|"
    r"csrfmiddlewaretoken|sessionid|csrftoken|access|refresh)$",
    re.IGNORECASE,
)
# What secrets look like inside a sentence. Each keeps its first group and, where there is one, its second.
_PATTERNS = [
    # user:password@host
    re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+(@)"),
    # Authorization: Bearer …, and a scheme with its credentials anywhere
    re.compile(r"((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)[^'\"\r\n,}]+()", re.IGNORECASE),
    re.compile(r"(\b(?:bearer|basic|token|key)\s+)[A-Za-z0-9._~+/:=-]{12,}()", re.IGNORECASE),
    # Cookie: a=b; c=d
    re.compile(r"((?:set-)?cookie['\"]?\s*[:=]\s*['\"]?)[^'\"\r\n}]+()", re.IGNORECASE),
    # "password": "…", token=…, ?ticket=…
    re.compile(
        r"((?:^|[^A-Za-z])(?:\w*[_-])?(?:passwords?\d?|passwd|secret|tokens?|ticket|signature|api_?key|key|sessionid|"
        r"csrftoken|csrfmiddlewaretoken|access|refresh)['\"]?\s*[:=]\s*['\"]?)(?!\[hidden)[^\s'\"&,;})]{6,}()",
        re.IGNORECASE,
    ),
    # Keys of ours and of those we deal with, and JSON Web Tokens.
    re.compile(r"(\b(?:dk|sk|rk|pk|whsec|r8)_)[A-Za-z0-9_-]{8,}()"),
    re.compile(r"(\beyJ)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?()"),
    # Addresses that are keys themselves: files, mails' links, providers' callbacks.
    re.compile(r"(/f/)[^/\s'\"?]+()"),
    re.compile(r"(/(?:reset-password|verify-email)/)(?!(?:sent|confirm)\b)[^/\s'\"?]+()"),
    re.compile(r"(/hooks/[^/\s]+/[^/\s]+/)[^/\s'\"?]+()"),
]
_SECRET_VARIABLE = re.compile(r"(?:KEY|SECRET|TOKEN|PASSWORD|DSN)$")
# A shorter value would hide ordinary words.
_SHORTEST = 8


class Redactor:
    """Hides secrets: the values that this process was given, and what looks like one."""

    def __init__(self, environment: Mapping[str, str] | None = None, *more: str) -> None:
        values = set(more)
        for name, value in (environment or {}).items():
            if _SECRET_VARIABLE.search(name):
                values.add(value)
            if name.endswith("_URL") and "@" in value:
                values.add(urlsplit(value).password or "")
        known = sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """The text without what is secret in it."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{HIDDEN}\g<2>", text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The same for anything that a log line may carry; `name` is what it is called there."""
        if isinstance(value, str | bytes) and _SECRET_NAME.search(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, name) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(str(value))


redactor = Redactor(os.environ)
