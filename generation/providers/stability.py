"""Stability AI's v2beta API over plain HTTP: a form goes up, the picture comes back in the same answer.

Its own SDK knows nothing of this API. One POST makes one output; a call for several is several POSTs, one after the
other, each sent exactly once.
"""

import base64
import binascii
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, ClassVar, cast

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from generation.providers import stability_errors
from generation.providers.base import (
    Artifact,
    AuthFailed,
    Call,
    ContentRejected,
    ProviderError,
    Report,
    SubmitUnknown,
)
from generation.providers.stability_endpoints import endpoint_of, fields_for, path_of
from generation.providers.transport import Answered, Limits, OnceTransport
from generation.providers.waiting import await_answer

# Bytes of an answer: a picture of four megapixels as PNG, or a mesh with its texture, and room.
LARGEST_ANSWER = 64 * 1024 * 1024
# Seconds for a part of the form to go up.
WRITE_SECONDS = 30.0
MESH = "model/gltf-binary"
FILTERED = "CONTENT_FILTERED"

# A value of a form, or a file: name, content, MIME type.
FormPart = tuple[None, bytes] | tuple[str, bytes, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose account, and where Stability is: an address without a slash at the end."""

    key: str = field(repr=False)
    base_url: str = "https://api.stability.ai"

    @classmethod
    def from_settings(cls) -> "Account":
        """The one that the operator set up."""
        base_url = settings.STABILITY_BASE_URL.rstrip("/").removesuffix("/v2beta").rstrip("/")
        return cls(key=settings.STABILITY_API_KEY, base_url=base_url)


class Stability:
    """Makes pictures in one go. Takes its account from the settings each time, unless it was given one."""

    name: ClassVar[str] = "stability"
    source_type: ClassVar[str] = "trainedAlgorithmicMedia"

    def __init__(self, account: Account | None = None, *, limits: Limits | None = None) -> None:
        self._account = account
        self._limits = limits

    @property
    def account(self) -> Account:
        """The account in use."""
        return self._account or Account.from_settings()

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Yield each output as it comes.

        What the safety check flags after it was made is left out, unless nothing is left. Any other error ends the
        call: what came before it is delivered.
        """
        account = self.account
        if not account.key:
            raise AuthFailed(_("This installation has no key for Stability. The operator must set STABILITY_API_KEY."))
        forms = [fields_for(call, seed) for seed in call.seeds]
        files = _files(call)
        found = False
        with _client(account, self._limits or _limits(call)) as client:
            for index, form in enumerate(forms):
                if index:
                    # Whoever cancelled meanwhile is not sent, or billed, another one.
                    report(index / len(forms))
                try:
                    artifact = await_answer(
                        partial(_made, client, call, form, files, index),
                        report,
                        usual=call.seconds_allowed / 4,
                        begin=index / len(forms),
                        end=(index + 1) / len(forms),
                    )
                except _Flagged:
                    continue
                found = True
                yield artifact
        if not found:
            raise stability_errors.rejected()


class _Flagged(ContentRejected):
    """One output was made and held back; the next seed may fare better."""


def _made(client: httpx.Client, call: Call, form: dict[str, str], files: dict[str, FormPart], index: int) -> Artifact:
    """One exchange. Raises `ProviderError`."""
    makes_mesh = endpoint_of(call.endpoint, call.task).makes_mesh
    # Values travel as parts as well: without a file it would be sent as another kind of form, which is refused.
    parts: dict[str, FormPart] = {name: (None, value.encode()) for name, value in form.items()}
    try:
        response = client.post(
            path_of(call.endpoint),
            files=parts | files,
            headers={"Accept": "*/*" if makes_mesh else "image/*"},
        )
    except Answered as answer:
        raise stability_errors.make_error(answer) from answer
    content, mime, facts = _read(response)
    if facts.get("finish_reason") == FILTERED:
        raise _Flagged
    if not content or mime.startswith("text/"):
        # A page of some gateway: whether something was made behind it nobody knows.
        raise _unreadable()
    seed = str(facts.get("seed"))
    meta = {"bytes": len(content)} | ({"seed": int(seed)} if seed.isdecimal() else {})
    return Artifact(
        index=index, stream=cast(BinaryIO, io.BytesIO(content)), mime=MESH if makes_mesh else mime, meta=meta
    )


def _read(response: httpx.Response) -> tuple[bytes, str, dict[str, Any]]:
    """Content, MIME type, and `finish_reason` and `seed`: from the headers, or from JSON, in which it answers too."""
    mime = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if mime != "application/json":
        facts = {"finish_reason": response.headers.get("finish-reason"), "seed": response.headers.get("seed")}
        return response.content, mime, facts
    try:
        body = json.loads(response.content)
        return base64.b64decode(body.get("image") or "", validate=True), "image/png", body
    except (ValueError, binascii.Error, AttributeError, TypeError) as error:
        raise _unreadable() from error


def _unreadable() -> ProviderError:
    return SubmitUnknown(_("Stability's answer cannot be read, so it is not known whether it made this."))


def _files(call: Call) -> dict[str, FormPart]:
    """The inputs, read once for all outputs; Stability's mask is ours: white may change."""
    files: dict[str, FormPart] = {}
    for file in call.inputs:
        with file.open() as stream:
            files[file.role] = (f"{file.role}.{file.mime.rpartition('/')[2]}", stream.read(), file.mime)
    return files


def _limits(call: Call) -> Limits:
    """One output may take as long as the catalogue allows."""
    seconds = float(call.seconds_allowed)
    return Limits(read=seconds, write=WRITE_SECONDS, total=seconds, body=LARGEST_ANSWER)


def _client(account: Account, limits: Limits) -> httpx.Client:
    headers = {"Authorization": f"Bearer {account.key}", "User-Agent": "darkroom", "stability-client-id": "darkroom"}
    timeout = httpx.Timeout(limits.total)
    return httpx.Client(
        base_url=account.base_url,
        headers=headers,
        timeout=timeout,
        transport=OnceTransport(limits),
        follow_redirects=False,
    )
