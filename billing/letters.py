"""What mails about money say, from the context that was written down with what they tell about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.currency import money
from billing.notices import NoticeKind

Context = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail: the subject, what it says, figures with their names, and a button."""

    subject: str
    paragraphs: list[str]
    figures: list[tuple[str, str]]
    label: str
    url: str


def letter_of(kind: str, context: Context) -> Letter:
    """Write the mail of a kind. Raises `KeyError` for an unknown one, or when the context lacks what the mail says."""
    return _LETTERS[kind](context)


def _low_balance(context: Context) -> Letter:
    left = ngettext("%d credit is left", "%d credits are left", context["balance"]) % context["balance"]
    return Letter(
        subject=_("%s on Darkroom") % left,
        paragraphs=[
            left + ".",
            _(
                "When they are used up, nothing more can be made until there are new ones. You get no other mail "
                "about this until your credits were filled up again."
            ),
        ],
        figures=[],
        label=_("Get more credits"),
        url=_billing(),
    )


def _payment_received(context: Context) -> Letter:
    figures = _figures(context)
    if context["paid_at"]:
        figures.append((_("Paid"), _day(context["paid_at"])))
    if context["credits"]:
        figures.append((_("Credits"), str(context["credits"])))
    return Letter(
        subject=_("Receipt: %s") % _amount(context),
        paragraphs=[_("Thank you. Your payment of %s has arrived.") % _amount(context)],
        figures=figures,
        label=_("See the invoice") if context["url"] else _("See your payments"),
        url=context["url"] or _billing(),
    )


def _payment_failed(context: Context) -> Letter:
    paragraphs = [_("Your payment of %s did not go through. Nothing was taken.") % _amount(context)]
    if context["until"]:
        paragraphs.append(
            _(
                "Your plan goes on until %s. Pay before then, with another card if need be, and nothing changes. "
                "Otherwise you are on the free plan afterwards: what you made stays, and nothing is deleted."
            )
            % _day(context["until"])
        )
    else:
        paragraphs.append(_("You can try again at any time, with another card if need be."))
    return Letter(
        subject=_("Your payment of %s did not go through") % _amount(context),
        paragraphs=paragraphs,
        figures=_figures(context),
        label=_("Pay now") if context["url"] else _("See your payments"),
        url=context["url"] or _billing(),
    )


def _renewal_soon(context: Context) -> Letter:
    words = {"plan": context["plan"], "day": _day(context["on"])}
    paragraphs = [_("Your %(plan)s plan is renewed for another year on %(day)s.") % words]
    if context["amount_cents"] is not None:
        paragraphs.append(_("%s will be taken from the way you pay by, before taxes and discounts.") % _amount(context))
    paragraphs.append(_("There is nothing to do if you want to keep it. If not, cancel it before that day."))
    return Letter(
        subject=_("Your %(plan)s plan is renewed on %(day)s") % words,
        paragraphs=paragraphs,
        figures=[],
        label=_("See your plan"),
        url=_billing(),
    )


def _trial_ending(context: Context) -> Letter:
    words = {"plan": context["plan"], "day": _day(context["on"])}
    if context["goes_on"]:
        after = _("Afterwards it is paid for. If you do not want it, cancel it before that day: nothing is taken then.")
    else:
        after = _("Afterwards you are on the free plan. What you made stays.")
    return Letter(
        subject=_("Your trial of %(plan)s ends on %(day)s") % words,
        paragraphs=[_("Your trial of %(plan)s ends on %(day)s.") % words, after],
        figures=[],
        label=_("See your plan"),
        url=_billing(),
    )


def _plan_ended(context: Context) -> Letter:
    words = {"plan": context["plan"]}
    reason = (
        _("Your %(plan)s plan has ended, because its last payment did not go through in time.")
        if context["is_unpaid"]
        else _("Your %(plan)s plan has ended.")
    )
    return Letter(
        subject=_("Your %(plan)s plan has ended") % words,
        paragraphs=[
            reason % words,
            _(
                "You are on the free plan now. Everything that you made is still there; what exceeds the free plan's "
                "limits is kept, and you can add to it again on a larger plan."
            ),
        ],
        figures=[],
        label=_("Choose a plan"),
        url=f"{settings.PUBLIC_URL}{reverse('pricing')}",
    )


def _refunded(context: Context) -> Letter:
    back = money(context["refunded_cents"], context["currency"])
    paragraphs = [_("%s are on their way back to you. Banks take a few days to show it.") % back]
    if context["credits"]:
        taken = ngettext(
            "With it %d credit of this purchase went back.",
            "With it %d credits of this purchase went back.",
            context["credits"],
        )
        paragraphs.append(taken % context["credits"])
    return Letter(
        subject=_("Refund: %s") % back,
        paragraphs=paragraphs,
        figures=_figures(context),
        label=_("See your payments"),
        url=_billing(),
    )


_LETTERS: dict[str, Callable[[Context], Letter]] = {
    NoticeKind.LOW_BALANCE: _low_balance,
    NoticeKind.PAYMENT_RECEIVED: _payment_received,
    NoticeKind.PAYMENT_FAILED: _payment_failed,
    NoticeKind.RENEWAL_SOON: _renewal_soon,
    NoticeKind.TRIAL_ENDING: _trial_ending,
    NoticeKind.PLAN_ENDED: _plan_ended,
    NoticeKind.REFUNDED: _refunded,
}


def _figures(context: Context) -> list[tuple[str, str]]:
    rows = [(_("For"), context["description"]), (_("Amount"), _amount(context)), (_("Invoice"), context["number"])]
    return [(name, value) for name, value in rows if value]


def _amount(context: Context) -> str:
    return money(context["amount_cents"], context["currency"])


def _day(iso: str) -> str:
    return date_format(datetime.fromisoformat(iso), "DATE_FORMAT")


def _billing() -> str:
    return f"{settings.PUBLIC_URL}{reverse('billing')}"
