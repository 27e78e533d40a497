"""Steps of an edit that change a picture's shape or its outline: turned, mirrored, cut, framed, freed of its ground."""

from collections.abc import Callable

import cv2
import numpy as np

from generation.providers.studio.colour import luminance, shade
from generation.providers.studio.instructions import Step
from generation.providers.studio.noise import Floats, as_floats, blur, field, smoothstep
from generation.providers.studio.palettes import named
from generation.providers.studio.pixels import cut_to
from generation.providers.studio.sheet import Sheet

QUARTERS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def rotate(sheet: Sheet, step: Step) -> None:
    """Clockwise. What a slanted turn would leave empty is cut off."""
    degrees = float(step.value or 90) % 360
    if degrees in QUARTERS:
        _each(sheet, lambda part: as_floats(cv2.rotate(part, QUARTERS[int(degrees)])))
    elif degrees:
        width, height = sheet.size
        turn = np.radians(degrees)
        inner = _inscribed(width, height, abs(float(turn)))
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
        matrix[0, 2] += (inner[0] - width) / 2
        matrix[1, 2] += (inner[1] - height) / 2
        _each(sheet, lambda part: as_floats(cv2.warpAffine(part, matrix, inner, flags=cv2.INTER_CUBIC)))
        np.clip(sheet.image, 0, 1, out=sheet.image)


def _inscribed(width: int, height: int, angle: float) -> tuple[int, int]:
    """The largest upright rectangle of the same ratio inside the turned picture."""
    s, c = abs(float(np.sin(angle))), abs(float(np.cos(angle)))
    factor = min(width / (width * c + height * s), height / (width * s + height * c))
    return max(8, int(width * factor) - 2), max(8, int(height * factor) - 2)


def flip(sheet: Sheet, step: Step) -> None:
    """Left to right, or top to bottom."""
    axis = 0 if step.value == "vertical" else 1
    _each(sheet, lambda part: np.ascontiguousarray(np.flip(part, axis)))


def crop(sheet: Sheet, step: Step) -> None:
    """To a ratio, from the middle."""
    across, down = (
        (1, 1) if step.value == "square" else (max(1, int(part)) for part in step.value.replace("x", ":").split(":"))
    )
    _each(sheet, lambda part: np.ascontiguousarray(cut_to(part, across / down)))


def zoom(sheet: Sheet, step: Step) -> None:
    """The middle, so much larger, in the same size."""
    width, height = sheet.size
    factor = 1 + 0.35 * abs(sheet.amount(step))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, factor)
    _each(sheet, lambda part: as_floats(cv2.warpAffine(part, matrix, (width, height), flags=cv2.INTER_CUBIC)))
    np.clip(sheet.image, 0, 1, out=sheet.image)


def frame(sheet: Sheet, step: Step) -> None:
    """A mat in one colour with a bevel, and a thin moulding around it."""
    wide = round(sheet.unit * 0.06 * max(0.4, sheet.amount(step)))
    colour = named(step.value) if step.value else as_floats([0.965, 0.955, 0.93])
    width, height = sheet.size
    line = max(1, wide // 14)
    rows, columns = height + 2 * wide, width + 2 * wide
    image = np.empty((rows, columns, 3), np.float32)
    image[:] = colour
    grain = field(sheet.rng("mat"), (columns, rows), (columns / 3, rows / 3), 2, 0.8) - np.float32(0.5)
    image += grain[..., None] * np.float32(0.03)
    # Light from the upper left: the bevel's upper edge lies in shade.
    for inset, tone in ((wide - 2 * line, -0.12), (wide - line, 0.06)):
        image[inset : rows - inset, inset : columns - inset] = shade(colour, tone)
    over = sheet.image
    if sheet.alpha is not None:
        over = as_floats(over * sheet.alpha[..., None] + colour * (1 - sheet.alpha[..., None]))
        sheet.alpha = None
    image[wide : wide + height, wide : wide + width] = over
    outer = shade(colour, -0.55 if float(luminance(colour)) > 0.4 else 0.25)
    for side in (np.s_[: 3 * line], np.s_[-3 * line :]):
        image[side] = outer
        image[:, side] = outer
    sheet.image = np.clip(image, 0, 1)


def round_corners(sheet: Sheet, step: Step) -> None:
    """Corners become transparent."""
    width, height = sheet.size
    radius = sheet.unit * 0.07 * abs(step.amount)
    ys, xs = np.arange(height)[:, None] + 0.5, np.arange(width)[None, :] + 0.5
    inner_x = np.maximum(np.maximum(radius - xs, xs - (width - radius)), 0)
    inner_y = np.maximum(np.maximum(radius - ys, ys - (height - radius)), 0)
    mask = as_floats(np.clip(radius - np.hypot(inner_x, inner_y) + 0.5, 0, 1))
    sheet.alpha = mask if sheet.alpha is None else as_floats(sheet.alpha * mask)


def take_ground_away(sheet: Sheet, step: Step) -> None:
    """What does not belong to the subject becomes transparent."""
    del step
    subject = sheet.subject()
    sheet.alpha = subject if sheet.alpha is None else as_floats(sheet.alpha * subject)


def blur_ground(sheet: Sheet, step: Step) -> None:
    """The ground out of focus; the subject's colours do not bleed into it."""
    subject = sheet.subject()
    sigma = sheet.unit * 0.016 * max(0.4, sheet.amount(step))
    rest = (1 - subject)[..., None]
    weight = blur(np.ascontiguousarray(rest[..., 0]), sigma)[..., None]
    ground = blur(as_floats(sheet.image * rest), sigma) / np.maximum(weight, 0.02)
    share = smoothstep(0.0, 0.3, weight[..., 0]) * (1 - subject)
    sheet.blend(as_floats(np.clip(ground, 0, 1)), share)


def grey_ground(sheet: Sheet, step: Step) -> None:
    """Only the subject keeps its colours."""
    del step
    grey = np.repeat(luminance(sheet.image)[..., None], 3, axis=2)
    sheet.blend(grey, 1 - sheet.subject())


def colour_ground(sheet: Sheet, step: Step) -> None:
    """The subject before a plain sheet that is a little lighter in the middle, with its shadow."""
    subject = sheet.subject()
    width, height = sheet.size
    colour = named(step.value)
    ys, xs = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = as_floats(1.03 - 0.10 * np.clip((xs**2 + (ys + 0.2) ** 2) / 2, 0, 1))
    shadow = blur(as_floats(np.roll(subject, round(sheet.unit * 0.012), axis=0)), sheet.unit * 0.02)
    ground: Floats = as_floats(colour * (light * (1 - 0.22 * shadow))[..., None])
    sheet.blend(np.clip(ground, 0, 1), 1 - subject)


def _each(sheet: Sheet, change: Callable[[Floats], Floats]) -> None:
    sheet.image = change(sheet.image)
    if sheet.alpha is not None:
        sheet.alpha = change(sheet.alpha)
