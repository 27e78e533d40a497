"""Asking ClamAV about a file that came from outside, over its own protocol: no library of it is kept alive.

The scanner judges the bytes as they were sent, before anything of ours decodes them.
"""

import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

CHUNK = 64 * 1024
# Answers are one short line; more is no scanner.
MOST_ANSWER = 4096
DEFAULT_PORT = 3310


class ScannerFailed(Exception):
    """The scanner did not judge: it is away, too slow, or refuses the size (its `StreamMaxLength`)."""


def scan(path: Path, *, address: str, seconds: float = 30.0) -> str:
    """Return the name of what was found in a file, "" when nothing was. Raises `ScannerFailed`, `ValueError`.

    `address` is `tcp://host:port` or `unix:///path/of/clamd.sock`.
    """
    try:
        with _connect(address, seconds) as connection, path.open("rb") as file:
            connection.sendall(b"zINSTREAM\0")
            while chunk := file.read(CHUNK):
                connection.sendall(struct.pack(">I", len(chunk)) + chunk)
            connection.sendall(struct.pack(">I", 0))
            answer = _read_line(connection)
    except OSError as error:
        # A scanner that refuses the size simply ends the connection in the middle of it.
        raise ScannerFailed(str(error)) from error
    verdict = answer.removeprefix("stream: ")
    if verdict == "OK":
        return ""
    if verdict.endswith(" FOUND"):
        return verdict.removesuffix(" FOUND")
    raise ScannerFailed(answer or "no answer")


def _connect(address: str, seconds: float) -> socket.socket:
    url = urlsplit(address)
    if url.scheme == "tcp" and url.hostname:
        return socket.create_connection((url.hostname, url.port or DEFAULT_PORT), timeout=seconds)
    if url.scheme == "unix" and url.path:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            connection.connect(url.path)
        except BaseException:
            connection.close()
            raise
        return connection
    raise ValueError("CLAMAV_URL is tcp://host:port or unix:///path/of/clamd.sock")


def _read_line(connection: socket.socket) -> str:
    """The answer, which ends with a zero byte or with the connection."""
    answer = b""
    while b"\0" not in answer and len(answer) < MOST_ANSWER:
        chunk = connection.recv(MOST_ANSWER)
        if not chunk:
            break
        answer += chunk
    return answer.partition(b"\0")[0].decode("utf-8", "replace").strip()
