"""Amounts of money in templates."""

from django import template

from billing.currency import money

register = template.Library()


@register.filter(name="money")
def money_filter(cents: int, currency: str = "") -> str:
    """`{{ payment.amount_cents|money:payment.currency }}` → `$9.99`."""
    return money(cents, currency)


@register.filter
def price(cents: int) -> str:
    """`{{ plan.monthly_price_cents|price }}` → `$9.99`, `$40`: a price in large letters."""
    return money(cents, is_short=True)
