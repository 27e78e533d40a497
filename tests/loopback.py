"""A web server on loopback that says exactly what a test wants, well-formed or not."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Answer = Callable[[socket.socket], None]


def whole(content: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{lines}\r\n".encode() + content


class Server:
    """A server on loopback that answers each connection with the next of its answers; keeps what was asked."""

    def __init__(self, *answers: bytes | Answer, certificate: Path | None = None) -> None:
        self.asked: list[str] = []
        self._answers = iter(answers)
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
            self._context.sni_callback = lambda _socket, name, _context: self.asked.append(f"SNI {name}")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for answer in self._answers:
            try:
                plain, _peer = self._socket.accept()
            except OSError:
                return
            with plain:
                try:
                    self._answer(plain, answer)
                except OSError:
                    continue

    def _answer(self, plain: socket.socket, answer: bytes | Answer) -> None:
        connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
        with connection:
            self.asked.append(connection.recv(65536).decode("latin-1"))
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextmanager
def serving(*answers: bytes | Answer, certificate: Path | None = None) -> Iterator[Server]:
    server = Server(*answers, certificate=certificate)
    try:
        yield server
    finally:
        server.close()
