"""Pictures that come inside an answer: base64 in rows of `data`, or addresses to download them from."""

import base64
import binascii
import io
import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

from generation.providers.base import Artifact, ProviderError, Retryable
from generation.providers.downloads import Download, Downloader

logger = logging.getLogger(__name__)

# Seconds before another try at a download, which is free, unlike making it again.
PAUSES = (0.3, 1.0)
# What pictures begin with; only a label, since the engine judges by the whole content.
BEGINNINGS = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))


def delivered(rows: Iterable[Any], downloader: Downloader | None = None) -> Iterator[Artifact]:
    """Yield what the rows (objects with `b64_json` or `url`) hold, in order; what is neither is left out.

    Addresses are followed only with a `downloader`. Its error is raised at the end, after everything that is there.
    """
    failure: ProviderError | None = None
    for index, row in enumerate(rows):
        encoded, address = getattr(row, "b64_json", None), getattr(row, "url", None)
        if isinstance(encoded, str) and encoded:
            content = _decoded(encoded)
            if content:
                yield Artifact(index=index, stream=cast(BinaryIO, io.BytesIO(content)), mime=_mime(content))
        elif isinstance(address, str) and address and downloader is not None:
            try:
                download = _downloaded(downloader, address)
            except ProviderError as error:
                logger.warning("output %d could not be downloaded: %s", index, error)
                failure = error
            else:
                yield Artifact(index=index, stream=download.stream, mime=download.mime)
    if failure is not None:
        raise failure


def _downloaded(downloader: Downloader, address: str) -> Download:
    """Download, if need be a few times. A fault that stays is no reason to send what was paid for again."""
    for pause in PAUSES:
        try:
            return downloader.download(address)
        except Retryable:
            time.sleep(pause)
    try:
        return downloader.download(address)
    except Retryable as error:
        raise ProviderError(str(error)) from error


def _decoded(encoded: str) -> bytes:
    """The bytes of base64, also of a data URI; empty when it is none."""
    try:
        return base64.b64decode(encoded.partition(",")[2] if encoded.startswith("data:") else encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _mime(content: bytes) -> str:
    return next((mime for start, mime in BEGINNINGS if content.startswith(start)), "application/octet-stream")
