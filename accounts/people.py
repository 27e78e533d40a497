"""What may be written about a person: user names, time zones, languages."""

import re
from functools import cache
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _

# Names that would pass for ours.
RESERVED = frozenset(
    ["admin", "administrator", "api", "darkroom", "help", "moderator", "root", "staff", "support", "system"]
)
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# Room is left for the suffix that tells two people of one name apart.
_STEM_LENGTH = 32


def username_stem(email: str) -> str:
    """Return what a user name is made from: the address's local part in small letters, digits and hyphens."""
    local = re.sub(r"[._+]+", "-", email.partition("@")[0])
    stem = slugify(local).replace("_", "-").strip("-")[:_STEM_LENGTH].strip("-")
    return stem if stem and stem not in RESERVED else f"{stem or 'user'}-1"


def clean_username(value: str) -> str:
    """Return the name in small letters, or raise `ValidationError`."""
    name = value.strip().lower()
    if not _USERNAME.fullmatch(name):
        raise ValidationError(_("Use letters a to z, digits and hyphens, with a letter or digit at both ends."))
    if name in RESERVED:
        raise ValidationError(_("This user name is reserved. Choose another one."))
    return name


@cache
def time_zones() -> list[str]:
    """Names people know, such as "Europe/Kyiv", in order, with UTC first."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ["UTC", *sorted(name for name in available_timezones() if name.startswith(areas))]


def languages() -> list[tuple[str, str]]:
    """The languages the product speaks, as `(code, name)`."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]
