"""Whether a colour can be read on black, and the nearest one that can."""

import re

# WCAG 2 contrast of text on its ground; black is the ground everywhere.
LEAST_CONTRAST = 4.5
_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE)

Triple = tuple[float, float, float]


def parse_colour(text: str) -> str | None:
    """`#rrggbb` in small letters for what a person writes (`#abc`, `AABBCC`), None for what is no colour."""
    found = _HEX.fullmatch(text.strip())
    if found is None:
        return None
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def contrast_on_black(colour: str) -> float:
    """WCAG 2 contrast of `#rrggbb` on black: 1 (black itself) to 21 (white)."""
    red, green, blue = _linear(colour)
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) / 0.05


def nearest_readable(colour: str) -> str:
    """The colour itself when it is readable on black, else the least lighter one of its hue and, as far as the
    screen has it, its strength (in Oklab, where equal steps look equal).
    """
    if contrast_on_black(colour) >= LEAST_CONTRAST:
        return colour
    lightness, a, b = _to_oklab(_linear(colour))
    dark, light = lightness, 1.0
    best = "#ffffff"
    # Each turn halves the distance; below 1/4096 no digit changes.
    for _turn in range(12):
        middle = (dark + light) / 2
        candidate = _fitting(middle, a, b)
        if contrast_on_black(candidate) >= LEAST_CONTRAST:
            best, light = candidate, middle
        else:
            dark = middle
    return best


def _fitting(lightness: float, a: float, b: float) -> str:
    """The colour of that lightness, as strong as the screen has it."""
    strength = 1.0
    while strength > 0:
        rgb = _from_oklab((lightness, a * strength, b * strength))
        if all(-0.0001 <= part <= 1.0001 for part in rgb):
            return _hex(rgb)
        strength -= 0.02
    return _hex(_from_oklab((lightness, 0.0, 0.0)))


def _linear(colour: str) -> Triple:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def _hex(rgb: Triple) -> str:
    clipped = [min(1.0, max(0.0, part)) for part in rgb]
    encoded = [part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in clipped]
    return "#" + "".join(f"{round(part * 255):02x}" for part in encoded)


def _to_oklab(rgb: Triple) -> Triple:
    """Linear sRGB → Oklab (Björn Ottosson's matrices)."""
    red, green, blue = rgb
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _from_oklab(lab: Triple) -> Triple:
    """Oklab → linear sRGB; parts outside 0 to 1 are colours that the screen does not have."""
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
