"""From an instruction to steps: what of the words the studio can do to a picture. English, words match whole."""

import re
from dataclasses import dataclass

from generation.providers.studio.palettes import COLOURS
from generation.providers.studio.request import Refused


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: its name, how strongly (1 is usual, negative the other way), and a word or figure it needs."""

    name: str
    amount: float = 1.0
    value: str = ""


# A step and all its words stay on one line: the table is looked through, not read. A pattern's group is the value.
# ruff: noqa: E501
PATTERNS: tuple[tuple[str, float, str], ...] = (
    # Shape
    ("rotate", 1, r"(?:rotate|turn|tilt)\w*(?: (?:it|this|the (?:picture|image|photo)))?(?: by)? (-?\d{1,3}(?:\.\d+)?)(?: ?°| ?deg\w*)?(?: to the)?(?: (?:left|right|clockwise|counter-?clockwise|anti-?clockwise))?"),
    ("rotate", 1, r"(?:rotate|turn)\w*(?: (?:it|this|the (?:picture|image|photo)))?(?: to the)? (left|right|clockwise|counter-?clockwise|anti-?clockwise)"),
    ("rotate", 1, r"(upside[ -]down)"), ("rotate", 1, r"(rotate)d?"),
    ("flip", 1, r"flip\w*(?: (?:it|this|the (?:picture|image|photo)))? (vertical)\w*"), ("flip", 1, r"(?:flip|mirror)\w*"),
    ("crop", 1, r"(square)"), ("crop", 1, r"crop\w*(?: (?:it|this|the (?:picture|image|photo)))? (?:to|as) (\d{1,2} ?[:x] ?\d{1,2})"), ("zoom", 1, r"zoom(?:ed)? in|crop\w*|closer|close-up"),
    # Ground
    ("ground-away", 1, r"(?:remove|cut|erase|delete|drop)\w* (?:out )?(?:the |its )?background|without (?:the |a |its )?background|no background|transparent background|cut ?out(?: the subject)?"),
    ("ground-blur", 1, r"blur\w* (?:the |its )?background|background blur\w*|bokeh|depth of field|portrait mode"),
    ("ground-grey", 1, r"background (?:in )?(?:black and white|grey|gray)|selective colou?r|colou?r splash"),
    ("ground-colour", 1, r"(?:plain )?([a-z]+) background|background (?:to |in |into )?(?:a )?(?:plain )?([a-z]+)"),
    # Exchange of colours
    ("exchange", 1, r"(?:replace|change|turn|make|swap|recolou?r|paint)\w* (?:the |all |its )?([a-z]+)(?: [a-z]+)?(?: to| into| with| by| in)? ([a-z]+)"),
    # Light and colour
    ("bw", 1, r"black[ -]?(?:and|&|n)[ -]?white|b ?& ?w|bw|monochrom\w*|gr[ae]yscale|desaturated? (?:completely|fully)|noir"),
    ("sepia", 1, r"sepia|old photo\w*|antique"), ("invert", 1, r"invert\w*|negative"),
    ("light", 1, r"bright\w*|lighter|lighten\w*|exposure|expose\w*|luminous"), ("light", -1, r"dark(?:er|en\w*)?|dim(?:mer|med)?|underexpose\w*"),
    ("warmth", 1, r"warm\w*"), ("warmth", -1, r"cool(?:er|ing)?|cold(?:er)?|chill\w*"),
    ("contrast", 1, r"contrast\w*|punch(?:y|ier)|dramatic|crisp(?:er)?|hdr"), ("contrast", -1, r"flat(?:ter)?|matte"),
    ("colour", 1, r"saturat\w*|vivid|vibran\w*|colou?rful|pop"), ("colour", -1, r"desaturat\w*|muted|pale(?:r)?|pastel|fade\w*|wash(?:ed)?[ -]out"),
    ("vintage", 1, r"vintage|retro|nostalgi\w*|film look|analog\w*|polaroid"),
    # Sharpness
    ("blur", 1, r"blur\w*|soft(?:er|en\w*)?|out of focus|dreamy"), ("sharpen", 1, r"sharp\w*|clear(?:er)?|clarity|detailed|crystal"), ("smooth", 1, r"denoise\w*|smooth\w*|clean up|noise"),
    # Hour and weather
    ("night", 1, r"night(?:time)?|midnight|moonlight|moonlit"), ("golden", 1, r"golden[ -]hour|sunset|sunrise|dawn|dusk|evening"),
    ("fog", 1, r"fog\w*|mist\w*|haz[ey]\w*"), ("snow", 1, r"snow\w*|winter\w*|blizzard"), ("rain", 1, r"rain(?:y|ing|fall)?|drizzle|storm\w*|wet"), ("autumn", 1, r"autumn\w*|fall colou?rs"), ("neon", 1, r"neon|cyberpunk|synthwave"),
    # Hands
    ("hand", 1, r"(sketch|pencil|charcoal|watercolou?r|aquarelle|oil|painting|painted|pixel(?: ?art|ate\w*)?|poster\w*|flat colou?rs|riso\w*|halftone|comic)"),
    # Surface
    ("vignette", 1, r"vignett\w*|dark corners|darker (?:edges|corners)"), ("grain", 1, r"grain\w*|noisy|film noise"),
    ("frame", 1, r"([a-z]+ )?(?:frame|border|passe-?partout|mat)s?"), ("round", 1, r"round(?:ed)? corners"),
)  # fmt: skip

PAIRS: tuple[tuple[str, str], ...] = (
    ("side", r"side[ -]by[ -]side|next to (?:each other|it)|collage|diptych|beside|before and after"),
    ("stack", r"stack\w*|(?:one )?(?:above|below|under) (?:each other|the other)|top and bottom"),
    ("look", r"(?:style|colou?rs?|palette|look|mood|tones?|light|grading) (?:of|from|like)|like the (?:second|other)|match\w*|colou?r transfer|in the (?:style|colou?rs?|look)"),
    ("blend", r"blend\w*|mix\w*|merge\w*|double exposure|overla[yi]\w*|combine\w*|morph|cross-?fade|put (?:them )?together|together"),
)  # fmt: skip

# In this order the steps are done, whatever the order of the words: shape, ground, light, hour, hand, surface.
ORDER = (
    "rotate", "flip", "crop", "zoom", "exchange", "ground-blur", "ground-grey", "ground-colour", "smooth", "golden",
    "night", "autumn", "neon", "tint", "light", "warmth", "colour", "bw", "sepia", "vintage", "invert", "contrast",
    "fog", "snow", "rain", "hand", "blur", "sharpen", "vignette", "grain", "ground-away", "round", "frame",
)  # fmt: skip

LESS = re.compile(r"(?:less|reduce|lower|decrease|remove|without|fewer|no|tone down)(?: the| any| some)?(?: \w+)?$")
NOT = re.compile(r"(?:not|don't|dont|do not|never|not too|isn't)(?: make it| make| be)?(?: too| the| any)?$")
SLIGHTLY = re.compile(r"\b(?:slight\w*|a bit|a little|little|subtle|subtly|somewhat|gently|gentle|touch of)\b")
STRONGLY = re.compile(r"\b(?:very|much|strong\w*|heav\w*|extreme\w*|a lot|lots|really|dramatically|deep\w*|way|far)\b")
CLAUSE = re.compile(r"[,.;:!?]| and then | then | and | but | with ")


def understand(prompt: str, pictures: int) -> tuple[tuple[Step, ...], str]:
    """The steps in the order in which they are done, and how two pictures are joined ("" for one).

    Raises `Refused` when the words hold nothing that can be done with so many pictures.
    """
    text = re.sub(r"\s+", " ", prompt.lower()).strip()
    joint = ""
    for name, pattern in PAIRS:
        found = re.search(rf"\b(?:{pattern})\b", text)
        if found and (pictures > 1 or name in {"side", "stack"} or "second" in text or "other picture" in text):
            joint = name
            # What says how to join says nothing else: "in the warm colours of the second" is one wish.
            text = text[: found.start()] + "," + re.sub(r"^[^,.;]*?(?:,|\.|;| and | then |$)", ",", text[found.end() :])
            break
    if joint and pictures < 2:
        raise Refused("needs-second", "this needs a second picture")
    if pictures > 1 and not joint:
        raise Refused("needs-joint", "say how the two pictures are to be joined")
    steps = _steps(text)
    if not steps and not joint:
        raise Refused("no-instruction", "nothing in these words can be done to a picture")
    return tuple(sorted(steps, key=lambda step: ORDER.index(step.name))), joint


def _steps(text: str) -> list[Step]:
    """Each pattern takes its words out of the text, so that none is understood twice."""
    steps: dict[tuple[str, str], Step] = {}
    for name, sign, pattern in PATTERNS:
        expression = re.compile(rf"\b(?:{pattern})(?![a-z])")
        for found in list(expression.finditer(text)):
            value = _value(name, found)
            if value is None or text[found.start() : found.end()].strip("~") == "":
                continue
            before = _clause_before(text, found.start())
            text = text[: found.start()] + "~" * (found.end() - found.start()) + text[found.end() :]
            if NOT.search(before):
                continue
            amount = sign * _amount(before, text[found.end() : found.end() + 14])
            # Noise is what one wants less of.
            less = LESS.search(before) and name not in {"smooth", "ground-away"}
            if less and name not in {"light", "warmth", "contrast", "colour", "blur", "grain", "sharpen"}:
                continue
            if less and name in {"blur", "grain"}:
                name, amount = ("sharpen", amount) if name == "blur" else ("smooth", amount)
            elif less and name == "sharpen":
                name = "blur"
            elif less:
                amount = -amount
            steps.setdefault((name, value), Step(name, amount, value))
    for word in re.findall(r"[a-z]+", text):
        if word in COLOURS and not any(step.name in {"tint", "bw"} for step in steps.values()):
            before = _clause_before(text, text.index(word))
            if not NOT.search(before) and not LESS.search(before):
                steps[("tint", word)] = Step("tint", _amount(before, ""), word)
    return list(steps.values())


def _value(name: str, found: re.Match[str]) -> str | None:
    """What the pattern's groups say, as the step takes it; None when the words mean something else."""
    words = [group.strip() for group in found.groups() if group]
    if name == "exchange":
        return " ".join(words) if len(words) == 2 and all(word in COLOURS for word in words) else None
    if name == "ground-colour":
        named = [word for word in words if word in COLOURS]
        return named[0] if named else None
    if name == "frame":
        return words[0] if words and words[0] in COLOURS else ""
    if name == "rotate":
        return _degrees(words[0], found.group(0))
    if name == "hand":
        return _hand(words[0])
    return words[0].replace(" ", "") if words else ""


def _degrees(word: str, said: str) -> str:
    """Clockwise degrees. A plain "rotate" is a quarter to the right."""
    if word.startswith("upside"):
        return "180"
    try:
        turn = float(word)
    except ValueError:
        turn = 90.0
    to_left = re.search(r"\b(?:left|counter-?clockwise|anti-?clockwise)", said) is not None
    return f"{-turn if to_left else turn:g}"


def _hand(word: str) -> str:
    """The style that a word names, as `stylise.HANDS` calls it."""
    for start, hand in (
        ("wat", "watercolour"), ("aqua", "watercolour"), ("oil", "oil"), ("paint", "oil"), ("pix", "pixel"),
        ("riso", "riso"), ("half", "riso"), ("comic", "poster"), ("post", "poster"), ("flat", "poster"),
    ):  # fmt: skip
        if word.startswith(start):
            return hand
    return "sketch"


def _clause_before(text: str, end: int) -> str:
    """What stands before a word in its own clause."""
    return CLAUSE.split(text[:end])[-1].strip()


def _amount(before: str, after: str) -> float:
    """1, less for "a bit", more for "much"; also when it follows, as in "darken it slightly"."""
    near = after.split(",")[0].split(" and ")[0]
    for said in (before, near):
        if SLIGHTLY.search(said):
            return 0.5
        if STRONGLY.search(said):
            return 1.7
    return 1.0
