"""What the tests of accounts share."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.base import registry


@pytest.fixture
def parts() -> Iterator[Callable[..., None]]:
    """A function: put other parts into every copy of this test."""
    before = list(registry.person_exported.listeners)

    def put(*listeners: Any) -> None:
        registry.person_exported.listeners[:] = listeners

    yield put
    registry.person_exported.listeners[:] = before
