"""Together AI through its own SDK. Answers in one go; each output is a request of its own, so that its seed is its own.

What one request made is delivered even if the next one fails.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import sqrt
from types import MappingProxyType
from typing import Any, ClassVar

import httpx
from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image
from together import APIConnectionError
from together import Together as Client

from generation.providers import vendor_errors
from generation.providers.base import Artifact, Call, InputFile, InvalidInput, ProviderError, Report
from generation.providers.delivered import delivered
from generation.providers.downloads import Downloader, DownloadLimits
from generation.providers.sdk_transport import PlainTransport
from generation.providers.transport import Answered, Limits
from generation.providers.vendor_errors import Vendor
from generation.providers.waiting import await_answer

OFFICIAL = "https://api.together.xyz"
# Where outputs are served from when they come as addresses, although base64 was asked for.
OFFICIAL_HOSTS = (".together.xyz", ".together.ai")
OFFICIAL_SOURCES = ("https://*.together.ai", "https://*.together.xyz")
# Bytes of an answer: base64 of a picture that is as large uncompressed.
BODY = 24 * 1024 * 1024
# Width and height in steps of 32 pixels, each within the begun megapixel that is billed.
SIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "1:1": (992, 992),
        "16:9": (1312, 736),
        "9:16": (736, 1312),
        "21:9": (1504, 640),
        "4:3": (1152, 864),
        "3:4": (864, 1152),
        "3:2": (1216, 800),
        "2:3": (800, 1216),
    }
)
STEP = 32
AREA = 1_000_000
# A shape beyond this is brought back to it: models refuse longer ones.
STRETCH = 2.4
# Our names of what is passed on, and Together's.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "steps": "steps",
        "guidance": "guidance_scale",
        "negative_prompt": "negative_prompt",
        "output_format": "output_format",
    }
)
# What is asked of a model that needs words, where the person need not say anything.
WORDS = "Paint this picture anew, with the same subject and composition."
# Models that take several references in a list; the rest take one picture.
MANY_REFERENCES = ("black-forest-labs/FLUX.2",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose account, and where Together is; the address has no slash at the end, and no version."""

    key: str = field(repr=False)
    base_url: str = OFFICIAL

    @classmethod
    def from_settings(cls) -> "Account":
        """The one that the operator set up."""
        # The SDK puts the version into each path itself.
        return cls(key=settings.TOGETHER_API_KEY, base_url=settings.TOGETHER_BASE_URL.rstrip("/").removesuffix("/v1"))

    @property
    def vendor(self) -> Vendor:
        """How errors speak of it."""
        return Vendor(title="Together", remedy="TOGETHER_API_KEY", secret=self.key)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where outputs may be downloaded from."""
        url = httpx.URL(self.base_url)
        return OFFICIAL_SOURCES if url.host.endswith(OFFICIAL_HOSTS) else (str(url.join("/")),)


class Together:
    """Makes pictures in one go. Takes its account from the settings each time, unless it was given one."""

    name: ClassVar[str] = "together"
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
        """One POST for each seed, one after the other; each output is yielded as soon as it is there."""
        account = self.account
        if not account.key:
            raise vendor_errors.no_key(account.vendor)
        options = _options(call)
        downloader = Downloader(account.sources, self._download_limits)
        count = len(call.seeds)
        for index, seed in enumerate(call.seeds):
            rows = await_answer(
                lambda seed=seed: self._sent(account, call, options | {"seed": seed}),  # type: ignore[misc]
                report,
                usual=call.seconds_allowed / 8,
                begin=index / count,
                end=(index + 1) / count,
            )
            made = list(delivered(rows[:1], downloader))
            if not made:
                raise ProviderError(_("%s delivered nothing.") % account.vendor.title)
            report((index + 1) / count)
            yield replace(made[0], index=index)

    def _sent(self, account: Account, call: Call, options: Mapping[str, Any]) -> list[Any]:
        """One exchange; the rows of its answer. Raises `ProviderError`."""
        limits = self._limits or Limits(read=call.seconds_allowed, write=30.0, total=call.seconds_allowed, body=BODY)
        with httpx.Client(
            transport=PlainTransport(limits, key=account.key), timeout=limits.total, follow_redirects=False
        ) as http_client:
            client = Client(api_key="none", base_url=account.base_url, max_retries=0, http_client=http_client)
            try:
                answer: Any = client.images.generate(**options)
            except APIConnectionError as wrapped:
                # The SDK wraps whatever its transport raises.
                raise _unwrapped(wrapped.__cause__, account.vendor) from wrapped.__cause__
            except (ValueError, TypeError, KeyError) as error:
                raise vendor_errors.unreadable(account.vendor) from error
        rows = getattr(answer, "data", None)
        if not isinstance(rows, list):
            raise vendor_errors.unreadable(account.vendor)
        return rows


def _unwrapped(cause: BaseException | None, vendor: Vendor) -> ProviderError:
    if isinstance(cause, Answered):
        return vendor_errors.submit_error(cause, vendor)
    if isinstance(cause, ProviderError):
        return vendor_errors.lost(cause, vendor)
    return vendor_errors.unreadable(vendor)


def _options(call: Call) -> dict[str, Any]:
    """What is asked of the SDK, but for the seed. Raises `InvalidInput` before anything is sent."""
    options: dict[str, Any] = {
        "model": call.endpoint,
        "prompt": call.prompt or WORDS,
        "n": 1,
        "response_format": "base64",
    }
    for ours, theirs in NAMES.items():
        if call.params.get(ours) not in (None, ""):
            options[theirs] = call.params[ours]
    ratio = call.params.get("aspect_ratio")
    if ratio and ratio not in SIZES:
        raise InvalidInput(_("This model makes these shapes: %s.") % ", ".join(SIZES))
    pictures = [file for file in call.inputs if file.role == "image"]
    if call.task == "text-to-image":
        if not call.prompt:
            raise InvalidInput(_("Say in words what you want to see."))
        options["width"], options["height"] = SIZES[ratio or "1:1"]
        return options
    if not pictures:
        raise InvalidInput(_("This model works from a picture, and none was given."))
    if call.endpoint.startswith(MANY_REFERENCES):
        options["reference_images"] = [_data_uri(file) for file in pictures]
    elif len(pictures) > 1:
        raise InvalidInput(_("This model works from one picture; %d were given.") % len(pictures))
    else:
        options["image_url"] = _data_uri(pictures[0])
    options["width"], options["height"] = SIZES[ratio] if ratio else _shape_of(pictures[0])
    return options


def _data_uri(file: InputFile) -> str:
    """The picture inside its own address: nothing has to be put where Together could fetch it."""
    with file.open() as stream:
        return f"data:{file.mime};base64,{base64.b64encode(stream.read()).decode()}"


def _shape_of(file: InputFile) -> tuple[int, int]:
    """About a megapixel in the shape of the input."""
    width, height = file.width, file.height
    if not (width and height):
        with file.open() as stream, Image.open(stream) as image:
            width, height = image.size
    ratio = min(max(width / height, 1 / STRETCH), STRETCH)
    across = int(sqrt(AREA * ratio)) // STEP * STEP
    return across, int(AREA / across) // STEP * STEP
