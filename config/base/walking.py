"""Going through any number of rows a page at a time, by key: no cursor is held open, and nothing is read at once."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
PAGE = 500


def walk(rows: QuerySet[M], *, size: int = PAGE) -> Iterator[M]:
    """Yield the rows by primary key; those that come or go meanwhile may or may not be among them."""
    ordered = rows.order_by("pk")
    page = list(ordered[:size])
    while page:
        yield from page
        page = list(ordered.filter(pk__gt=page[-1].pk)[:size])
