"""A provider that does what a test tells it: the engine's faults are provoked through its real interface."""

import io
from collections.abc import Callable, Iterator, Mapping

from PIL import Image

from generation.providers.base import (
    Artifact,
    BadSignature,
    Call,
    Progress,
    Report,
    Submitted,
    WebhookEvent,
)

Step = Callable[[Call, Report], None]


def picture(seed: int = 0) -> bytes:
    """A small valid PNG whose colour depends on the seed."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (seed % 256, 80, 120)).save(file, "PNG")
    return file.getvalue()


class Scripted:
    """Runs `before` and then yields `outputs` (PNG bytes by index; all good ones by default)."""

    name = "local"
    source_type = "algorithmicMedia"

    def __init__(self, *, before: Step | None = None, outputs: dict[int, bytes] | None = None) -> None:
        self.before = before
        self.outputs = outputs
        self.calls: list[Call] = []

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Record the call, do what the test wants, deliver."""
        self.calls.append(call)
        if self.before is not None:
            self.before(call, report)
        outputs = self.outputs
        if outputs is None:
            outputs = {index: picture(seed) for index, seed in enumerate(call.seeds)}
        for index, content in outputs.items():
            yield Artifact(index=index, stream=io.BytesIO(content), mime="image/png")


class ScriptedQueue:
    """A provider that renders elsewhere: what each exchange does is put in by the test.

    `answers` are taken one by one by `poll` (a `Progress`, or an error to raise); when none is left it is done.
    """

    name = "local"
    source_type = "algorithmicMedia"

    def __init__(self) -> None:
        self.submits: list[Call] = []
        self.polls = 0
        self.cancels = 0
        self.answers: list[Progress | Exception] = []
        self.submit_error: Exception | None = None
        self.fetch_errors: list[Exception] = []
        self.can_cancel = True
        self.on_submit: Callable[[], None] | None = None
        self.on_poll: Callable[[], None] | None = None

    def submit(self, call: Call) -> Submitted:
        """Take the call, unless the test has an error for it."""
        self.submits.append(call)
        if self.on_submit is not None:
            self.on_submit()
        if self.submit_error is not None:
            raise self.submit_error
        return Submitted(external_id=f"r-{call.job_id}", reference={"endpoint": call.endpoint})

    def poll(self, submitted: Submitted) -> Progress:
        """The next answer."""
        self.polls += 1
        if self.on_poll is not None:
            self.on_poll()
        answer = self.answers.pop(0) if self.answers else Progress(state="done")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fetch(self, submitted: Submitted, call: Call) -> Iterator[Artifact]:
        """One picture for every seed, after the errors are used up."""
        if self.fetch_errors:
            raise self.fetch_errors.pop(0)
        for index, seed in enumerate(call.seeds):
            yield Artifact(index=index, stream=io.BytesIO(picture(seed)), mime="image/png")

    def cancel(self, submitted: Submitted) -> bool:
        """Whether it could be stopped, as the test says."""
        self.cancels += 1
        return self.can_cancel

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Signed when the header says so."""
        if headers.get("X-Signature") != "good":
            raise BadSignature
        return WebhookEvent(external_id=headers["X-Request"], delivery_id=headers["X-Delivery"])
