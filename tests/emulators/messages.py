"""What goes over the wire of a double: a request that was read, and the answer to it."""

import base64
import io
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a form."""

    name: str
    filename: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart form: values and files in their order, by name."""

    values: dict[str, list[str]]
    files: list[Part]

    def value(self, name: str, default: str = "") -> str:
        """The first value of a name."""
        return self.values.get(name, [default])[0]

    def named(self, name: str) -> list[Part]:
        """The files of a name."""
        return [part for part in self.files if part.name == name]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; the names of its headers are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def arguments(self) -> dict[str, str]:
        """The query, by name; the first value of each."""
        return {name: values[0] for name, values in parse_qs(self.query).items()}

    def json(self) -> Any:
        """The body. Raises `ValueError` when it is not JSON."""
        return json.loads(self.body or b"{}")

    def form(self) -> Form:
        """The body as a multipart form."""
        mime, options = parse_options_header(self.headers.get("content-type", ""))
        _stream, values, files = FormDataParser().parse(io.BytesIO(self.body), mime, len(self.body), options)
        parts = []
        for name, group in files.lists():
            for file in group:
                with file.stream:
                    parts.append(Part(name, file.filename or "", file.mimetype, file.stream.read()))
        return Form(dict(values.lists()), parts)

    def carries(self, key: str) -> bool:
        """Whether a secret is anywhere in its head: in a header, encoded for basic authentication, in the address."""
        shown = " ".join(self.headers.values()) + self.query
        return key in shown or base64.b64encode(f"{key}:".encode()).decode() in shown


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `padding` bytes follow the body without end in sight; `cut` ends it halfway, its length promised."""

    status: int
    body: bytes
    mime: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    padding: int = 0
    cut: bool = False

    @classmethod
    def of(cls, status: int, body: Any, headers: dict[str, str] | None = None) -> "Reply":
        """An answer in JSON."""
        return cls(status, json.dumps(body).encode(), headers=headers or {})
