"""What a browser says of itself, in words that its person knows: "Firefox on Linux"."""

import re

from django.utils.translation import gettext as _

# The first that is found counts: each browser also names those whose pages it wants to be served.
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Vivaldi", r"Vivaldi/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"HeadlessChrome/|Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Version/[\d.]+ .*Safari/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)
_PHONE = re.compile(r"iPhone|Android.*Mobile|Mobile.*Firefox")
_PROGRAM = re.compile(r"^([A-Za-z][\w.-]{1,30})/[\d.]+")


def device_name(agent: str) -> str:
    """The browser and the system, or the program; "An unknown device" of what names none."""
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    if browser or system:
        return browser or system
    program = _PROGRAM.match(agent)
    return program[1] if program else _("An unknown device")


def is_phone(agent: str) -> bool:
    """Whether it fits into a hand."""
    return bool(_PHONE.search(agent))


def _first(names: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for name, pattern in names if re.search(pattern, agent)), "")
