"""The watermark of plans that carry one. Runs in the decoding child: Pillow and the standard library only."""

import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

# Sizes are shares of the picture's mean edge, so that thumbnails of a marked picture look as it does.
SIGNATURE_SIZE = 0.038
PATTERN_SIZE = 0.030
SIGNATURE_STRENGTH = 0.80
PATTERN_STRENGTH = 0.22
PATTERN_ANGLE = 24.0


def stamp(text: str, size: float, strength: float, *, angle: float = 0.0) -> Image.Image:
    """The words in white over their own soft shadow, readable on light and on dark; RGBA, cut to its content."""
    points = max(7.0, size)
    font = ImageFont.load_default(points)
    left, top, right, bottom = font.getbbox(text)
    pad = math.ceil(points * 0.5)
    letters = Image.new("L", (math.ceil(right - left) + 2 * pad, math.ceil(bottom - top) + 2 * pad), 0)
    ImageDraw.Draw(letters).text((pad - left, pad - top), text, fill=255, font=font)
    if angle:
        letters = letters.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    shadow = letters.filter(ImageFilter.GaussianBlur(points * 0.12)).point(lambda value: value * 0.75 * strength)
    light = letters.point(lambda value: value * strength)
    alpha = ImageChops.lighter(shadow, light)
    # Where letter and shadow meet, the letter's share decides the grey, so no dark rim eats into thin strokes.
    return Image.merge("RGBA", (letters, letters, letters, alpha))


def lay(image: Image.Image, layer: Image.Image, left: int, top: int) -> None:
    """Put `layer` on `image` in place, cut at its borders; on transparent ground the mark itself becomes visible."""
    layer = layer.crop(
        (max(0, -left), max(0, -top), min(layer.width, image.width - left), min(layer.height, image.height - top))
    )
    if not layer.width or not layer.height:
        return
    place = (max(0, left), max(0, top))
    if image.mode == "RGBA":
        image.alpha_composite(layer, place)
    else:
        image.paste(layer.convert("RGB"), place, layer.getchannel("A"))


def mark(image: Image.Image, text: str) -> Image.Image:
    """A marked copy of an RGB or RGBA picture: a faint slanted pattern that survives cropping, a clear signature."""
    marked = image.copy()
    mean = math.sqrt(image.width * image.height)
    tile = stamp(text, mean * PATTERN_SIZE, PATTERN_STRENGTH, angle=PATTERN_ANGLE)
    step_x, step_y = round(max(tile.width * 1.9, mean / 4)), round(max(tile.height * 1.6, mean / 6))
    for row, top in enumerate(range(-tile.height // 2, image.height, step_y)):
        for left in range(-(step_x // 2) * (row % 2), image.width, step_x):
            lay(marked, tile, left, top)
    signature = stamp(text, mean * SIGNATURE_SIZE, SIGNATURE_STRENGTH)
    margin = round(mean * 0.012)
    lay(marked, signature, image.width - signature.width - margin, image.height - signature.height - margin)
    return marked
