"""The colours a picture is made of: chosen by time, weather and mood, turned by the colours that the prompt names."""

from dataclasses import dataclass, replace

import numpy as np

from generation.providers.studio.colour import from_lch, mix, parse, to_lch
from generation.providers.studio.noise import Floats


@dataclass(frozen=True, slots=True)
class Palette:
    """`sky` runs from the top to the horizon; `far` tints what is distant, `near` the rest; `light` the sun or moon."""

    sky: tuple[Floats, ...]
    light: Floats
    far: Floats
    near: Floats
    accent: Floats
    night: bool = False


def _palette(sky: str, light: str, far: str, near: str, accent: str, night: bool = False) -> Palette:
    return Palette(
        tuple(parse(part) for part in sky.split()), parse(light), parse(far), parse(near), parse(accent), night
    )


TIMES: dict[str, tuple[Palette, ...]] = {
    "dawn": (
        _palette("#2b3a67 #6b5b95 #d98ba3 #f7b89c #fde3c0", "#fff3d6", "#b795b8", "#23213f", "#ff7f66"),
        _palette("#3d6b8e #8fb3c4 #e7cfc4 #f9d6a9 #ffeccb", "#fff8e1", "#9db4c1", "#1f3140", "#f2875c"),
        _palette("#51457a #a06a9b #ee8e8b #fbc490 #fff0c9", "#fff6da", "#c18da8", "#2a1f3d", "#ffd166"),
    ),
    "day": (
        _palette("#1f6fb2 #4f9fd6 #9ccbe6 #e3f1ef", "#fffbe8", "#93bcd2", "#17393f", "#ff6b4a"),
        _palette("#2a8c9e #68b9b7 #b9ddc8 #f6efcf", "#fffbe6", "#8dbbb2", "#173a40", "#f25c54"),
        _palette("#3f78b0 #86b4d6 #cfe2e6 #fbf3df", "#fffdf0", "#a2bccb", "#24394e", "#e76f51"),
    ),
    "sunset": (
        _palette("#2d2150 #7a2f6b #d1495b #f4845f #ffd27a", "#fff1b8", "#b9586e", "#1d1230", "#ffb703"),
        _palette("#1b3a5c #5b6f9c #c98da0 #f6a56b #ffe08f", "#fff4c4", "#94829f", "#16233a", "#ff8c42"),
        _palette("#4a1942 #9b2c4c #e4572e #f9a03f #ffe29a", "#fff3c2", "#b8433d", "#240b25", "#ffd23f"),
        _palette("#0f4c5c #5f7f7c #d9a566 #f2b05e #ffe3a3", "#fff6cf", "#91836b", "#10292f", "#e36414"),
    ),
    "dusk": (
        _palette("#141a3c #33346b #73508f #c46f93 #f3a88f", "#ffe9cf", "#5f4c84", "#0e1029", "#ffb46b"),
        _palette("#0f2138 #27496d #5c7fa3 #b39bb0 #f0bfa4", "#fff0d6", "#57749a", "#0b1726", "#ffc46b"),
        _palette("#1c1033 #43245e #853b75 #cf5f78 #f7a072", "#ffe8c4", "#6b3a74", "#120a22", "#ffd166"),
    ),
    "night": (
        _palette("#050a1c #0d1b3e #1d3566 #35558a", "#f4f1de", "#2b4779", "#040814", "#ffd166", True),
        _palette("#07060f #171338 #33256b #5a3f94", "#f6efff", "#3b2d75", "#06040f", "#ff9e6d", True),
        _palette("#031218 #06303a #0f5257 #2b7f78", "#f2f7e4", "#14535a", "#02090c", "#ffe08a", True),
    ),
    "storm": (
        _palette("#1b232b #35434f #5f7078 #96a3a1 #c9c9b8", "#f3ecd2", "#5f7078", "#0f151a", "#ffcf70"),
        _palette("#1c1d2b #3b3f58 #6a6e86 #a39ea4 #d8c9b8", "#fbe9c9", "#666a82", "#10111b", "#ffb86b"),
    ),
    "fog": (
        _palette("#8d9ba3 #aebac0 #cfd6d6 #e8e6df", "#fbf8ef", "#b9c4c7", "#2d3b42", "#d1603d"),
        _palette("#93a3a0 #b9c4b8 #dcdcc9 #f1ead7", "#fffaea", "#b6c2b4", "#2b3a36", "#c8553d"),
    ),
    "winter": (
        _palette("#6f8fae #a3bcd0 #d5e0e6 #f7f1ea", "#fffaf0", "#aec0cf", "#2b3f56", "#c8553d"),
        _palette("#4d6a94 #94a5c4 #d9c9d6 #fbe3d6", "#fff6e6", "#a5afc9", "#25304f", "#d1495b"),
    ),
    "autumn": (
        _palette("#3f6f86 #8fb0ac #e6d6ae #f7c77e", "#fff3cf", "#a8977c", "#33201c", "#e4572e"),
        _palette("#596f7a #b4b79f #ecd39a #f5b267", "#fff1c9", "#b19572", "#2f1d20", "#d1422f"),
    ),
    "spring": (
        _palette("#8ec5d6 #c3e0dc #f7e3d4 #fbd3c9", "#fffbef", "#adc9bb", "#2f5a53", "#f28482"),
        _palette("#7fb2d9 #bcd8ea #f3e6ef #fbdde3", "#fffaf4", "#b3c3d6", "#3a4f6b", "#f07ba0"),
    ),
    "neon": (
        _palette("#0b0221 #240b4d #5c1a8a #c41e9b #ff5fa2", "#fff36d", "#3f157f", "#08011a", "#19f5e5", True),
        _palette("#020b1f #07264d #0d4f8b #1f9bd1 #7df9ff", "#ff5fd2", "#0e3a75", "#020817", "#ff2e88", True),
    ),
}

# Hue in OKLCh degrees and the chroma that the word means (None: keep what is there).
COLOURS: dict[str, tuple[float, float | None]] = {
    "red": (27, 0.19), "crimson": (20, 0.18), "scarlet": (29, 0.2), "orange": (55, 0.17), "amber": (70, 0.16),
    "copper": (50, 0.12), "rust": (40, 0.13), "golden": (83, 0.15), "gold": (83, 0.15), "yellow": (98, 0.16),
    "green": (148, 0.13), "emerald": (160, 0.14), "olive": (115, 0.1), "mint": (165, 0.08), "lime": (125, 0.18),
    "teal": (192, 0.1), "turquoise": (188, 0.12), "cyan": (205, 0.12), "blue": (252, 0.15), "azure": (240, 0.14),
    "indigo": (277, 0.17), "navy": (262, 0.11), "violet": (300, 0.17), "purple": (308, 0.17), "lavender": (300, 0.08),
    "magenta": (335, 0.2), "pink": (355, 0.13), "rose": (8, 0.13), "peach": (50, 0.09), "coral": (33, 0.15),
    "brown": (55, 0.07), "sepia": (72, 0.06), "beige": (80, 0.04), "cream": (90, 0.035),
    "black": (265, 0.012), "white": (90, 0.008), "grey": (250, 0.01), "gray": (250, 0.01), "silver": (240, 0.012),
    "monochrome": (260, 0.0),
}  # fmt: skip


def named(word: str) -> Floats:
    """The plain colour that a word names, as a thing would wear it."""
    hue, chroma = COLOURS[word]
    special = {"black": 0.2, "white": 0.95, "silver": 0.78, "cream": 0.93, "yellow": 0.87, "gold": 0.8, "golden": 0.8,
               "navy": 0.32, "brown": 0.45, "pink": 0.78, "lime": 0.82, "mint": 0.85, "peach": 0.85}  # fmt: skip
    return from_lch(special.get(word, 0.6), chroma or 0.0, hue)


def _turn(colour: Floats, hue: float, chroma: float | None, spread: float) -> Floats:
    """The same lightness in another hue, which leans a little with lightness as light and shadow do."""
    lightness, old, _ = to_lch(colour)
    lean = spread * (lightness - 0.5)
    full = old if chroma is None else chroma * (0.45 + 0.75 * np.sin(np.pi * min(1.0, max(0.0, lightness))))
    return from_lch(lightness, full, hue + lean)


def tint(palette: Palette, words: tuple[str, ...]) -> Palette:
    """The palette in the colours that the prompt names: the first for the sky, the last for the ground."""
    if not words:
        return palette
    first, last = COLOURS[words[0]], COLOURS[words[-1]]
    middle = COLOURS[words[len(words) // 2]]
    count = len(palette.sky)
    sky = tuple(
        mix(_turn(colour, *(first if at < count / 2 else middle), 36), colour, 0.0 if first[1] == 0 else 0.22)
        for at, colour in enumerate(palette.sky)
    )
    # One colour alone wears its complement as an accent, or nothing would be seen of it.
    accent = _turn(palette.accent, first[0] + 165, None, 0) if len(words) == 1 and first[1] else named(words[-1])
    if "monochrome" in words:
        accent = _turn(palette.accent, 0, 0.0, 0)
    return replace(
        palette,
        sky=sky,
        light=_turn(palette.light, *middle, 10),
        far=mix(_turn(palette.far, *last, 30), palette.far, 0.15),
        near=_turn(palette.near, *last, 30),
        accent=accent,
    )


def mood(palette: Palette, words: frozenset[str]) -> Palette:
    """Softer, paler, faded or stronger, as the prompt's mood says."""

    def change(colour: Floats) -> Floats:
        lightness, chroma, hue = to_lch(colour)
        if "pastel" in words:
            lightness, chroma = 0.42 + lightness * 0.55, chroma * 0.62
        if "vintage" in words:
            lightness, chroma, hue = 0.12 + lightness * 0.8, chroma * 0.62, hue + (75 - hue) * 0.12
        if "vivid" in words:
            chroma *= 1.28
        if "dark" in words:
            lightness *= 0.78
        if "bright" in words:
            lightness = lightness * 0.86 + 0.14
        return from_lch(min(0.99, lightness), chroma, hue)

    return replace(
        palette,
        sky=tuple(change(colour) for colour in palette.sky),
        light=change(palette.light),
        far=change(palette.far),
        near=change(palette.near),
        accent=change(palette.accent),
    )


def jitter(palette: Palette, rng: np.random.Generator) -> Palette:
    """A small turn of all hues together, so that two seeds with one palette are still two pictures."""
    turn = float(rng.uniform(-9, 9))

    def change(colour: Floats) -> Floats:
        lightness, chroma, hue = to_lch(colour)
        return from_lch(lightness, chroma, hue + turn)

    return replace(
        palette, sky=tuple(change(colour) for colour in palette.sky), far=change(palette.far), near=change(palette.near)
    )


# For what is flat and abstract: five inks each, the first is the paper.
INKS: tuple[str, ...] = (
    "#f4ecd8 #d1432f #1f3a5f #eeb33b #2a2522",
    "#f1e9da #e4572e #17616b #f3a712 #29335c",
    "#0f1020 #ff5d73 #f5b841 #2ec4b6 #f4f1de",
    "#f7f3e9 #2b59c3 #ef476f #ffd166 #073b4c",
    "#efe6dd #b5838d #6d6875 #e5989b #3d405b",
    "#fdf6e3 #0b6e4f #f6ae2d #d8572a #262730",
    "#101820 #f2aa4c #d95d39 #5b8e7d #f4e9cd",
    "#eef0eb #153243 #284b63 #f4a259 #bc4b51",
    "#fff4e0 #6a4c93 #ff595e #ffca3a #1982c4",
    "#f2e8cf #386641 #a7c957 #bc4749 #283618",
    "#e9edf0 #14213d #fca311 #7b9ea8 #e63946",
    "#14110f #d9c5b2 #7e7f83 #c8553d #f3f3f4",
)


def inks(rng: np.random.Generator, words: tuple[str, ...], moods: frozenset[str]) -> list[Floats]:
    """Five flat colours, paper first, turned towards the colours that the prompt names."""
    chosen = [parse(part) for part in INKS[int(rng.integers(len(INKS)))].split()]
    if "neon" in moods:
        chosen = [parse(part) for part in ["#0b0221", "#ff2e88", "#19f5e5", "#fff36d", "#7b2cff"]]
    if words:
        hues = [COLOURS[word] for word in words]
        kept = [chosen[0] if len(words) == 1 and to_lch(chosen[0])[1] < 0.05 else _turn(chosen[0], *hues[0], 20)]
        for at, colour in enumerate(chosen[1:]):
            hue, chroma = hues[at % len(hues)]
            kept.append(_turn(colour, hue + (at // len(hues)) * 22 - 16, chroma, 40))
        chosen = kept
    if moods & {"pastel", "vintage", "vivid", "dark", "bright"}:
        plain = Palette(tuple(chosen), chosen[0], chosen[0], chosen[0], chosen[0])
        chosen = list(mood(plain, moods).sky)
    return chosen
