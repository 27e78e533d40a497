"""A prompt for those who want to be surprised: some seven million combinations that read like English."""

from random import Random

from generation.prompting.denial import holds_denied
from generation.prompting.random_words import LIGHTS, MEDIA, MOODS, SETTINGS, SUBJECTS

# An operator may have denied a word of ours: then another one is drawn.
TRIES = 20


def random_prompt(random: Random | None = None) -> str:
    """One at random, such as "a red fox at a mountain pass, at blue hour, serene, gouache illustration".

    Holds no denied phrase, unless nearly everything is denied: then it is empty.
    """
    random = random or Random()
    drawn = (_draw(random) for _try in range(TRIES))
    return next((prompt for prompt in drawn if not holds_denied(prompt)), "")


def _draw(random: Random) -> str:
    subject, setting, light, mood, medium = map(random.choice, (SUBJECTS, SETTINGS, LIGHTS, MOODS, MEDIA))
    if random.random() < 0.5:
        return f"{subject} {setting}, {light}, {mood}, {medium}"
    article = "an" if medium[0] in "aeio" else "a"
    return f"{article} {medium} of {subject} {setting}, {light}, {mood}"
