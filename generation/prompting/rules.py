"""What a prompt says of its picture, and what it leaves open: adds words for the latter, deterministically.

English words are looked for; a prompt in another script is left as it is, since nothing could be told of it.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing that a good prompt says: how to see that it does, and words to add if not, by kind of picture."""

    name: str
    said: str
    photo: tuple[str, ...]
    drawn: tuple[str, ...]
    rendered: tuple[str, ...]


# The kinds of pictures, by words that give them away; photo is what models make of a prompt that names none.
_DRAWN = (
    r"paint(?:ing|ed|erly)?|water-?colou?rs?|gouache|oils?|ink|drawings?|drawn|sketch(?:es|ed)?|illustrations?|"
    r"illustrated|charcoal|pastels?|pencil|crayons?|woodcut|woodblock|linocut|etching|engraving|risograph|posters?|"
    r"prints?|comics?|manga|anime|cartoons?|line art|doodle|vector|logos?|icons?|stickers?|collage|mosaic|fresco|"
    r"stained glass|calligraphy|impasto|storybook|graffiti|mural|stencil|tattoo|emblem|flat design"
)
_RENDERED = (
    r"3d|renders?|rendered|cgi|low[- ]poly|isometric|voxels?|octane|unreal engine|blender|claymation|clay|"
    r"pixel art|8-bit|16-bit|pixelated"
)
# Each of these is said by some option below, so that an enhanced prompt is found complete.
_BARE = r"minimal(?:ist|istic|ism)?|simple|plain|clean|flat|blank|sparse|empty|bare|silhouettes?"
_GLOOM = r"dark|gloomy|grim|horror|scary|eerie|creepy|sinister|sad|melanchol\w*|lonely|angry|furious|war|storms?|stormy"

DETAIL = Aspect(
    "detail",
    r"detail(?:s|ed|ing)?|intricate|textur(?:e|es|ed)|crisp|sharp|ornate|elaborate|fine lines|grain|"
    rf"brush(?:work|strokes)|hatching|4k|8k|hd|{_BARE}|blurry|abstract",
    photo=("fine natural textures", "crisp small details", "rich lifelike detail"),
    drawn=("careful linework and small details", "expressive texture", "rich hand-made detail"),
    rendered=("clean well-shaped details", "carefully made materials and fine texture", "crisp small details"),
)
LIGHT = Aspect(
    "light",
    r"light(?:s|ing|ning)?|illuminat\w+|lit|sun\w*|moon\w*|day(?:light|time|break)?|noon|midday|morning|evening|"
    r"night\w*|midnight|dawn|dusk|twilight|golden hour|blue hour|shad(?:e|ow|ows|owy)|backlit|backlight\w*|"
    r"candle\w*|lantern\w*|lamp\w*|neon|fire\w*|flames?|glow\w*|star(?:s|ry|light|lit)|aurora|northern lights|"
    r"dark(?:ness)?|bright|dim|fog\w*|mist\w*|haz[ey]|overcast|cloudy|storm\w*|rain\w*|snow\w*|silhouettes?|"
    r"chiaroscuro|high[- ]key|low[- ]key|softbox|flash|sunset|sunrise|underwater|space|galaxy|nebula|cave|"
    r"black and white|monochrome|flat|ink|line art|logos?|icons?|vector",
    photo=("soft natural light", "gentle directional light", "warm light from one side"),
    drawn=("soft even light", "gentle light and shade", "warm light from one side"),
    rendered=("soft studio light", "gentle global illumination", "warm light from one side"),
)
COMPOSITION = Aspect(
    "composition",
    r"close[- ]?ups?|macro|wide(?:[- ]angle)?|panoram\w*|portraits?|full[- ]body|half[- ]body|head ?shots?|"
    r"bird'?s[- ]eye|aerial|drone|top[- ]down|overhead|from (?:above|below|behind|afar)|low[- ]angle|"
    r"high[- ]angle|isometric|\d+ ?mm|lens|bokeh|depth of field|compos(?:ition|ed)|centred|centered|symmetr\w*|"
    r"rule of thirds|framed|framing|foreground|background|backdrop|perspective|fish-?eye|tilt-shift|telephoto|"
    r"zoom\w*|shot|view|vista|landscape|pattern|seamless|diptych|logos?|icons?|stickers?|diorama",
    photo=(
        "balanced composition with a clear subject",
        "50mm lens, shallow depth of field",
        "eye-level view, 35mm lens",
    ),
    drawn=(
        "balanced composition with a clear subject",
        "strong focal point, uncluttered background",
        "clear foreground shapes",
    ),
    rendered=(
        "balanced composition with a clear subject",
        "three-quarter view, uncluttered background",
        "clear foreground shapes",
    ),
)
MOOD = Aspect(
    "mood",
    r"mood(?:y)?|atmospher\w*|calm|peaceful|serene|quiet|tranquil|cosy|cozy|joy\w*|happy|cheerful|playful|funny|"
    r"cute|whimsical|dream\w*|nostalg\w*|romantic|tender|hopeful|myster\w*|dramatic|epic|majestic|heroic|tense|"
    r"energetic|dynamic|vibrant|lively|elegant|surreal|magical|ethereal|futuristic|vintage|retro|cyberpunk|"
    rf"contemplative|adventurous|wonder|professional|corporate|product|catalogue|warm|cold|{_GLOOM}",
    photo=("calm atmosphere", "quiet, inviting mood", "a sense of wonder"),
    drawn=("calm atmosphere", "quiet, inviting mood", "a sense of wonder"),
    rendered=("calm atmosphere", "playful, inviting mood", "a sense of wonder"),
)
ASPECTS = (DETAIL, LIGHT, COMPOSITION, MOOD)


@cache
def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


def kind_of(prompt: str) -> str:
    """Whether it asks for something photographed ("photo"), "drawn" or "rendered"."""
    if _words(_RENDERED).search(prompt):
        return "rendered"
    return "drawn" if _words(_DRAWN).search(prompt) else "photo"


def is_readable(prompt: str) -> bool:
    """Whether most of its letters are Latin, so that the rules can tell what it says."""
    letters = [sign for sign in prompt if sign.isalpha()]
    return 2 * sum(sign < "\u0250" for sign in letters) > len(letters)


def missing(prompt: str) -> list[Aspect]:
    """What the prompt says nothing of."""
    return [aspect for aspect in ASPECTS if not _words(aspect.said).search(prompt)]


def complete(prompt: str, limit: int) -> str:
    """The prompt, unchanged at its beginning, with words for what it leaves open; the same for the same prompt.

    `limit` characters at most: what does not fit is left out.
    """
    prompt = prompt.strip()
    if not is_readable(prompt):
        return prompt
    kind, digest = kind_of(prompt), hashlib.sha256(prompt.encode()).digest()
    text = prompt
    for number, aspect in enumerate(missing(prompt)):
        options: tuple[str, ...] = getattr(aspect, kind)
        joined = _join(text, options[digest[number] % len(options)])
        if len(joined) <= limit:
            text = joined
    return text


def _join(text: str, addition: str) -> str:
    if text.endswith((".", "!", "?", "…")):
        return f"{text} {addition[0].upper()}{addition[1:]}"
    return f"{text} {addition}" if text.endswith((",", ";", ":")) else f"{text}, {addition}"
