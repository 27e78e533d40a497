"""The studio's front door: from a request to the bytes of a PNG, with honest progress."""

import hashlib
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from generation.providers.studio import abstracts, stylise, upscale, weather
from generation.providers.studio.canvas import Canvas
from generation.providers.studio.noise import Floats, as_floats, random_for
from generation.providers.studio.palettes import inks, named
from generation.providers.studio.prompt import Brief, read
from generation.providers.studio.request import OVERSAMPLING, Progress, StudioRequest
from generation.providers.studio.scenes import compose

PASSES = {"draft": 1, "standard": 2, "fine": 4}

# PNG's effort: more than this costs time and saves a hundredth.
COMPRESSION = 3

# The studio has a process of its own; threads inside it would only take the other pictures' core.
cv2.setNumThreads(1)


def render(request: StudioRequest, report: Callable[[float], None]) -> bytes:
    """PNG bytes without metadata. The same request always gives the same pixels.

    `report` gets fractions from 0 to 1 that never fall; what it raises ends the work and passes through.
    Raises `ValueError` when the source cannot be decoded.
    """
    progress = Progress(report)
    progress.stage(0.02)
    if request.task == "text-to-image":
        picture = _paint(request, progress)
    elif request.task == "image-to-image":
        picture = _restyle(request, progress)
    else:
        picture = _enlarge(request, progress)
    progress.stage(0.05)
    channels = [2, 1, 0, 3][: picture.shape[2]]
    coded, png = cv2.imencode(
        ".png", np.ascontiguousarray(picture[..., channels]), [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION]
    )
    if not coded:
        raise ValueError("the picture could not be encoded")
    progress.finish()
    return png.tobytes()


def _seed(request: StudioRequest) -> int:
    """The words count as well as the number: with one seed, two prompts must not share a composition."""
    words = " ".join(request.prompt.lower().split())
    return int.from_bytes(hashlib.sha256(f"{request.seed}:{words}".encode()).digest()[:8], "big")


def _bytes(image: Floats) -> npt.NDArray[np.uint8]:
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), dtype=np.uint8)


def _paint(request: StudioRequest, progress: Progress) -> npt.NDArray[np.uint8]:
    brief = read(request.prompt)
    seed = _seed(request)
    scale = OVERSAMPLING[request.detail]
    canvas = Canvas(round(request.width * scale), round(request.height * scale), progress)
    progress.stage(0.2)
    flat = _is_abstract(brief)
    if flat:
        rng = random_for(seed, "inks")
        kind = abstracts.choose(brief.of("abstract"), seed)
        abstracts.PAINTERS[kind](canvas, inks(rng, brief.colours, brief.moods), random_for(seed, kind))
    else:
        compose(canvas, brief, seed)
    progress.stage(0.05)
    image = canvas.image
    if scale != 1:
        how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
        image = as_floats(cv2.resize(image, (request.width, request.height), interpolation=how))
    if not flat:
        image = weather.bloom(image, 0.35)
        progress.tick()
        image = weather.grade(image, contrast=0.12, warmth=0.6)
    style = request.style if request.style != "auto" else next(iter(brief.of("style")), "auto")
    return _bytes(_finish(np.clip(image, 0, 1), style, request, seed, progress, flat=flat))


def _is_abstract(brief: Brief) -> bool:
    """Whether the picture shows a pattern: it was asked for, or nothing in the prompt can be drawn."""
    concrete = bool(brief.of("ground") or brief.subjects or brief.of("light"))
    if brief.of("abstract") and (not concrete or brief.has("abstract", "bauhaus") or "abstract" in brief.moods):
        return True
    if "abstract" in brief.moods:
        return True
    return not (concrete or brief.of("time") or brief.of("weather") or brief.of("extra"))


def _finish(image: Floats, style: str, request: StudioRequest, seed: int, progress: Progress, *, flat: bool) -> Floats:
    progress.stage(0.1)
    rng = random_for(seed, "finish")
    if style in stylise.HANDS:
        hand = stylise.Hand(rng, progress, 0.75, PASSES[request.detail])
        image = stylise.HANDS[style](image, hand)
    grain = {
        "film": 0.055,
        "pixel": 0.0,
        "poster": 0.018,
        "riso": 0.02,
        "sketch": 0.012,
        "watercolour": 0.012,
        "oil": 0.012,
    }
    paper = {"film": 0.0, "pixel": 0.0, "oil": 0.02, "auto": 0.045 if flat else 0.02}
    vignette = 0.0 if flat or style in {"pixel", "sketch", "watercolour", "riso"} else 0.22
    progress.stage(0.08)
    return weather.finish(
        image,
        rng,
        grain=grain.get(style, 0.032 if flat else 0.04),
        paper=paper.get(style, 0.05),
        vignette=vignette,
        dither=style != "pixel",
    )


def _read_source(source: bytes | None) -> npt.NDArray[np.uint8]:
    """RGB or RGBA bytes of an encoded picture that our intake has cleaned."""
    decoded = cv2.imdecode(np.frombuffer(source or b"", np.uint8), cv2.IMREAD_UNCHANGED) if source else None
    if decoded is None:
        raise ValueError("the source picture cannot be decoded")
    if decoded.dtype != np.uint8:
        decoded = (decoded / 257).astype(np.uint8)
    if decoded.ndim == 2 or decoded.shape[2] == 1:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(decoded[..., [2, 1, 0, 3][: decoded.shape[2]]]).astype(np.uint8)


def _fit(image: Floats, width: int, height: int) -> Floats:
    """Cut to the ratio from the middle, then scale; without a wanted size, about a megapixel in its own ratio."""
    rows, columns = image.shape[:2]
    if not (width and height):
        factor = float(np.sqrt(1_048_576 / (rows * columns)))
        width, height = max(8, round(columns * factor / 8) * 8), max(8, round(rows * factor / 8) * 8)
    ratio = width / height
    cut_width, cut_height = min(columns, round(rows * ratio)), min(rows, round(columns / ratio))
    left, top = (columns - cut_width) // 2, (rows - cut_height) // 2
    cut = image[top : top + max(1, cut_height), left : left + max(1, cut_width)]
    shrinks = cut.shape[1] > width
    return as_floats(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def _restyle(request: StudioRequest, progress: Progress) -> npt.NDArray[np.uint8]:
    """The source in the hand that the style or the prompt names, in the colours that the prompt names."""
    pixels = as_floats(_read_source(request.source)) / 255
    if pixels.shape[2] == 4:
        pixels = pixels[..., :3] * pixels[..., 3:] + (1 - pixels[..., 3:])
    image = np.clip(_fit(as_floats(pixels), request.width, request.height), 0, 1)
    brief, seed = read(request.prompt), _seed(request)
    rng = random_for(seed, "restyle")
    style = request.style if request.style != "auto" else next(iter(brief.of("style")), "")
    if not style:
        style = ("watercolour", "oil", "poster", "riso", "sketch")[int(rng.integers(5))]
    progress.stage(0.15)
    tones = [named(word) for word in brief.colours]
    if tones or brief.moods & {"neon", "pastel", "vintage", "dark"}:
        drawn = inks(rng, brief.colours, brief.moods)
        image = stylise.recolour(image, drawn, 0.30 + 0.45 * request.strength)
    progress.stage(0.6)
    hand = stylise.Hand(rng, progress, request.strength, PASSES[request.detail])
    made = stylise.HANDS[style](image, hand)
    progress.stage(0.1)
    # A faint hand lets the source through; from 0.5 on the style stands alone.
    share = min(1.0, 0.25 + request.strength * 1.5)
    made = image + share * (made - image)
    grain = 0.0 if style == "pixel" else 0.012
    return _bytes(weather.finish(as_floats(made), rng, grain=grain, paper=0.0, vignette=0.0, dither=style != "pixel"))


def _enlarge(request: StudioRequest, progress: Progress) -> npt.NDArray[np.uint8]:
    image = as_floats(_read_source(request.source) / np.float32(255))
    for _ in range(request.scale // 2):
        image = upscale.enlarge(image, request.detail, progress)
    return _bytes(image)
