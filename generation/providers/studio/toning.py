"""Steps of an edit that change light and colour, hour and weather, sharpness and surface; the shape stays."""

import cv2
import numpy as np

from generation.providers.studio import stylise, weather
from generation.providers.studio.canvas import Canvas
from generation.providers.studio.colour import from_oklab, luminance, parse, to_lch, to_oklab
from generation.providers.studio.instructions import Step
from generation.providers.studio.noise import as_floats, blur, field, smoothstep
from generation.providers.studio.palettes import COLOURS, TIMES, named
from generation.providers.studio.sheet import Sheet


def light(sheet: Sheet, step: Step) -> None:
    """Brighter or darker by a curve that keeps black and white."""
    sheet.image = as_floats(np.clip(sheet.image, 0, 1) ** np.float32(2.0 ** (-0.75 * sheet.amount(step))))


def warmth(sheet: Sheet, step: Step) -> None:
    gains = as_floats([0.16, 0.02, -0.17]) * np.float32(sheet.amount(step))
    sheet.image = np.clip(sheet.image * (1 + gains), 0, 1)


def contrast(sheet: Sheet, step: Step) -> None:
    """An S-curve, or its opposite with lifted blacks."""
    amount = sheet.amount(step)
    if amount >= 0:
        curve = sheet.image * sheet.image * (3 - 2 * sheet.image)
        sheet.blend(curve, min(1.6, 0.85 * amount))
        np.clip(sheet.image, 0, 1, out=sheet.image)
    else:
        sheet.image = as_floats(0.5 + (sheet.image - 0.5) * (1 + max(-0.8, 0.38 * amount)))


def colour(sheet: Sheet, step: Step) -> None:
    """More or less saturated; what is vivid already gains less."""
    amount = sheet.amount(step)
    grey = luminance(sheet.image)[..., None]
    chroma = np.ptp(sheet.image, axis=2, keepdims=True)
    gain = 0.75 * amount * (1 - 0.55 * chroma) if amount > 0 else np.full_like(chroma, max(-1.0, 0.6 * amount))
    sheet.image = np.clip(grey + (sheet.image - grey) * (1 + gain), 0, 1)


def black_and_white(sheet: Sheet, step: Step) -> None:
    """As through a yellow filter: skies darken, skin is light."""
    del step
    mixed = np.clip(sheet.image @ as_floats([0.44, 0.44, 0.12]), 0, 1)
    mixed = mixed + 0.25 * (mixed * mixed * (3 - 2 * mixed) - mixed)
    sheet.image = np.repeat(as_floats(mixed)[..., None], 3, axis=2)


def sepia(sheet: Sheet, step: Step) -> None:
    """A brown print on cream paper."""
    amount = min(1.0, 0.92 * abs(step.amount))
    tones = as_floats(np.stack([parse("#1c120a"), parse("#6b4a2c"), parse("#b8935f"), parse("#f4e6c8")]))
    at = luminance(sheet.image) * 3
    low = np.clip(at.astype(np.int32), 0, 2)
    part = (at - low)[..., None]
    sheet.blend(as_floats(tones[low] * (1 - part) + tones[low + 1] * part), amount)


def invert(sheet: Sheet, step: Step) -> None:
    del step
    sheet.image = as_floats(1 - sheet.image)


def vintage(sheet: Sheet, step: Step) -> None:
    hand = stylise.Hand(sheet.rng("vintage"), sheet.progress, min(1.0, 0.8 * abs(step.amount)), 1)
    faded = stylise.film(sheet.image, hand)
    grey = luminance(faded)[..., None]
    sheet.image = np.clip(0.05 + 0.92 * (grey + 0.78 * (faded - grey)), 0, 1)


def tint(sheet: Sheet, step: Step) -> None:
    """Everything leans towards one hue; light and dark stay."""
    hue, chroma = COLOURS[step.value]
    lab = to_oklab(np.clip(sheet.image, 0, 1))
    sheet.progress.tick()
    strength = 0.9 * (chroma if chroma is not None else 0.1)
    angle = np.radians(hue)
    shape = np.sin(np.pi * np.clip(lab[..., 0], 0.02, 0.98)) ** 0.7
    share = min(1.0, 0.78 * abs(sheet.amount(step)))
    for channel, part in ((1, np.cos(angle)), (2, np.sin(angle))):
        lab[..., channel] += share * (part * strength * shape + 0.12 * lab[..., channel] - lab[..., channel])
    sheet.image = from_oklab(lab)


def exchange(sheet: Sheet, step: Step) -> None:
    """What has one colour gets another; shading stays."""
    first, second = step.value.split()
    lab = to_oklab(np.clip(sheet.image, 0, 1))
    sheet.progress.tick()
    target, wanted = to_lch(named(first)), to_lch(named(second))
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    turn = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) - target[2]
    away = np.abs((turn + 180) % 360 - 180)
    if target[1] > 0.03:
        mask = smoothstep(48, 24, as_floats(away)) * smoothstep(0.025, 0.06, as_floats(chroma))
    else:
        near = np.abs(lab[..., 0] - target[0])
        mask = smoothstep(0.3, 0.12, as_floats(near)) * smoothstep(0.08, 0.04, as_floats(chroma))
    mask = blur(as_floats(mask), max(0.5, sheet.unit * 0.0012))
    angle = np.radians(wanted[2])
    vivid = np.maximum(chroma, 0.5 * wanted[1]) if wanted[1] > 0.03 else np.full_like(chroma, wanted[1])
    if target[1] > 0.03 and wanted[1] > 0.03:
        vivid = np.minimum(vivid, 1.25 * wanted[1] + 0.02)
    shift = 0.45 * (wanted[0] - target[0])
    other = np.stack([lab[..., 0] + shift, vivid * np.cos(angle), vivid * np.sin(angle)], axis=-1)
    sheet.image = from_oklab(as_floats(lab + mask[..., None] * (other - lab)))


def soften(sheet: Sheet, step: Step) -> None:
    sheet.image = blur(sheet.image, sheet.unit * 0.006 * max(0.3, abs(sheet.amount(step))))


def sharpen(sheet: Sheet, step: Step) -> None:
    """Fine and middling detail, by lightness alone: colour fringes would show."""
    grey = luminance(sheet.image)
    more = 0.9 * (grey - blur(grey, max(0.8, sheet.unit * 0.0011))) + 0.3 * (grey - blur(grey, sheet.unit * 0.006))
    sheet.image = np.clip(sheet.image + (more * np.float32(sheet.amount(step)))[..., None], 0, 1)


def smooth(sheet: Sheet, step: Step) -> None:
    coded = np.clip(sheet.image * 255, 0, 255).astype(np.uint8)
    evened = cv2.bilateralFilter(coded, 7, 28 * max(0.5, abs(step.amount)), 3)
    sheet.progress.tick()
    sheet.image = as_floats(evened) * np.float32(1 / 255)


def night(sheet: Sheet, step: Step) -> None:
    """Day for night, as films did it: under-exposed and blue; what was brightest stays lit and warm."""
    amount = min(1.3, abs(sheet.amount(step)))
    grey = luminance(sheet.image)
    dark = grey ** np.float32(1.25) * np.float32(0.42)
    moonlit = dark[..., None] * as_floats([0.62, 0.82, 1.32]) + (sheet.image - grey[..., None]) * 0.16
    high = float(np.quantile(grey, 0.985))
    lamps = smoothstep(max(0.55, high - 0.06), max(0.75, high + 0.03), grey) * 0.75
    halo = blur(lamps, sheet.unit * 0.02) * 0.5
    glow = as_floats([1.0, 0.86, 0.6])
    made = moonlit + (1 - moonlit) * (np.clip(lamps + halo, 0, 1)[..., None] * glow * 0.8)
    sheet.blend(as_floats(np.clip(made, 0, 1)), min(1.0, amount))
    _vignette(sheet, 0.35)


def golden(sheet: Sheet, step: Step) -> None:
    """A low sun from one side: warm lights, violet shadows, haze around the light."""
    amount = np.float32(min(1.4, abs(sheet.amount(step))))
    width, height = sheet.size
    rng = sheet.rng("golden")
    grey = luminance(sheet.image)[..., None]
    toned = sheet.image * (1 + as_floats([0.20, 0.02, -0.26]) * amount * (0.35 + grey))
    toned = toned + as_floats([0.05, -0.01, 0.06]) * amount * (1 - grey) ** 3
    sun_x, sun_y = width * float(rng.choice([0.08, 0.92])), height * float(rng.uniform(0.12, 0.34))
    ys, xs = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    far = np.hypot(xs - sun_x, ys - sun_y) / sheet.unit
    haze = 0.62 * np.exp(-far / 0.34) + 0.16 * np.exp(-far / 0.9)
    made = toned + (1 - np.clip(toned, 0, 1)) * (haze[..., None] * as_floats([1.0, 0.72, 0.36]) * amount)
    sheet.image = as_floats(np.clip(made, 0, 1))


def autumn(sheet: Sheet, step: Step) -> None:
    """Greens turn to gold and rust."""
    lab = to_oklab(np.clip(sheet.image, 0, 1))
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    green = smoothstep(85, 110, as_floats(hue)) * smoothstep(185, 160, as_floats(hue))
    share = as_floats(np.clip(green * smoothstep(0.01, 0.04, as_floats(chroma)) * abs(step.amount), 0, 1))
    spread = field(sheet.rng("leaves"), sheet.size, (40, 40), 3)
    turned = np.radians(38 + 48 * np.clip(spread * 1.6 - 0.3, 0, 1))
    lively = chroma * 1.35 + 0.02
    for channel, part in ((1, np.cos(turned)), (2, np.sin(turned))):
        lab[..., channel] += share * (lively * part - lab[..., channel])
    sheet.image = from_oklab(lab)
    warmth(sheet, Step("warmth", 0.6))


def neon(sheet: Sheet, step: Step) -> None:
    """Night in magenta and cyan."""
    night(sheet, Step("night", 0.8))
    grey = luminance(sheet.image)
    pinks, blues = parse("#ff2e88"), parse("#19d5f5")
    width, height = sheet.size
    drift = field(sheet.rng("neon"), (width, height), (2, 2), 2)
    lit = pinks + smoothstep(0.35, 0.65, drift)[..., None] * (blues - pinks)
    made = sheet.image + (1 - sheet.image) * (lit * (grey * 1.3 * np.float32(min(1.3, abs(step.amount))))[..., None])
    sheet.image = as_floats(np.clip(made, 0, 1))


def fog(sheet: Sheet, step: Step) -> None:
    """Denser above than below, for what is low is near; drifting."""
    amount = abs(sheet.amount(step))
    palette = TIMES["fog"][0]
    width, height = sheet.size
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    drift = field(sheet.rng("fog"), (width, height), (2.5, 6), 4)
    depth = (0.80 - 0.50 * down) * (0.72 + 0.56 * drift)
    soft = blur(sheet.image, sheet.unit * 0.004)
    sheet.blend(soft, as_floats(np.clip(depth * 0.8, 0, 1)))
    veil = np.broadcast_to(palette.sky[-2], sheet.image.shape)
    sheet.blend(as_floats(veil), as_floats(np.clip(depth * amount * 0.92, 0, 0.95)))


def snow(sheet: Sheet, step: Step) -> None:
    """Cold light, snow on what faces upwards, flakes in four depths."""
    palette = TIMES["winter"][0]
    amount = np.float32(min(1.5, abs(sheet.amount(step))))
    grey = luminance(sheet.image)
    sheet.blend(np.repeat(grey[..., None], 3, axis=2), 0.45)
    sheet.image = as_floats(np.clip(sheet.image * as_floats([0.95, 1.0, 1.08]) + 0.04, 0, 1))
    form = blur(grey, sheet.unit * 0.004)
    upward = np.clip(cv2.Sobel(form, cv2.CV_32F, 0, 1, ksize=3) * (-sheet.unit / 60), 0, 1)
    low = np.linspace(0.15, 1, sheet.size[1], dtype=np.float32)[:, None] ** 1.2
    ragged = field(sheet.rng("drift"), sheet.size, (60, 60), 3, 0.6)
    lying = smoothstep(0.32, 0.85, as_floats(0.62 * upward + 0.95 * low * low * ragged))
    sheet.blend(as_floats(np.broadcast_to(as_floats([0.94, 0.96, 1.0]), sheet.image.shape)), lying * 0.72 * amount)
    weather.paint_snowfall(_canvas(sheet), palette, sheet.rng("flakes"))


def rain(sheet: Sheet, step: Step) -> None:
    """A grey, wet light and streaks in three depths."""
    del step
    palette = TIMES["storm"][0]
    grey = luminance(sheet.image)[..., None]
    wet = grey + (sheet.image - grey) * np.float32(0.62)
    sheet.image = as_floats(np.clip(wet * as_floats([0.74, 0.80, 0.86]) + 0.02, 0, 1))
    weather.paint_rain(_canvas(sheet), palette, sheet.rng("rain"))


def hand(sheet: Sheet, step: Step) -> None:
    """In the hand of a style."""
    work = stylise.Hand(sheet.rng("hand"), sheet.progress, min(1.0, 0.65 * abs(step.amount)), 2)
    sheet.image = np.clip(stylise.HANDS[step.value](sheet.image, work), 0, 1)


def vignette(sheet: Sheet, step: Step) -> None:
    _vignette(sheet, 0.75 * abs(sheet.amount(step)))


def grain(sheet: Sheet, step: Step) -> None:
    sheet.image = weather.finish(
        sheet.image, sheet.rng("grain"), grain=0.11 * abs(sheet.amount(step)), paper=0, vignette=0
    )


def _vignette(sheet: Sheet, amount: float) -> None:
    width, height = sheet.size
    ys, xs = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    fall = 1 - min(0.95, amount) * np.clip((xs**2 + ys**2) / 2, 0, 1) ** 1.3
    sheet.image = as_floats(sheet.image * as_floats(fall)[..., None])


def _canvas(sheet: Sheet) -> Canvas:
    """The sheet as what scenes are painted on; it paints on the sheet itself."""
    canvas = Canvas(*sheet.size, sheet.progress)
    canvas.image = sheet.image = np.ascontiguousarray(sheet.image)
    return canvas
