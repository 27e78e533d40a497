"""Everything on one port, for `make run`: the event stream as raw ASGI, the pages through a thread pool.

Production runs `config.wsgi` and `config.events` as separate processes behind nginx.
"""

from a2wsgi import WSGIMiddleware

from config.events import Receive, Scope, Send
from config.events import application as events
from config.wsgi import application as pages

_pages = WSGIMiddleware(pages, workers=10)  # type: ignore[arg-type]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Route by path; the stream's process also owns the lifespan."""
    if scope["type"] == "lifespan" or scope.get("path", "").startswith("/events/"):
        await events(scope, receive, send)
    elif scope["type"] == "http":
        await _pages(scope, receive, send)  # type: ignore[arg-type]
