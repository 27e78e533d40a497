"""From words to a plan: what of the prompt the studio can draw. Words match whole, in English, singular or plural."""

import re
from dataclasses import dataclass

from generation.providers.studio.palettes import COLOURS

LEXICON: dict[str, dict[str, str]] = {
    "ground": {
        "mountains": "mountain mountains alps alpine peak peaks summit himalaya everest volcano ridge range highlands valley canyon cliffside",
        "sea": "sea ocean waves wave beach coast shore harbour harbor bay island islands seaside surf tide nautical maritime marine lagoon",
        "lake": "lake river pond reflection reflections fjord stream creek loch waterfall water",
        "desert": "desert dune dunes sahara sand sandy arid oasis egypt",
        "forest": "forest woods woodland pine pines trees jungle wood grove spruce fir taiga wilderness",
        "city": "city skyline town skyscraper skyscrapers street downtown urban metropolis tokyo york london paris cyberpunk buildings architecture office",
        "field": "field fields meadow flowers flower poppies poppy tulip tulips sunflower sunflowers garden lavender daisies daisy wildflowers prairie wheat farm blossom bloom rose roses",
        "hills": "hill hills countryside landscape tuscany rolling pasture scenery nature horizon village moor road path",
        "space": "space planet planets galaxy cosmos cosmic universe saturn jupiter mars nebula astronaut spaceship orbit",
        "underwater": "underwater reef coral undersea aquarium seabed deep diving",
    },
    "time": {
        "dawn": "dawn sunrise morning daybreak",
        "day": "day noon midday daylight summer sunny afternoon clear",
        "sunset": "sunset evening sundown golden-hour",
        "dusk": "dusk twilight gloaming blue-hour",
        "night": "night midnight starry stars nocturnal moonlit moonlight nighttime milky-way aurora northern-lights constellation star",
        "autumn": "autumn fall autumnal october november harvest",
        "winter": "winter snow snowy frost ice icy frozen snowfall blizzard christmas arctic december january snowman",
        "spring": "spring april may",
        "neon": "neon cyberpunk synthwave vaporwave retrowave outrun",
    },
    "weather": {
        "storm": "storm stormy thunder lightning tempest hurricane",
        "rain": "rain rainy raining drizzle downpour monsoon wet",
        "snow": "snow snowy snowing snowfall blizzard",
        "fog": "fog foggy mist misty haze hazy",
        "cloud": "cloud clouds cloudy overcast",
        "wind": "windy wind breeze",
    },
    "light": {
        "moon": "moon moonlit moonlight lunar crescent", "sun": "sun sunny sunrise sunset",
        "aurora": "aurora northern-lights borealis", "stars": "stars starry star constellation",
        "milkyway": "milky-way galaxy",
    },
    "subject": {
        "fox": "fox vixen", "cat": "cat kitten kitty", "bird": "bird gull seagull swallow flock geese", "owl": "owl",
        "whale": "whale orca", "boat": "boat sailboat yacht ship sail sailing", "lighthouse": "lighthouse beacon",
        "tree": "tree oak maple", "house": "house cottage cabin hut home barn farmhouse", "balloon": "balloon hot-air-balloon",
        "person": "person man woman girl boy hiker traveller traveler wanderer human figure someone lady silhouette",
        "deer": "deer stag elk moose reindeer antlers", "rabbit": "rabbit bunny hare", "bear": "bear", "wolf": "wolf dog husky puppy coyote",
        "fish": "fish koi goldfish salmon", "butterfly": "butterfly moth", "rocket": "rocket spaceship spacecraft starship",
        "cactus": "cactus cacti saguaro", "palm": "palm coconut", "mushroom": "mushroom toadstool fungi",
        "tent": "tent camp camping campsite", "castle": "castle fortress palace", "penguin": "penguin", "turtle": "turtle tortoise",
        "jellyfish": "jellyfish medusa", "horse": "horse pony stallion mare", "elephant": "elephant", "camel": "camel caravan",
        "windmill": "windmill mill", "umbrella": "umbrella parasol", "plane": "plane airplane aeroplane jet aircraft",
        "car": "car automobile taxi", "snowman": "snowman", "planet": "planet saturn jupiter mars", "bridge": "bridge",
        "train": "train locomotive railway", "robot": "robot android", "dragon": "dragon",
    },
    "extra": {"cliff": "cliff cliffs rock rocks crag", "pines": "pine pines spruce fir", "poppy": "poppy poppies", "tulip": "tulip tulips",
              "sunflower": "sunflower sunflowers", "lavender": "lavender", "wheat": "wheat", "volcano": "volcano", "birch": "birch"},
    "abstract": {
        "marble": "marble fluid ink liquid swirl agate smoke fluidart marbled",
        "bauhaus": "bauhaus geometric geometry shapes modernist constructivist tiles swiss",
        "circles": "circle circles dots rings bubbles spheres concentric",
        "waves": "stripes stripe wavy retro seventies 70s groovy",
        "contours": "topographic topography contour contours map elevation isolines",
        "flow": "flow flowfield particles fibres threads hair silk currents",
        "gradient": "gradient blur blurred wallpaper mesh aura dreamy soft",
        "facets": "polygon polygons lowpoly low-poly crystal facets triangle triangles mosaic stained-glass voronoi prism",
        "rays": "sunburst rays burst radial explosion",
    },
    "mood": {
        "pastel": "pastel soft gentle delicate kawaii", "neon": "neon cyberpunk synthwave vaporwave",
        "vintage": "vintage retro old nostalgic faded", "vivid": "vivid vibrant colourful colorful saturated bold rainbow",
        "dark": "dark moody gloomy noir gothic ominous spooky", "bright": "bright light airy cheerful happy",
        "minimal": "minimal minimalist minimalistic simple clean", "calm": "calm serene peaceful quiet tranquil still",
        "abstract": "abstract pattern background texture",
    },
    "style": {
        "watercolour": "watercolour watercolor aquarelle", "sketch": "sketch pencil drawing charcoal drawn",
        "oil": "oil painting impressionist impasto painterly gogh monet", "pixel": "pixel pixels 8bit 8-bit pixelart",
        "riso": "riso risograph print screenprint halftone", "poster": "poster flat vector linocut woodcut",
        "film": "film photo photograph photographic kodak",
    },
}  # fmt: skip

NUMBERS = {
    "two": 2,
    "pair": 2,
    "three": 3,
    "few": 3,
    "four": 4,
    "several": 5,
    "five": 5,
    "many": 7,
    "flock": 7,
    "herd": 4,
    "dozen": 9,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing to draw, in the colour that stands before its name, so many times."""

    name: str
    colour: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Brief:
    """All that was understood of a prompt, in the order in which it was said."""

    words: tuple[str, ...]
    found: dict[str, tuple[str, ...]]
    subjects: tuple[Subject, ...]
    colours: tuple[str, ...]

    def of(self, category: str) -> tuple[str, ...]:
        return self.found.get(category, ())

    def has(self, category: str, name: str) -> bool:
        return name in self.of(category)

    @property
    def moods(self) -> frozenset[str]:
        return frozenset(self.of("mood"))


def _table() -> dict[str, list[tuple[str, str]]]:
    table: dict[str, list[tuple[str, str]]] = {}
    for category, names in LEXICON.items():
        for name, words in names.items():
            for word in words.split():
                table.setdefault(word, []).append((category, name))
    return table


TABLE = _table()
PHRASES = tuple(word for word in TABLE if "-" in word)


def _singular(word: str) -> list[str]:
    forms = [word]
    if word.endswith("ies"):
        forms.append(word[:-3] + "y")
    if word.endswith("ves"):
        forms.append(word[:-3] + "f")
    if word.endswith("es"):
        forms.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        forms.append(word[:-1])
    return forms


def read(prompt: str) -> Brief:
    """Understand a prompt. Unknown words are passed over; the order of the known ones is kept."""
    text = prompt.lower().replace("’", "'")
    for phrase in PHRASES:
        text = re.sub(rf"\b{phrase.replace('-', '[ -]')}s?\b", phrase, text)
    words = tuple(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text))
    found: dict[str, list[str]] = {}
    subjects: list[Subject] = []
    colours: list[str] = []
    for at, word in enumerate(words):
        form = next((form for form in _singular(word) if form in TABLE), None)
        senses = TABLE.get(form or "", [])
        for category, name in senses:
            if category == "subject":
                before = words[max(0, at - 3) : at]
                worn = next((part for part in reversed(before[-2:]) if part in COLOURS), None)
                count = next((NUMBERS[part] for part in before if part in NUMBERS), 3 if word != form else 1)
                if name not in [subject.name for subject in subjects]:
                    subjects.append(Subject(name, worn, NUMBERS.get(word, count)))
                if worn in colours:
                    colours.remove(worn)
            elif name not in found.setdefault(category, []):
                found[category].append(name)
        # A flower's colour is the flower's: "lavender" is a field before it is a hue.
        if word in COLOURS and not any(category == "ground" for category, _ in senses) and word not in colours:
            colours.append(word)
    return Brief(words, {key: tuple(names) for key, names in found.items()}, tuple(subjects), tuple(colours))
