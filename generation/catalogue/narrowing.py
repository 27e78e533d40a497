"""A schema of ours, narrowed to what a provider takes today. Names stay ours; only values and limits go."""

import copy
from collections.abc import Mapping
from typing import Any

from generation.parameters import properties
from generation.providers.fal_endpoints import Endpoint
from generation.providers.fal_listing import Allowed


def narrowed(
    schema: Mapping[str, Any], endpoint: Endpoint, fields: Mapping[str, Allowed]
) -> tuple[dict[str, Any], list[str]]:
    """The schema without what the endpoint no longer takes, and a sentence for everything that differs."""
    narrower: dict[str, Any] = copy.deepcopy(dict(schema))
    notes: list[str] = []
    for name, theirs in endpoint.params.items():
        rules = properties(narrower).get(name)
        if rules is None:
            continue
        if theirs not in fields:
            notes.append(f"{name}: fal lists no field “{theirs}” any more")
            continue
        if "enum" in rules:
            notes += _fewer_choices(name, rules, endpoint.values.get(name, {}), fields[theirs])
        else:
            notes += _nearer_limits(name, rules, fields[theirs])
    return narrower, notes


def _fewer_choices(name: str, rules: dict[str, Any], words: Mapping[Any, Any], allowed: Allowed) -> list[str]:
    """Take out the choices for which the provider's word is gone."""
    left = [value for value in rules["enum"] if _takes(allowed, words.get(value, value))]
    gone = [str(value) for value in rules["enum"] if value not in left]
    if not gone:
        return []
    if not left:
        return [f"{name}: fal takes none of our choices any more; look at it"]
    rules["enum"] = left
    if "default" in rules and rules["default"] not in left:
        rules["default"] = left[0]
    return [f"{name}: no more {', '.join(gone)}"]


def _takes(allowed: Allowed, word: Any) -> bool:
    # A size in pixels is another form of the field than its named sizes.
    if isinstance(word, Mapping):
        return True
    if allowed.values is not None:
        return word in allowed.values
    if isinstance(word, bool) or not isinstance(word, int | float):
        return True
    return (allowed.minimum is None or word >= allowed.minimum) and (allowed.maximum is None or word <= allowed.maximum)


def _nearer_limits(name: str, rules: dict[str, Any], allowed: Allowed) -> list[str]:
    """Bring the limits in to the provider's, and the default with them."""
    if rules.get("type") not in ("integer", "number"):
        return []
    kind = int if rules["type"] == "integer" else float
    wanted = dict(rules)
    if allowed.minimum is not None and allowed.minimum > rules.get("minimum", float("-inf")):
        wanted["minimum"] = kind(allowed.minimum)
    if allowed.maximum is not None and allowed.maximum < rules.get("maximum", float("inf")):
        wanted["maximum"] = kind(allowed.maximum)
    changed = [limit for limit in ("minimum", "maximum") if wanted.get(limit) != rules.get(limit)]
    if not changed:
        return []
    if wanted.get("minimum", float("-inf")) > wanted.get("maximum", float("inf")):
        return [f"{name}: fal's limits leave nothing of ours; look at it"]
    rules.update(wanted)
    if "default" in rules:
        rules["default"] = min(
            max(rules["default"], rules.get("minimum", rules["default"])), rules.get("maximum", rules["default"])
        )
    return [f"{name}: {limit} now {rules[limit]}" for limit in changed]
