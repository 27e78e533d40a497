"""How Stripe is spoken to: forms with brackets in, JSON out; lists with cursors, `expand[]`, errors."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from tests.emulators.stripe_store import Refused, Store, Thing, copied

DEEPEST = 4
SHOWN_ONLY_WHEN_ASKED: dict[tuple[str, str], Callable[[Store, Thing], Any]] = {}


def listed(store: Store, things: list[Thing], url: str, **more: Any) -> Thing:
    """A list object that has all there is."""
    return {"object": "list", "data": things, "has_more": False, "url": url} | more


class Asked:
    """The parameters of a request; each way to take one refuses what does not fit, in Stripe's words."""

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self.values = values
        self._path = path

    @classmethod
    def of(cls, encoded: str) -> "Asked":
        """From a query or a form."""
        values: dict[str, Any] = {}
        for key, value in parse_qsl(encoded, keep_blank_values=True):
            _put(values, re.findall(r"[^\[\]]+|(?<=\[)(?=\])", key), value)
        return cls(_with_lists(values))

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def param(self, name: str) -> str:
        """How Stripe calls a parameter."""
        return f"{self._path}[{name}]" if self._path else name

    def text(self, name: str) -> str | None:
        """A word; None where there is none or it is unset by emptiness."""
        value = self.values.get(name)
        if isinstance(value, dict | list):
            raise Refused(f"Invalid string: {value}", param=self.param(name))
        return value or None

    def needed(self, name: str) -> str:
        """A word that must be there."""
        value = self.text(name)
        if value is None:
            raise Refused(f"Missing required param: {name}.", code="parameter_missing", param=self.param(name))
        return value

    def one_of(self, name: str, choices: Iterable[str], default: str | None = None) -> str | None:
        """A word out of some."""
        value = self.text(name) or default
        if value is not None and value not in choices:
            message = f"Invalid {name}: must be one of {', '.join(choices)}"
            raise Refused(message, param=self.param(name))
        return value

    def whole(self, name: str, default: int | None = None) -> int | None:
        """A whole number."""
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"-?\d+", value):
            raise Refused(f"Invalid integer: {value}", code="parameter_invalid_integer", param=self.param(name))
        return int(value)

    def number(self, name: str) -> float | None:
        """A number."""
        value = self.text(name)
        try:
            return None if value is None else float(value)
        except ValueError:
            raise Refused(f"Invalid decimal: {value}", param=self.param(name)) from None

    def flag(self, name: str, default: bool = False) -> bool:
        """Yes or no."""
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise Refused(f"Invalid boolean: {value}", param=self.param(name))
        return default if value is None else value == "true"

    def group(self, name: str) -> "Asked":
        """What is nested under a name."""
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise Refused("Invalid object", param=self.param(name))
        return Asked(value, self.param(name))

    def rows(self, name: str) -> list["Asked"]:
        """A list of groups."""
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise Refused("Invalid array", param=self.param(name))
        return [Asked(row, f"{self.param(name)}[{index}]") for index, row in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        """A list of words."""
        value = self.values.get(name) or []
        if not isinstance(value, list):
            raise Refused("Invalid array", param=self.param(name))
        return [str(item) for item in value]

    def metadata(self, before: dict[str, str] | None = None) -> dict[str, str]:
        """What was there before with what is asked for; an empty value takes a key away, an empty whole all of it."""
        given = self.values.get("metadata", {})
        if not isinstance(given, dict):
            return {} if given == "" else dict(before or {})
        return {key: value for key, value in {**(before or {}), **given}.items() if value != ""}

    def plain(self, name: str) -> Any:
        """A group as JSON, its words read as what they look like."""
        return _typed(copied(self.values.get(name)))


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: part if key == "metadata" else _typed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_typed(part) for part in value]
    if value in ("true", "false"):
        return value == "true"
    return None if value == "" else int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value) else value


def _put(values: dict[str, Any], keys: list[str], value: str) -> None:
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        name = key or str(len(values))
        if following is None:
            values[name] = value
            return
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise Refused("Invalid object", param=keys[0])


def _with_lists(values: dict[str, Any], name: str = "") -> Any:
    shaped = {key: _with_lists(part, key) if isinstance(part, dict) else part for key, part in values.items()}
    numbered = shaped and name not in ("metadata", "") and all(key.isdigit() for key in shaped)
    return [shaped[key] for key in sorted(shaped, key=int)] if numbered else shaped


# --- Lists ------------------------------------------------------------------------------------------------------------


def page(things: list[Thing], asked: Asked, url: str) -> Thing:
    """The newest first, from a cursor on; `things` come the oldest first."""
    limit = asked.whole("limit", 10)
    if limit is None or not 1 <= limit <= 100:
        raise Refused("This value must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
    created = asked.values.get("created")
    found = [thing for thing in reversed(things) if created is None or _within(thing["created"], asked)]
    after, before = asked.text("starting_after"), asked.text("ending_before")
    if before:
        begin = _place(found, before, "ending_before")
        return listed_page(found[max(0, begin - limit) : begin], begin > limit, url)
    begin = _place(found, after, "starting_after") + 1 if after else 0
    return listed_page(found[begin : begin + limit], len(found) > begin + limit, url)


def listed_page(things: list[Thing], has_more: bool, url: str) -> Thing:
    """One page of a list."""
    return {"object": "list", "data": things, "has_more": has_more, "url": url}


def _place(found: list[Thing], thing_id: str, param: str) -> int:
    for index, thing in enumerate(found):
        if thing["id"] == thing_id:
            return index
    raise Refused(f"No such object: '{thing_id}'", code="resource_missing", param=param)


def _within(moment: int, asked: Asked) -> bool:
    if not isinstance(asked.values["created"], dict):
        return moment == asked.whole("created")
    bounds = asked.group("created")
    tests: dict[str, Callable[[int], bool]] = {
        "gte": lambda bound: moment >= bound,
        "gt": lambda bound: moment > bound,
        "lte": lambda bound: moment <= bound,
        "lt": lambda bound: moment < bound,
    }
    return all(test(bounds.whole(name) or 0) for name, test in tests.items() if name in bounds)


# --- Expanding --------------------------------------------------------------------------------------------------------


def expanded(store: Store, shown: Thing, paths: Iterable[str]) -> Thing:
    """An object in which ids at these paths are replaced by what they name: a copy, where there are any."""
    wanted = list(paths)
    shown = copied(shown) if wanted else shown
    for path in wanted:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > DEEPEST:
            raise Refused(f"You cannot expand more than {DEEPEST} levels of a property", param="expand")
        _expand(store, shown, steps, path)
    return shown


def _expand(store: Store, shown: Thing, steps: list[str], path: str, owner: Thing | None = None, at: str = "") -> None:
    """Open one step after the other; `owner` is the object that `shown` is a part of, at the place `at` in it."""
    if not steps:
        return
    if owner is None or "object" in shown:
        owner, at = shown, ""
    step, rest = steps[0], steps[1:]
    if step not in shown:
        make = SHOWN_ONLY_WHEN_ASKED.get((owner.get("object", ""), at + step))
        if make is None:
            raise Refused(f"This property cannot be expanded ({path}).", param="expand")
        shown[step] = copied(make(store, owner))
    value = shown[step]
    if isinstance(value, list):
        shown[step] = [_opened(store, item) for item in value]
    elif isinstance(value, str):
        shown[step] = _opened(store, value)
    for part in _parts(shown[step]):
        _expand(store, part, rest, path, owner, f"{at}{step}.")


def _opened(store: Store, value: Any) -> Any:
    found = store.anything(value) if isinstance(value, str) else None
    return value if found is None else copied(found)


def _parts(value: Any) -> Iterator[Thing]:
    yield from (part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict))
