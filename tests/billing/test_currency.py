"""Amounts of money as people read them."""

import pytest
from django.utils.translation import override

from billing.currency import money


@pytest.mark.parametrize(
    ("cents", "currency", "language", "shown"),
    [
        (999, "USD", "en", "$9.99"),
        (0, "usd", "en", "$0.00"),
        (-250, "USD", "en", "-$2.50"),
        (123456789, "USD", "en", "$1,234,567.89"),
        (4000, "", "en", "$40.00"),
        (1200, "JPY", "en", "¥1,200"),
        (120000, "UAH", "uk", "1\u00a0200,00\u00a0₴"),
        (999, "EUR", "de", "9,99\u00a0€"),
        (999, "USD", "xx", "$9.99"),
    ],
)
def test_amounts_are_written_as_the_language_writes_them(cents: int, currency: str, language: str, shown: str) -> None:
    with override(language):
        assert money(cents, currency) == shown


@pytest.mark.parametrize(
    ("cents", "currency", "language", "shown"),
    [
        (4000, "USD", "en", "$40"),
        (999, "USD", "en", "$9.99"),
        (100000, "USD", "en", "$1,000"),
        (900, "EUR", "de", "9\u00a0€"),
        (1200, "JPY", "en", "¥1,200"),
    ],
)
def test_a_short_price_has_no_fraction_of_nothing(cents: int, currency: str, language: str, shown: str) -> None:
    with override(language):
        assert money(cents, currency, is_short=True) == shown
