"""From a brief to a landscape: which light and colours, which ground, and in which order they are painted."""

import numpy as np

from generation.providers.studio import sky, weather
from generation.providers.studio.beyond import paint_space, paint_underwater
from generation.providers.studio.canvas import Canvas
from generation.providers.studio.grounds import GROUNDS
from generation.providers.studio.habits import AIRBORNE, HOMES, SWIMMING
from generation.providers.studio.noise import as_floats, random_for
from generation.providers.studio.palettes import TIMES, Palette, jitter, mood, tint
from generation.providers.studio.prompt import Brief
from generation.providers.studio.stage import Stage
from generation.providers.studio.subjects import Place, put_subjects


def choose_palette(brief: Brief, seed: int, grounds: tuple[str, ...]) -> tuple[str, Palette]:
    """The time of day (from the prompt, else from weather, else by the seed) and its colours."""
    rng = random_for(seed, "palette")
    times = brief.of("time")
    # Seasons say less than hours: "autumn dusk" is dusk. Neon outshines all.
    ranked = ["neon", "night", "dusk", "sunset", "dawn", "winter", "autumn", "spring", "day"]
    said = sorted(times, key=ranked.index)
    if "storm" in brief.of("weather") and "neon" not in said and "night" not in said:
        time = "storm"
    elif said:
        time = said[0]
    elif brief.of("weather"):
        time = {"rain": "storm", "snow": "winter", "fog": "fog"}.get(brief.of("weather")[0], "day")
    elif brief.of("light"):
        time = "night" if set(brief.of("light")) & {"moon", "stars", "aurora", "milkyway"} else "sunset"
    else:
        usual = {
            "desert": ("sunset", "dawn", "sunset"),
            "city": ("dusk", "night", "sunset"),
            "space": ("night",),
            "field": ("dawn", "day", "sunset"),
            "forest": ("fog", "dawn", "dusk", "autumn"),
        }
        options = usual.get(grounds[0] if grounds else "", ("dawn", "day", "sunset", "dusk", "dawn", "sunset"))
        time = options[int(rng.integers(len(options)))]
    choices = TIMES[time]
    palette = jitter(choices[int(rng.integers(len(choices)))], rng)
    return time, mood(tint(palette, brief.colours), brief.moods)


def compose(canvas: Canvas, brief: Brief, seed: int) -> None:
    """Paint the landscape that the brief asks for onto an empty canvas."""
    grounds = brief.of("ground") or tuple(
        HOMES[subject.name] for subject in brief.subjects[:1] if subject.name in HOMES
    )
    if not grounds:
        grounds = ("mountains",) if brief.of("light") else ("hills",)
    main = _main_ground(grounds)
    time, stage = _set_stage(canvas, brief, seed, grounds, main)
    if main == "space":
        paint_space(stage)
    elif main == "underwater":
        paint_underwater(stage)
    else:
        _paint_sky(stage, time)
        canvas.progress.stage(0.3)
        GROUNDS[main](stage, grounds)
    canvas.progress.stage(0.1)
    # Most of a fog lies behind who is named, or nobody would see them.
    if "fog" in brief.of("weather"):
        weather.paint_fog(canvas, stage.palette, stage.rng("fog"), stage.horizon, 0.75)
    put_subjects(canvas, brief, stage.palette, random_for(seed, "subjects"), _place(stage, main))
    canvas.progress.stage(0.1)
    _paint_weather(stage)


# Where the horizon may lie, from the top, as a share of the height.
HORIZONS = {
    "sea": (0.50, 0.62),
    "lake": (0.48, 0.58),
    "desert": (0.46, 0.58),
    "field": (0.40, 0.52),
    "city": (0.66, 0.74),
    "forest": (0.48, 0.56),
    "mountains": (0.66, 0.76),
    "hills": (0.50, 0.60),
}


def _set_stage(canvas: Canvas, brief: Brief, seed: int, grounds: tuple[str, ...], main: str) -> tuple[str, Stage]:
    """The time of day, and the stage with its palette, horizon and light."""
    time, palette = choose_palette(brief, seed, grounds)
    rng = random_for(seed, "composition")
    horizon = canvas.height * float(rng.uniform(*HORIZONS.get(main, (0.55, 0.62))))
    if canvas.height > canvas.width:
        horizon += canvas.height * 0.05
    sun_x = canvas.width * float(rng.uniform(0.24, 0.76))
    lift = {"dawn": 0.10, "sunset": 0.10, "dusk": 0.06, "neon": 0.16}.get(time, 0.34)
    sun_y = horizon - canvas.unit * (lift + 0.06 * float(rng.random()))
    if main in {"mountains", "city", "forest"}:
        sun_y -= canvas.unit * (0.16 if lift < 0.2 else 0.04)
    stage = Stage(canvas, brief, palette, seed, horizon, (sun_x, sun_y))
    # A disc of light behind whoever stands in front: the oldest trick of posters, and the best.
    alone = len(brief.subjects) == 1 and brief.subjects[0].count == 1
    alone = alone and brief.subjects[0].name not in AIRBORNE | SWIMMING
    stage.hero = alone and main in {"hills", "desert", "field"} and time in {"sunset", "dusk", "dawn", "night"}
    if stage.hero:
        sun_x = canvas.width * float(rng.choice([0.36, 0.5, 0.64]))
        stage.sun = (sun_x, horizon - canvas.unit * float(rng.uniform(0.02, 0.10)))
    return time, stage


def _main_ground(grounds: tuple[str, ...]) -> str:
    """Of several grounds, the one that the others stand behind."""
    for name in ("underwater", "space", "lake", "sea", "field", "desert", "city", "forest", "mountains", "hills"):
        if name in grounds:
            # A city by the sea is a skyline over water.
            return "sea" if name == "city" and "sea" in grounds else name
    return "hills"


def _place(stage: Stage, main: str) -> Place:
    outline = stage.ground
    if outline is None:
        outline = as_floats(np.full(stage.canvas.width, stage.canvas.height * 0.9))
    return Place(outline, stage.horizon, stage.water_level, stage.sun, main, stage.hero)


def _paint_sky(stage: Stage, time: str) -> None:
    canvas, palette, brief, horizon = stage.canvas, stage.palette, stage.brief, stage.horizon
    rng = stage.rng("sky")
    lights, weathers = brief.of("light"), brief.of("weather")
    sky.paint_air(canvas, palette, horizon, rng)
    if "stars" in lights or (palette.night and time != "neon"):
        sky.paint_stars(canvas, rng, horizon, 1.0 if palette.night else 0.45, palette.light)
    if "milkyway" in lights or (palette.night and "stars" in lights and "moon" not in lights and rng.random() < 0.7):
        sky.paint_milky_way(canvas, palette, rng, horizon)
    if "aurora" in lights:
        sky.paint_aurora(canvas, rng, horizon)
    _paint_light(stage, time, rng)
    if "storm" in weathers or (palette.night and "cloud" not in weathers):
        return
    if time in {"day", "spring"} or "cloud" in weathers:
        sky.paint_heaps(canvas, palette, rng, horizon, 5)
    sky.paint_clouds(
        canvas,
        palette,
        rng,
        horizon,
        0.9 if "cloud" in weathers or "rain" in weathers else float(rng.uniform(0.3, 0.75)),
        stage.sun,
    )


def _paint_light(stage: Stage, time: str, rng: np.random.Generator) -> None:
    """Sun, moon, or the storm that hides them."""
    canvas, palette, brief, horizon = stage.canvas, stage.palette, stage.brief, stage.horizon
    lights, weathers = brief.of("light"), brief.of("weather")
    radius = canvas.unit * float(rng.uniform(0.055, 0.085)) * (2.3 if stage.hero else 1.0)
    if "storm" in weathers:
        sky.paint_storm(
            canvas, palette, rng, horizon, lightning=bool({"lightning", "thunder", "storm"} & set(brief.words))
        )
    elif palette.night and time == "neon":
        sky.paint_striped_sun(canvas, palette, *stage.sun, radius * 2.4)
    elif palette.night or "moon" in lights:
        if "moon" in lights or not lights:
            phase = (
                0.75
                if "crescent" in brief.words
                else 0.0
                if "full" in brief.words
                else float(rng.choice([0.0, 0.0, 0.6]))
            )
            if not stage.hero:
                stage.sun = (stage.sun[0], horizon * float(rng.uniform(0.24, 0.42)))
            sky.paint_moon(canvas, palette, *stage.sun, radius * 0.9, rng, phase)
    else:
        veiled = "fog" in weathers or "rain" in weathers or ("snow" in weathers and rng.random() < 0.6)
        sky.paint_sun(canvas, palette, *stage.sun, radius, veiled=veiled)


def _paint_weather(stage: Stage) -> None:
    canvas, palette, weathers = stage.canvas, stage.palette, stage.brief.of("weather")
    if "fog" in weathers:
        weather.paint_fog(canvas, palette, stage.rng("mist"), stage.horizon + canvas.unit * 0.12, 0.3)
    if "rain" in weathers or ("storm" in weathers and "rain" not in weathers):
        weather.paint_rain(canvas, palette, stage.rng("rain"))
    if "snow" in weathers:
        weather.paint_snowfall(canvas, palette, stage.rng("snowfall"))
