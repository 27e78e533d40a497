"""Putting SDKs on our transport: only what a request needs leaves this machine, whatever its SDK's HTTP library is.

SDKs add headers of their own (what machine this is, an organisation or anything else that the environment names). They
are not the account that was set up here, and a custom endpoint has no business seeing them.
"""

import httpx
import httpx2

from generation.providers.transport import Limits, OnceTransport

NEEDED = ("host", "accept", "content-type", "content-length")


class PlainTransport(httpx.BaseTransport):
    """Our transport for SDKs on httpx: sends once, with the headers in `NEEDED`, our own name and the account's key.

    The key is put in here, and not left to the SDK, which the environment can talk into another one. Without a key
    there is no such header.
    """

    def __init__(self, limits: Limits, *, key: str) -> None:
        self._once = OnceTransport(limits)
        self._added = [("user-agent", "darkroom")]
        if key:
            self._added.append(("authorization", f"Bearer {key}"))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send once. Raises what `OnceTransport` raises."""
        content = request.read()
        headers = [(name, value) for name, value in request.headers.items() if name in NEEDED]
        plain = httpx.Request(
            request.method,
            request.url,
            headers=headers + self._added,
            content=content,
            extensions=request.extensions,
        )
        return self._once.handle_request(plain)

    def close(self) -> None:
        """Close the connections."""
        self._once.close()


class PlainTransport2(httpx2.BaseTransport):
    """The same for SDKs on httpx2: request and answer are carried over at the border."""

    def __init__(self, limits: Limits, *, key: str) -> None:
        self._plain = PlainTransport(limits, key=key)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send once. Raises what `OnceTransport` raises."""
        carried = httpx.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=request.read(),
            extensions={"timeout": request.extensions.get("timeout", {})},
        )
        response = self._plain.handle_request(carried)
        return httpx2.Response(
            response.status_code, headers=response.headers.raw, content=response.content, request=request
        )

    def close(self) -> None:
        """Close the connections."""
        self._plain.close()
