"""The wire of the double of fal: which request means what, and the faults that strike there."""

import json
import re
import socket
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.emulators.fal_jobs import FalJob, find_problem
from tests.emulators.fal_schemas import ENDPOINTS

if TYPE_CHECKING:
    from tests.emulators.fal import FalEmulator

REQUEST = re.compile(r"/(?P<app>[\w.-]+/[\w.-]+)/requests/(?P<id>[\w-]+)(?P<what>|/status|/cancel)")
FILE = re.compile(r"/files/(?P<id>[\w-]{36})-(?P<index>\d+)\.(png|mp4|glb)")


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class FalServer(ThreadingHTTPServer):
    """Answers on a port of 127.0.0.1."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, fal: "FalEmulator", port: int) -> None:
        self.fal = fal
        super().__init__(("127.0.0.1", port), FalHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what many tests do."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class FalHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece, at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: FalServer

    @property
    def fal(self) -> "FalEmulator":
        return self.server.fal

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Quiet."""

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def _answer(self, handle: Any) -> None:
        self.url = urlsplit(self.path)
        self.fal.log.append((self.command, self.url.path))
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            handle()
        except Dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    # --- Which request it is ------------------------------------------------------------------------------------------

    def _get(self) -> None:
        path = self.url.path
        if path == "/_control" and self.fal.control:
            self._json(200, self.fal.summary())
        elif path == "/.well-known/jwks.json":
            self._public("keys")
            if not self._strike("keys"):
                self._json(200, self.fal.postman.jwks)
        elif path == "/api/openapi/queue/openapi.json":
            self._document()
        elif path == "/v1/models/pricing":
            self._prices()
        elif found := FILE.fullmatch(path):
            self._public("downloads")
            self._download(found["id"], int(found["index"]))
        elif found := REQUEST.fullmatch(path):
            self._look(found["app"], found["id"], found["what"])
        else:
            self._json(404, {"detail": "Not Found"})

    def _post(self) -> None:
        path = self.url.path
        if path == "/_control" and self.fal.control:
            self.fal.adjust(json.loads(self.body or b"{}"))
            self._json(200, {})
        elif path == "/storage/upload/initiate":
            self._initiate_upload()
        else:
            self._submit(path.strip("/"))

    def _put(self) -> None:
        path = self.url.path
        if path.startswith("/upload/"):
            self._public("uploads")
            if not self._strike("upload_put"):
                self.fal.uploads[path.rpartition("/")[2]] = self.body
                self._send(200, b"", "text/plain")
        elif found := REQUEST.fullmatch(path):
            self._cancel(found["app"], found["id"])
        else:
            self._json(404, {"detail": "Not Found"})

    # --- The queue ----------------------------------------------------------------------------------------------------

    def _submit(self, endpoint: str) -> None:
        self.fal.count("posts")
        faults = self.fal.faults("submit")
        if self._refused() or self._struck(faults - {"accept_then_drop", "accept_then_hang", "garbled"}):
            return
        if endpoint not in ENDPOINTS:
            self._json(404, {"detail": f"Application '{endpoint}' not found"})
            return
        try:
            arguments = json.loads(self.body)
        except ValueError:
            self._json(422, {"detail": [{"loc": ["body"], "msg": "Invalid JSON", "type": "json_invalid"}]})
            return
        problem = find_problem(endpoint, arguments, self.fal.uploads)
        webhook = parse_qs(self.url.query).get("fal_webhook", [""])[0]
        made = self.fal.faults("job")
        job = FalJob(endpoint, arguments, webhook, self.fal.waiting, self.fal.rendering, made, problem)
        self.fal.take(job)
        if "accept_then_hang" in faults:
            self.fal.closing.wait(self.fal.hang)
            raise Dropped
        if "accept_then_drop" in faults:
            raise Dropped
        if "garbled" in faults:
            self._send(200, b"<html>", "text/html")
            return
        base = f"{self.fal.url}/{'/'.join(endpoint.split('/')[:2])}/requests/{job.id}"
        answer = {"status": "IN_QUEUE", "queue_position": 0, "request_id": job.id, "gateway_request_id": job.id}
        urls = {"response_url": base, "status_url": f"{base}/status", "cancel_url": f"{base}/cancel", "logs": None}
        self._json(200, answer | urls | {"metrics": {}})

    def _job(self, app: str, job_id: str) -> FalJob | None:
        """The job of an address, if the caller may see it and there is one; else it has been answered."""
        if self._refused():
            return None
        job = self.fal.jobs.get(job_id)
        if job is None or not f"{job.endpoint}/".startswith(f"{app}/"):
            self._json(404, {"detail": "Request not found"})
            return None
        return job

    def _look(self, app: str, job_id: str, what: str) -> None:
        place = "status" if what == "/status" else "result"
        self.fal.count(place)
        job = self._job(app, job_id)
        if job is None:
            return
        faults = self.fal.faults(place)
        if self._struck(faults - {"missing_logs"}):
            return
        if place == "result":
            if job.state == "COMPLETED":
                self._json(*job.outcome(f"{self.fal.url}/files"))
            else:
                self._json(400, {"detail": "Request is still in progress"})
            return
        answer: dict[str, Any] = {"status": job.state, "request_id": job.id, "response_url": f"{self.fal.url}/{app}"}
        if job.state == "IN_QUEUE":
            answer["queue_position"] = 3
        elif "missing_logs" not in faults:
            answer["logs"] = [{"message": " 40%|████      | 2/5", "level": "STDERR", "timestamp": ""}]
        if job.state == "COMPLETED":
            answer["metrics"] = {"inference_time": job.rendering}
        self._json(200 if job.state == "COMPLETED" else 202, answer)

    def _cancel(self, app: str, job_id: str) -> None:
        self.fal.count("cancels")
        job = self._job(app, job_id)
        if job is None or self._strike("cancel"):
            return
        if job.state == "COMPLETED":
            self._json(400, {"status": "ALREADY_COMPLETED"})
        else:
            job.cancelled = True
            self._json(202, {"status": "CANCELLATION_REQUESTED"})

    # --- Files --------------------------------------------------------------------------------------------------------

    def _initiate_upload(self) -> None:
        if self._refused() or self._strike("upload"):
            return
        name = f"{uuid.uuid4()}-{json.loads(self.body)['file_name']}"
        self._json(200, {"upload_url": f"{self.fal.url}/upload/{name}", "file_url": f"{self.fal.url}/uploaded/{name}"})

    def _document(self) -> None:
        """The OpenAPI document of an endpoint, for everybody."""
        self._public("schemas")
        if self._strike("schema"):
            return
        document = self.fal.listing.openapi(self._wanted())
        if document is None:
            self._json(404, {"detail": "App not found"})
        else:
            self._json(200, document)

    def _prices(self) -> None:
        """The price of an endpoint, for whoever has an account."""
        self.fal.count("prices")
        if self._refused() or self._strike("pricing"):
            return
        row = self.fal.listing.price(self._wanted())
        if row is None:
            error = {"type": "not_found", "message": "Endpoint not found", "docs_url": "https://docs.fal.ai"}
            self._json(404, {"error": error})
        else:
            self._json(200, {"prices": [row], "next_cursor": None, "has_more": False})

    def _wanted(self) -> str:
        return parse_qs(self.url.query).get("endpoint_id", [""])[0]

    def _download(self, job_id: str, index: int) -> None:
        job = self.fal.jobs.get(job_id)
        faults = self.fal.faults("download")
        if job is None or index >= job.count or "gone" in faults:
            self._json(404, {"detail": "Not Found"})
        elif "redirect" in faults:
            self._send(302, b"", "text/plain", {"Location": self.fal.redirect_to})
        elif "html" in faults:
            self._send(200, b"<!doctype html><title>Sorry</title>", "text/html")
        elif "oversized" in faults:
            self._send(200, b"", "image/png", {"Content-Length": str(self.fal.oversized_bytes)})
            self.close_connection = True
        elif "truncated" in faults or "dribble" in faults:
            content, mime = job.file(index)
            self._send(200, content[: len(content) // 2], mime, {"Content-Length": str(len(content))})
            if "dribble" in faults:
                self.wfile.flush()
                self.fal.closing.wait(self.fal.hang)
            raise Dropped
        elif not self._struck(faults):
            self._send(200, *job.file(index))

    # --- Faults and answers -------------------------------------------------------------------------------------------

    def _public(self, what: str) -> None:
        """Where everybody may ask, nobody should show the key."""
        self.fal.count(what)
        if "authorization" in self.headers:
            self.fal.count("leaks")

    def _refused(self) -> bool:
        if self.headers.get("authorization") == f"Key {self.fal.key}":
            return False
        self._json(401, {"detail": "Cannot access application. Authentication is required."})
        return True

    def _strike(self, place: str) -> bool:
        return self._struck(self.fal.faults(place))

    def _struck(self, faults: set[str]) -> bool:
        """Let a fault happen; whether the request is thereby answered."""
        if "latency" in faults:
            self.fal.closing.wait(self.fal.latency)
        if "hang" in faults:
            self.fal.closing.wait(self.fal.hang)
            raise Dropped
        if faults & {"drop", "drop_before_accept", "accept_then_drop"}:
            raise Dropped
        if "key_refused" in faults:
            self._json(401, {"detail": "Invalid API key"})
        elif "balance_exhausted" in faults:
            reason = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
            self._json(403, {"detail": reason})
        elif "redirect_post" in faults:
            self._send(307, b"", "text/plain", {"Location": self.path})
        elif statuses := sorted(fault for fault in faults if fault.isdigit()):
            wait = {"Retry-After": str(self.fal.retry_after)} if statuses[0] in ("429", "503") else {}
            self._send(int(statuses[0]), b"nginx", "text/html", wait)
        else:
            return False
        return True

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, content: bytes, mime: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": mime, "Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
