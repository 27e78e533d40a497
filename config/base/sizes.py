"""Sizes in words."""

import re

from django.template.defaultfilters import filesizeformat


def size(number: int) -> str:
    """`1 GB`, `1.5 MB`: Django's way, without a nought after the point. `number` in bytes."""
    return re.sub(r"[.,]0(?=\s)", "", filesizeformat(number))
