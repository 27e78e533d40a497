"""A double of Replicate: predictions by model and by version, files, cancelling, the signing secret, signed webhooks.

`ReplicateDouble().url` is what REPLICATE_BASE_URL is set to; outputs come from there as well. Faults beside those of
every double go with the prediction: what becomes of the work, and how it is told.
"""

import re
from collections import Counter
from typing import Any, ClassVar

from tests.emulators.double import PLACES, Double, run
from tests.emulators.messages import Reply, Request
from tests.emulators.replicate_models import (
    OFFICIAL,
    VERSIONED,
    Prediction,
    Rules,
    find_problem,
    look_at_files,
    read_data_uri,
)
from tests.emulators.replicate_webhooks import Postman

MODEL = re.compile(r"/v1/models/(?P<model>[\w.-]+/[\w.-]+)/predictions")
PREDICTION = re.compile(r"/v1/predictions/(?P<id>[a-z0-9]+)(?P<cancel>/cancel)?")
OUTPUT = re.compile(r"/outputs/(?P<id>[a-z0-9]+)/(?P<index>\d+)\.\w+")
# Bytes of a body in which files travel along.
LARGEST_BODY = 4 * 1024 * 1024
WORK = (
    "nsfw",
    "nsfw_first",
    "content_policy",
    "model_error",
    "model_timeout",
    "bad_input",
    "never",
    "aborted",
    "data_removed",
    "webhook_lost",
    "webhook_early",
    "webhook_duplicate",
    "webhook_badly_signed",
    "webhook_replayed_late",
)
REFUSALS: dict[str, tuple[int, str, str]] = {
    "key_refused": (401, "Unauthenticated", "You did not pass a valid authentication token"),
    "balance_exhausted": (
        402,
        "Insufficient credit",
        "You have insufficient credit to run this model. Go to replicate.com/account/billing to purchase credit.",
    ),
    "429": (429, "", "Request was throttled. Your rate limit resets in ~2s. Expected available in 2 seconds."),
    "500": (500, "", "Internal server error"),
    "502": (502, "", "Bad gateway"),
    "503": (503, "", "Service unavailable"),
}


class ReplicateDouble(Double):
    """Replicate. Predictions are in `jobs` by their id, uploaded files in `uploads` by theirs."""

    places: ClassVar[dict[str, str]] = PLACES | dict.fromkeys(WORK, "job")
    adjustable: ClassVar[tuple[str, ...]] = (*Double.adjustable, "waiting", "rendering")

    def __init__(self, *, key: str = "r8_test-token-of-a-double", port: int = 0, control: bool = False) -> None:
        super().__init__(key=key, port=port, control=control)
        self.postman = Postman(lambda prediction: prediction.as_json(self.url))

    def forget(self) -> None:
        """Begin anew."""
        super().forget()
        # Seconds in the queue and in the making.
        self.waiting = 0.0
        self.rendering = 0.0
        self.jobs: dict[str, Prediction] = {}
        self.uploads: dict[str, bytes] = {}

    def close(self) -> None:
        """Let go of everything."""
        super().close()
        self.postman.close()

    def summary(self) -> dict[str, Any]:
        """What happened so far, for `/_control`."""
        states = Counter(prediction.status for prediction in list(self.jobs.values()))
        told = Counter(str(status) for _id, status in list(self.postman.attempts))
        return super().summary() | {"jobs": len(self.jobs), "states": states, "webhooks": told}

    def refusal(self, fault: str) -> Reply:
        """In Replicate's words."""
        return _problem(*REFUSALS[fault])

    def handle(self, request: Request) -> Reply:
        """Lead each request to what it asks for."""
        method, path = request.method, request.path
        if method == "GET" and (found := OUTPUT.fullmatch(path)):
            return self._output(request, found["id"], int(found["index"]))
        if method == "POST" and (path == "/v1/predictions" or MODEL.fullmatch(path)):
            return self.submission(request, lambda _faults: self._take(request))
        if method == "POST" and path == "/v1/files":
            return self.exchange(request, "upload", lambda _faults: self._keep(request))
        if method == "GET" and path == "/v1/webhooks/default/secret":
            return self.exchange(request, "secret", lambda _faults: Reply.of(200, {"key": self.postman.secret}))
        if found := PREDICTION.fullmatch(path):
            if method == "POST" and found["cancel"]:
                self.count("cancels")
                return self.exchange(request, "cancel", lambda _faults: self._cancel(found["id"]))
            if method == "GET" and not found["cancel"]:
                return self.exchange(request, "status", lambda _faults: self._show(found["id"]))
        return _problem(404, "", "The requested resource could not be found.")

    def _take(self, request: Request) -> Reply:
        try:
            body = request.json()
        except ValueError:
            return _problem(400, "", "JSON parse error")
        if len(request.body) > LARGEST_BODY:
            return _problem(413, "", "Request entity too large")
        asked = MODEL.fullmatch(request.path)
        model, version, rules = self._model(asked["model"] if asked else "", str(body.get("version", "")))
        if rules is None:
            if asked:
                return _problem(404, "", "The requested resource could not be found.")
            return _problem(422, "Invalid version or not permitted", "The specified version does not exist.")
        problem = find_problem(rules, body.get("input")) or _webhook_problem(body)
        if problem:
            return _problem(422, "Input validation failed", problem)
        prediction = Prediction(
            model=model,
            version=version,
            input=body["input"],
            webhook=body.get("webhook", ""),
            events=tuple(body.get("webhook_events_filter") or ("start", "output", "logs", "completed")),
            waiting=self.waiting,
            rendering=self.rendering,
            faults=self.faults("job"),
        )
        prediction.problem = look_at_files(prediction, self._read)
        self.jobs[prediction.id] = prediction
        self.postman.announce(prediction)
        return Reply.of(201, prediction.as_json(self.url))

    def _model(self, name: str, version: str) -> tuple[str, str, Rules | None]:
        """Name, version and rules of what was asked for; no rules where there is none."""
        if name:
            return name, "hidden", OFFICIAL.get(name)
        model, rules = VERSIONED.get(version, ("", None))
        return model, version, rules

    def _keep(self, request: Request) -> Reply:
        files = request.form().named("content")
        if not files:
            return _problem(400, "", "Missing content")
        name = f"file-{len(self.uploads)}"
        self.uploads[name] = files[0].content
        shown: dict[str, Any] = {"id": name, "name": files[0].filename, "content_type": files[0].mime, "metadata": {}}
        shown |= {"size": len(files[0].content), "etag": "e", "checksums": {}, "created_at": "", "expires_at": ""}
        return Reply.of(201, shown | {"urls": {"get": f"{self.url}/v1/files/{name}"}})

    def _read(self, address: str) -> bytes | None:
        """The bytes of an input: sent along, or uploaded before."""
        found = read_data_uri(address)
        prefix = f"{self.url}/v1/files/"
        return self.uploads.get(address.removeprefix(prefix)) if found is None else found

    def _show(self, prediction_id: str) -> Reply:
        prediction = self.jobs.get(prediction_id)
        if prediction is None:
            return _problem(404, "", "The requested resource could not be found.")
        return Reply.of(200, prediction.as_json(self.url))

    def _cancel(self, prediction_id: str) -> Reply:
        prediction = self.jobs.get(prediction_id)
        if prediction is not None and prediction.status in ("starting", "processing"):
            prediction.cancelled = True
        return self._show(prediction_id)

    def _output(self, request: Request, prediction_id: str, index: int) -> Reply:
        prediction = self.jobs.get(prediction_id)
        if prediction is None or index >= prediction.count:
            return self.download(request, None)
        return self.download(request, *prediction.file(index, self._read))


def _webhook_problem(body: dict[str, Any]) -> str:
    unknown = set(body.get("webhook_events_filter") or ()) - {"start", "output", "logs", "completed"}
    return f"- webhook_events_filter: {unknown} unknown\n" if unknown else ""


def _problem(status: int, title: str, detail: str) -> Reply:
    return Reply.of(status, ({"title": title} if title else {}) | {"detail": detail, "status": status})


if __name__ == "__main__":
    run(ReplicateDouble, "A double of Replicate on loopback.")
