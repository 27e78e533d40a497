"""Pictures through the official `openai` SDK: OpenAI itself, and every endpoint that speaks the same protocol.

One POST makes all outputs of a call, and is sent once; the answer holds them as base64. The protocol has no seeds, so
outputs differ by themselves and none can be made a second time.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import httpx2
from django.utils.translation import gettext as _
from openai import OpenAI

from generation.providers import openai_pictures, vendor_errors
from generation.providers.base import Artifact, Call, InvalidInput, ProviderError, Report
from generation.providers.delivered import delivered
from generation.providers.downloads import Downloader, DownloadLimits
from generation.providers.openai_account import MOST, MOST_INPUTS, Account
from generation.providers.openai_pictures import FLEXIBLE, STANDARD
from generation.providers.sdk_transport import PlainTransport2
from generation.providers.transport import Answered, Limits
from generation.providers.waiting import await_answer

# Bytes of an answer for each output: base64 of a picture that is as large uncompressed.
BODY_PER_OUTPUT = 24 * 1024 * 1024
# Models that make any size; the rest make the three standard ones.
FLEXIBLE_MODELS = ("gpt-image-2",)
# Our names of what is passed on as it is.
PASSED_ON = ("quality", "background", "output_format")
# What the tasks mean in words, for models that know no tasks.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "image-to-image": "Paint this picture anew, with the same subject and composition.",
        "variation": "Make a variation of this picture: the same subject, style and mood, in another composition.",
        "remove-background": "Remove the background and leave it fully transparent. Keep the subject exactly as it is.",
        "outpaint": "Continue the picture seamlessly into the empty margins. Keep what is there exactly as it is.",
        "inpaint": "Fill the masked area so that it matches its surroundings.",
    }
)


class OpenAIImages:
    """Makes pictures in one go. Takes its account from the settings each time, unless it was given one."""

    name: ClassVar[str] = "openai"
    source_type: ClassVar[str] = "trainedAlgorithmicMedia"

    def __init__(
        self,
        account: Account | None = None,
        *,
        limits: Limits | None = None,
        download_limits: DownloadLimits | None = None,
    ) -> None:
        self._account = account
        self._limits = limits
        self._download_limits = download_limits

    @property
    def account(self) -> Account:
        """The account in use."""
        return self._account or Account.from_settings()

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Send the one POST, then yield what its answer holds."""
        account = self.account
        if account.needs_key and not account.key:
            raise vendor_errors.no_key(account.vendor)
        if len(call.seeds) > MOST:
            sentence = _("This model makes %(most)d at a time; %(count)d were asked for.")
            raise InvalidInput(sentence % {"most": MOST, "count": len(call.seeds)})
        send = _request(call, is_official=account.is_official)
        rows = await_answer(lambda: self._sent(account, call, send), report, usual=call.seconds_allowed / 4)
        downloader = Downloader(account.sources, self._download_limits) if account.sources else None
        found = False
        for artifact in delivered(rows[: len(call.seeds)], downloader):
            found = True
            yield artifact
        if not found:
            raise ProviderError(_("%s delivered nothing.") % account.title)

    def _sent(self, account: Account, call: Call, send: Callable[[OpenAI], Any]) -> list[Any]:
        """One exchange; the rows of its answer. Raises `ProviderError`."""
        limits = self._limits or Limits(
            read=call.seconds_allowed,
            write=30.0,
            total=call.seconds_allowed,
            body=BODY_PER_OUTPUT * len(call.seeds),
        )
        transport = PlainTransport2(limits, key=account.key)
        with httpx2.Client(transport=transport, timeout=limits.total, follow_redirects=False) as http_client:
            client = OpenAI(
                # The transport puts the key in; without any the SDK would look for one in the environment.
                api_key="none",
                base_url=account.base_url,
                max_retries=0,
                http_client=http_client,
            )
            try:
                answer = send(client)
            except Answered as refusal:
                raise vendor_errors.submit_error(refusal, account.vendor) from refusal
            except ProviderError as error:
                raise vendor_errors.lost(error, account.vendor) from error
            except (ValueError, TypeError, KeyError) as error:
                raise vendor_errors.unreadable(account.vendor) from error
        rows = getattr(answer, "data", None)
        if not isinstance(rows, list):
            raise vendor_errors.unreadable(account.vendor)
        return rows


class CustomImages(OpenAIImages):
    """An endpoint that an operator added."""

    name: ClassVar[str] = "custom"


def _prompt(call: Call) -> str:
    """The person's words, and the task's where those do not say it."""
    task = WORDS.get(call.task, "")
    if call.task in ("outpaint", "variation", "remove-background"):
        return f"{task} {call.prompt}".strip()
    return call.prompt or task


def _request(call: Call, *, is_official: bool) -> Callable[[OpenAI], Any]:
    """What is to be asked of the SDK, with the inputs read. Raises `InvalidInput` before anything is sent."""
    options: dict[str, Any] = {name: call.params[name] for name in PASSED_ON if call.params.get(name) is not None}
    options |= {"model": call.endpoint, "n": len(call.seeds), "prompt": _prompt(call)}
    if not is_official:
        # OpenAI's models send base64 always and refuse to be told; others send addresses unless they are told.
        options["response_format"] = "b64_json"
    is_flexible = call.endpoint.startswith(FLEXIBLE_MODELS) or not is_official
    sizes = FLEXIBLE if is_flexible else STANDARD
    ratio = call.params.get("aspect_ratio")
    if ratio and ratio not in sizes:
        raise InvalidInput(_("This model makes these shapes: %s.") % ", ".join(sizes))
    if options.get("background") == "transparent" and options.get("output_format") == "jpeg":
        raise InvalidInput(_("JPEG knows no transparency: choose PNG or WebP, or another background."))
    if call.task == "text-to-image":
        options["size"] = sizes[ratio or "1:1"]
        return lambda client: client.images.generate(**options)
    files = openai_pictures.pictures(call)
    if len(files) > MOST_INPUTS:
        raise InvalidInput(_("This model works from at most %d pictures.") % MOST_INPUTS)
    if call.task == "outpaint":
        canvas = openai_pictures.widened(call)
        options |= {"image": [canvas.picture], "mask": canvas.mask}
        width, height = canvas.width, canvas.height
    else:
        options["image"] = openai_pictures.uploads(call)
        width, height = openai_pictures.size_of(files[0])
    if call.task == "inpaint":
        options["mask"] = openai_pictures.mask_of(call)
    if call.task == "remove-background":
        options["background"] = "transparent"
    options["size"] = sizes[ratio] if ratio else openai_pictures.nearest_size(width, height, is_flexible=is_flexible)
    return lambda client: client.images.edit(**options)
