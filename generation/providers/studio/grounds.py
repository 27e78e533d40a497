"""The grounds of a landscape, each a recipe of what stands behind, on and before it."""

import numpy as np

from generation.providers.studio import bloom, land, town, water
from generation.providers.studio.canvas import disc, fill
from generation.providers.studio.colour import from_lch, mix, shade
from generation.providers.studio.noise import as_floats, field, line, smoothstep
from generation.providers.studio.palettes import named
from generation.providers.studio.stage import Stage


def paint_backdrop(stage: Stage, grounds: tuple[str, ...], horizon: float, scale: float = 1.0) -> None:
    """What rises behind the main ground, if the prompt names it."""
    canvas, palette = stage.canvas, stage.palette
    if "mountains" in grounds:
        snow = 0.75 if stage.brief.has("time", "winter") or "alps" in stage.brief.words else 0.4
        land.paint_mountains(canvas, palette, stage.rng("mountains"), horizon, layers=4, height=0.30 * scale, snow=snow)
    if "city" in grounds:
        town.paint_city(canvas, palette, stage.rng("city"), horizon, neon=is_neon(stage))
    if "forest" in grounds or "pines" in stage.brief.of("extra"):
        paint_treeline(stage, horizon)


def paint_treeline(stage: Stage, horizon: float) -> None:
    """Two ranks of firs on the far shore."""
    canvas, palette = stage.canvas, stage.palette
    for near in (0.35, 0.62):
        rng = stage.rng(f"treeline{near}")
        outline = horizon - canvas.unit * (0.004 + 0.03 * (0.7 - near) * (1 + line(rng, canvas.width, 3, 3)))
        colour = mix(mix(palette.far, palette.sky[-1], 0.2), palette.near, near)
        with canvas.drawing() as sheet:
            land.plant_pines(sheet, canvas, rng, outline, colour, canvas.unit * 0.10 * near * 1.3, canvas.unit * 0.014)
        land.paint_under(canvas, as_floats(outline), colour, colour, canvas.unit)


def is_neon(stage: Stage) -> bool:
    return "neon" in stage.brief.moods or stage.brief.has("time", "neon")


def paint_mountains(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas, palette, rng = stage.canvas, stage.palette, stage.rng("mountains")
    winter = stage.brief.has("time", "winter")
    land.paint_mountains(
        canvas,
        palette,
        rng,
        stage.horizon,
        layers=5,
        height=float(rng.uniform(0.38, 0.5)),
        snow=0.9 if winter else float(rng.uniform(0.0, 0.6)),
    )
    for near in (0.55, 0.8):
        part = stage.rng(f"slopes{near}")
        level = stage.horizon + (canvas.height - stage.horizon) * (near - 0.42) * 1.1
        outline = as_floats(level - canvas.unit * 0.06 * line(part, canvas.width, 2.2, 4))
        colour = mix(palette.far, palette.near, near)
        if winter:
            colour = mix(colour, palette.light, 0.25)
        with canvas.drawing() as sheet:
            land.plant_pines(
                sheet,
                canvas,
                part,
                outline,
                colour,
                canvas.unit * 0.11 * near,
                canvas.unit * 0.02,
                line(part, canvas.width, 3, 3),
            )
        land.paint_under(canvas, outline, colour, mix(colour, palette.sky[-1], 0.35), canvas.unit * 0.22)
    paint_foreground(stage, canvas.height * 0.90)


def paint_foreground(stage: Stage, level: float, *, trees: bool = True) -> None:
    """The dark knoll in front, with grass, and firs that frame the view where the prompt leaves room for them."""
    canvas, palette, rng = stage.canvas, stage.palette, stage.rng("foreground")
    snowy = stage.brief.has("time", "winter") or "snow" in stage.brief.of("weather")
    body = (
        mix(mix(palette.light, palette.sky[0], 0.25), palette.near, 0.35 if palette.night else 0.08)
        if snowy
        else palette.near
    )
    stage.ground = land.paint_near_ground(canvas, palette, rng, level, body)
    with canvas.drawing() as sheet:
        if trees:
            side = 1 if rng.random() < 0.5 else -1
            for at in range(int(rng.integers(3, 6))):
                offset = float(rng.uniform(0.0, 0.17))
                x = canvas.width * (offset if side > 0 else 1 - offset)
                if at == 2:
                    x = canvas.width - x
                tall = canvas.unit * float(rng.uniform(0.24, 0.44))
                land_y = float(stage.ground[int(np.clip(x, 0, canvas.width - 1))]) + canvas.unit * 0.02
                fill(sheet, land.pine(rng, x, land_y, tall), shade(palette.near, -0.01))
        if not snowy:
            land.grass(sheet, canvas, rng, stage.ground, shade(palette.near, -0.01), canvas.unit * 0.035)


def paint_sea(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas, palette, brief = stage.canvas, stage.palette, stage.brief
    paint_backdrop(stage, grounds, stage.horizon, 0.6)
    if not ({"mountains", "city", "forest"} & set(grounds)) and stage.rng("isles").random() < 0.6:
        _isles(stage)
    stage.water_level = stage.horizon
    if "storm" in brief.of("weather") or {"waves", "wave", "surf"} & set(brief.words):
        water.paint_swell(canvas, palette, stage.rng("swell"), stage.horizon, 0.12)
    else:
        calm = 0.95 if "calm" in brief.moods else 0.45
        water.paint_water(canvas, palette, stage.rng("water"), stage.horizon, calm=calm, sun_x=stage.sun[0])
    if any(subject.name == "bridge" for subject in brief.subjects):
        town.paint_bridge(canvas, palette, stage.rng("bridge"), stage.horizon - canvas.unit * 0.015)
    if "cliff" in brief.of("extra") or {"lighthouse", "castle", "house"} & {subject.name for subject in brief.subjects}:
        paint_cliff(stage)
    elif {"beach", "coast", "shore", "palm"} & set(brief.words) or any(
        subject.name not in {"boat", "whale", "bird", "fish", "bridge", "balloon", "plane"}
        for subject in brief.subjects
    ):
        _beach(stage)


def _isles(stage: Stage) -> None:
    """One or two low islands on the horizon."""
    canvas, palette = stage.canvas, stage.palette
    part = stage.rng("isles")
    width = canvas.xs[0] / canvas.width
    hump = np.exp(-(((width - part.uniform(0, 1)) / part.uniform(0.08, 0.2)) ** 2)) + 0.6 * np.exp(
        -(((width - part.uniform(0, 1)) / 0.12) ** 2)
    )
    outline = as_floats(
        stage.horizon + canvas.unit * (0.012 - 0.06 * hump * (0.8 + 0.25 * line(part, canvas.width, 12, 4)))
    )
    land.paint_under(
        canvas,
        outline,
        mix(palette.far, palette.sky[-1], 0.25),
        mix(palette.far, palette.sky[-1], 0.5),
        canvas.unit * 0.07,
    )


def _beach(stage: Stage) -> None:
    """Sand in front with a rim of foam."""
    canvas, palette = stage.canvas, stage.palette
    sand = mix(from_lch(0.80, 0.06, 78), palette.sky[-1], 0.35)
    shore = canvas.height * 0.84 - canvas.unit * 0.05 * line(stage.rng("shore"), canvas.width, 1.3, 3)
    land.paint_under(
        canvas,
        as_floats(shore - canvas.unit * 0.012),
        mix(palette.light, palette.sky[-1], 0.3),
        palette.light,
        canvas.unit,
    )
    land.paint_under(
        canvas, as_floats(shore), mix(sand, palette.near, 0.22), mix(sand, palette.near, 0.45), canvas.unit * 0.2
    )
    stage.ground = as_floats(shore + canvas.unit * 0.04)


def paint_cliff(stage: Stage) -> None:
    """A headland from one side, its face lit in strata; things stand on top."""
    canvas, palette, rng = stage.canvas, stage.palette, stage.rng("cliff")
    side = 1 if rng.random() < 0.5 else -1
    xs = canvas.xs[0] / canvas.width
    inland = xs if side < 0 else 1 - xs
    edge = float(rng.uniform(0.46, 0.56))
    top = stage.horizon + canvas.unit * (
        0.005 + 0.03 * line(rng, canvas.width, 3, 4) - 0.05 * np.clip(edge - inland, 0, 1) / edge
    )
    fall = smoothstep(edge - 0.02, edge + 0.16, as_floats(inland + 0.02 * line(rng, canvas.width, 30, 4)))
    outline = as_floats(top + fall**0.8 * (canvas.height * 1.05 - top))
    rock = mix(palette.near, palette.far, 0.2)
    mask, first = land.paint_under(canvas, outline, mix(rock, palette.sky[-1], 0.1), palette.near, canvas.unit * 0.4)
    size = (canvas.width, canvas.height - first)
    strata = field(rng, size, (7, 30), 5, 0.6)
    cracks = field(rng, size, (40, 8), 4, 0.6)
    canvas.over(
        as_floats(mask * smoothstep(0.5, 0.62, strata * 0.6 + cracks * 0.4) * 0.35),
        mix(rock, palette.sky[-1], 0.35),
        first,
    )
    canvas.shadow(as_floats(mask * smoothstep(0.5, 0.6, cracks) * 0.35), palette.near, first)
    turf = mix(from_lch(0.42, 0.07, 130), palette.near, 0.55)
    band = np.clip(1 - (canvas.ys[first:] - outline[None, :]) / (canvas.unit * 0.022), 0, 1) * (1 - fall)[None, :]
    canvas.over(as_floats(mask * smoothstep(0.1, 0.5, as_floats(band))), turf, first)
    with canvas.drawing() as sheet:
        land.grass(sheet, canvas, rng, np.where(fall < 0.1, outline, canvas.height * 1.3), turf, canvas.unit * 0.014)
    stage.ground = outline


def paint_lake(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas, palette, brief = stage.canvas, stage.palette, stage.brief
    paint_backdrop(stage, (*grounds, "mountains") if "city" not in grounds else grounds, stage.horizon)
    if "city" not in grounds:
        paint_treeline(stage, stage.horizon)
    if brief.has("time", "autumn"):
        paint_autumn_shore(stage)
    stage.water_level = stage.horizon
    water.paint_water(
        canvas,
        palette,
        stage.rng("water"),
        stage.horizon,
        calm=0.62 if "wind" in brief.of("weather") else 0.97,
        sun_x=stage.sun[0],
    )
    drift = canvas.field(stage.rng("mist"), (2, 6), 4)
    mist = np.exp(-(((canvas.ys - stage.horizon) / (canvas.unit * 0.028)) ** 2)) * np.clip(drift * 1.6 - 0.3, 0, 1)
    canvas.over(as_floats(mist * 0.7), palette.sky[-1])
    paint_foreground(stage, canvas.height * 0.945)


def paint_autumn_shore(stage: Stage) -> None:
    """Round crowns in leaf colours along the far shore."""
    canvas, palette, rng = stage.canvas, stage.palette, stage.rng("autumn")
    leaves = [
        from_lch(*tone)
        for tone in ((0.74, 0.15, 80), (0.66, 0.17, 58), (0.56, 0.17, 38), (0.46, 0.14, 28), (0.55, 0.09, 110))
    ]
    for rank, (count, low, high) in enumerate(((150, 0.006, 0.013), (90, 0.009, 0.022))):
        with canvas.drawing() as sheet:
            for x in np.sort(rng.uniform(-0.02, 1.02, int(count * canvas.width / canvas.unit))) * canvas.width:
                # Few are tall, and between the crowns stands a fir: a hedge would look planted.
                size = canvas.unit * (low + (high - low) * float(rng.random()) ** 2)
                tone = mix(leaves[int(rng.integers(5))], palette.sky[-1], 0.42 - 0.22 * rank)
                tone = mix(tone, palette.near, 0.55 if palette.night else 0.08)
                if rng.random() < 0.22:
                    fir = mix(palette.far, palette.near, 0.5 + 0.25 * rank)
                    fill(sheet, land.pine(rng, x, stage.horizon, size * 4.2), fir)
                    continue
                crown = ((0, 0.7, 1.0), (-0.5, 0.45, 0.7), (0.5, 0.5, 0.72), (0.12, 1.5, 0.74), (-0.1, 2.1, 0.45))
                for dx, dy, part in crown:
                    lit = shade(tone, 0.05 if dx * (stage.sun[0] - x) > 0 or dy > 1.4 else -0.05)
                    disc(sheet, x + dx * size, stage.horizon - size * dy, size * part, lit)


def paint_desert(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas, palette = stage.canvas, stage.palette
    if "mountains" in grounds:
        paint_backdrop(stage, grounds, stage.horizon + canvas.unit * 0.02, 0.55)
    sand = mix(from_lch(0.72, 0.12, 62), palette.accent, 0.12)
    if stage.brief.colours:
        sand = mix(sand, named(stage.brief.colours[-1]), 0.35)
    sand = mix(sand, palette.near, 0.62) if palette.night else mix(sand, palette.far, 0.25)
    land.paint_dunes(canvas, palette, stage.rng("dunes"), stage.horizon, sand)
    stage.ground = as_floats(
        np.full(canvas.width, canvas.height * 0.86) - canvas.unit * 0.02 * line(stage.rng("feet"), canvas.width, 2, 2)
    )


def paint_forest(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas = stage.canvas
    if "mountains" in grounds:
        paint_backdrop(stage, ("mountains",), stage.horizon, 1.2)
    elif stage.rng("behind").random() < 0.6:
        land.paint_mountains(
            canvas, stage.palette, stage.rng("mountains"), stage.horizon, layers=2, height=0.22, snow=0.2
        )
    land.paint_forest(canvas, stage.palette, stage.seed, stage.horizon)
    paint_foreground(stage, canvas.height * 0.93, trees=False)


def paint_city(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas, palette, brief = stage.canvas, stage.palette, stage.brief
    if "mountains" in grounds:
        paint_backdrop(stage, ("mountains",), stage.horizon, 1.1)
    town.paint_city(canvas, palette, stage.rng("city"), stage.horizon, neon=is_neon(stage))
    if "rain" in brief.of("weather") or is_neon(stage):
        water.mirror_wet(canvas, stage.rng("wet"), stage.horizon + canvas.unit * 0.012, shade(palette.near, 0.02))
    else:
        stage.water_level = stage.horizon
        water.paint_water(
            canvas, palette, stage.rng("water"), stage.horizon + canvas.unit * 0.012, calm=0.8, sun_x=stage.sun[0]
        )
    stage.ground = as_floats(np.full(canvas.width, canvas.height * 0.965))
    if brief.subjects:
        _parapet(stage)


def _parapet(stage: Stage) -> None:
    """The edge of a roof in front, for somebody to stand on."""
    canvas, palette, rng = stage.canvas, stage.palette, stage.rng("parapet")
    top = canvas.height * float(rng.uniform(0.86, 0.90))
    stone = mix(palette.near, palette.far, 0.22)
    flat = as_floats(np.full(canvas.width, top))
    land.paint_under(canvas, flat, mix(stone, palette.sky[-1], 0.16), stone, canvas.unit * 0.03)
    land.paint_under(
        canvas, as_floats(flat + canvas.unit * 0.034), shade(stone, -0.05), palette.near, canvas.unit * 0.10
    )
    joints = np.zeros((canvas.height, canvas.width), np.float32)
    joints[int(top) : int(top + canvas.unit * 0.034)] = 1
    spacing = canvas.unit * 0.16
    line_at = np.abs((canvas.xs + float(rng.uniform(0, 1)) * spacing) % spacing - spacing / 2) < canvas.unit * 0.0012
    canvas.shadow(as_floats(joints * line_at * 0.5), palette.near)
    stage.ground = as_floats(flat + canvas.unit * 0.012)


def paint_field(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas, palette, brief = stage.canvas, stage.palette, stage.brief
    if "mountains" in grounds:
        paint_backdrop(stage, ("mountains",), stage.horizon, 0.8)
    tones = (mix(palette.far, from_lch(0.6, 0.08, 140), 0.35), mix(palette.far, from_lch(0.5, 0.10, 138), 0.6))
    hills = land.paint_hills(
        canvas, palette, stage.rng("hills"), stage.horizon - canvas.unit * 0.09, stage.horizon, 3, tones
    )
    with canvas.drawing() as sheet:
        land.plant_pines(
            sheet,
            canvas,
            stage.rng("copse"),
            hills[1],
            mix(tones[1], palette.near, 0.5),
            canvas.unit * 0.035,
            canvas.unit * 0.012,
            line(stage.rng("gaps"), canvas.width, 5, 3) + 0.15,
        )
    kinds = [kind for kind in ("poppy", "tulip", "sunflower", "lavender", "wheat") if kind in brief.of("extra")]
    said = [word for word in brief.colours if word not in {"golden", "gold"} or "wheat" not in kinds]
    colour = named(said[0]) if said else None
    bloom.paint_field(canvas, palette, stage.rng("field"), stage.horizon, kinds[0] if kinds else "mixed", colour)
    stage.ground = as_floats(np.full(canvas.width, canvas.height * 0.93))


def paint_hills(stage: Stage, grounds: tuple[str, ...]) -> None:
    canvas, palette = stage.canvas, stage.palette
    land.paint_mountains(canvas, palette, stage.rng("mountains"), stage.horizon, layers=2, height=0.16, snow=0.2)
    winter = stage.brief.has("time", "winter") or "snow" in stage.brief.of("weather")
    leaf = from_lch(0.52, 0.09, 128) if not stage.brief.has("time", "autumn") else from_lch(0.58, 0.11, 68)
    if winter:
        leaf = mix(palette.light, palette.sky[0], 0.22)
    tones = (mix(palette.far, leaf, 0.45), mix(mix(leaf, palette.near, 0.42), palette.far, 0.1))
    hills = land.paint_hills(canvas, palette, stage.rng("hills"), stage.horizon, canvas.height * 0.84, 5, tones)
    for at in (1, 2, 3):
        with canvas.drawing() as sheet:
            tone = mix(tones[1], palette.near, 0.2 + 0.2 * at)
            land.plant_pines(
                sheet,
                canvas,
                stage.rng(f"copse{at}"),
                hills[at],
                tone,
                canvas.unit * (0.02 + 0.018 * at),
                canvas.unit * 0.016,
                line(stage.rng(f"gap{at}"), canvas.width, 4, 3) + 0.25,
            )
    if "village" in stage.brief.words or stage.rng("village").random() < 0.35:
        town.paint_village(canvas, palette, stage.rng("village"), hills[2], 5, canvas.unit * 0.028)
    paint_foreground(stage, canvas.height * 0.93, trees=bool(stage.rng("frame").random() < 0.5))


GROUNDS = {
    "mountains": paint_mountains,
    "sea": paint_sea,
    "lake": paint_lake,
    "desert": paint_desert,
    "forest": paint_forest,
    "city": paint_city,
    "field": paint_field,
    "hills": paint_hills,
}
