"""Amounts of money as people read them, in the language of the page."""

from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision
from django.conf import settings
from django.utils.translation import get_language, to_locale


def money(cents: int, currency: str = "", *, is_short: bool = False) -> str:
    """`$9.99`, `₴1 200,00`: an amount in the smallest unit of `currency` (ISO 4217; "": the operator's).

    `is_short` leaves out a fraction of nothing (`$40`), for prices in large letters. A currency without a smaller unit
    (yen) is counted in whole ones, as Stripe counts it.
    """
    name = (currency or settings.CURRENCY).upper()
    precision = get_currency_precision(name)
    amount = Decimal(cents).scaleb(-precision)
    locale = _locale()
    if is_short and amount == amount.to_integral_value():
        pattern = locale.currency_formats["standard"].pattern.replace("0.00", "0")
        return format_currency(amount, name, pattern, locale=locale, currency_digits=False)
    return format_currency(amount, name, locale=locale)


def _locale() -> Locale:
    try:
        return Locale.parse(to_locale(get_language() or settings.LANGUAGE_CODE))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")
