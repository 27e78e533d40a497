"""The audit log in plain words: what each act is called, and to which kind it belongs.

Names of the apps above are text here: accounts knows nothing of them. An act that is not named is shown by its code.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEntry, Membership
from accounts.sign_in_notes import UNKNOWN


class Kind(TextChoices):
    """What one looks for."""

    SIGN_IN = "sign-in", _("Sign-in and security")
    PEOPLE = "people", _("Members and roles")
    COMPANY = "company", _("Company")
    KEYS = "keys", _("API keys")
    MONEY = "money", _("Credits and plan")
    WORK = "work", _("Pictures and jobs")
    OPERATORS = "operators", _("Operators of this site")


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of act. The sentence has places for `actor`, `target` and what the entry's details hold."""

    kind: Kind
    sentence: str | Promise


ACTS: Final[dict[str, Act]] = {
    # How somebody signs in.
    "sign_in.done": Act(Kind.SIGN_IN, _("%(actor)s signed in")),
    "sign_in.failed": Act(Kind.SIGN_IN, _("%(actor)s failed to sign in as %(target)s")),
    "sign_in.locked": Act(Kind.SIGN_IN, _("Sign-in as %(target)s is locked for some minutes: too many tries failed")),
    "sign_in.connected": Act(Kind.SIGN_IN, _("%(actor)s connected %(provider)s for signing in")),
    "sign_in.disconnected": Act(Kind.SIGN_IN, _("%(actor)s removed signing in with %(provider)s")),
    "second_factor.added": Act(Kind.SIGN_IN, _("%(actor)s added a second factor: %(factor)s")),
    "second_factor.removed": Act(Kind.SIGN_IN, _("%(actor)s removed a second factor: %(factor)s")),
    "second_factor.renewed": Act(Kind.SIGN_IN, _("%(actor)s made new recovery codes")),
    "second_factor.failed": Act(Kind.SIGN_IN, _("%(actor)s typed a wrong code for %(target)s")),
    "password.changed": Act(Kind.SIGN_IN, _("%(actor)s changed the password")),
    "password.reset": Act(Kind.SIGN_IN, _("%(actor)s reset the password by a link in a mail")),
    "password.set": Act(Kind.SIGN_IN, _("%(actor)s set a first password")),
    "email.changed": Act(Kind.SIGN_IN, _("%(actor)s changed the address from %(from)s to %(to)s")),
    "sessions.ended": Act(Kind.SIGN_IN, _("%(actor)s ended sessions: %(devices)s")),
    "refresh_token.reused": Act(Kind.SIGN_IN, _("A refresh token of %(target)s was used twice; its session was ended")),
    "avatar.changed": Act(Kind.SIGN_IN, _("%(actor)s changed the picture of the profile")),
    "avatar.removed": Act(Kind.SIGN_IN, _("%(actor)s removed the picture of the profile")),
    "export.requested": Act(Kind.SIGN_IN, _("%(actor)s asked for a copy of all their data")),
    "export.fetched": Act(Kind.SIGN_IN, _("%(actor)s fetched the copy of their data")),
    "account.deletion_requested": Act(Kind.SIGN_IN, _("%(actor)s asked for the account to be deleted on %(day)s")),
    "account.kept": Act(Kind.SIGN_IN, _("%(actor)s keeps the account after all")),
    "account.deleted": Act(Kind.SIGN_IN, _("An account was deleted: %(target)s")),
    # Who belongs to the company.
    "invitation.sent": Act(Kind.PEOPLE, _("%(actor)s invited %(target)s as %(role)s")),
    "invitation.resent": Act(Kind.PEOPLE, _("%(actor)s sent the invitation of %(target)s again")),
    "invitation.revoked": Act(Kind.PEOPLE, _("%(actor)s took the invitation of %(target)s back")),
    "invitation.accepted": Act(Kind.PEOPLE, _("%(actor)s accepted the invitation as %(role)s")),
    "invitation.declined": Act(Kind.PEOPLE, _("%(target)s declined the invitation")),
    "member.joined": Act(Kind.PEOPLE, _("%(actor)s joined by the company's domain")),
    "member.role": Act(Kind.PEOPLE, _("%(actor)s changed the role of %(target)s from %(from)s to %(to)s")),
    "member.cap": Act(Kind.PEOPLE, _("%(actor)s changed the credit cap of %(target)s to %(cap)s")),
    "member.removed": Act(Kind.PEOPLE, _("%(actor)s removed %(target)s")),
    "member.left": Act(Kind.PEOPLE, _("%(actor)s left")),
    "company.transferred": Act(Kind.PEOPLE, _("%(actor)s handed the company over to %(target)s")),
    "company.inherited": Act(Kind.PEOPLE, _("The company's last owner is gone; it belongs to its oldest hand now")),
    # The company itself.
    "company.created": Act(Kind.COMPANY, _("%(actor)s made the company")),
    "company.changed": Act(Kind.COMPANY, _("%(actor)s changed the settings: %(fields)s")),
    "company.branded": Act(Kind.COMPANY, _("%(actor)s changed the look: %(fields)s")),
    "company.switched": Act(Kind.COMPANY, _("%(actor)s began to act for the company")),
    "company.deactivated": Act(Kind.COMPANY, _("%(actor)s switched the company off")),
    "company.reactivated": Act(Kind.COMPANY, _("%(actor)s switched the company on again")),
    "company.deletion_requested": Act(Kind.COMPANY, _("%(actor)s asked for the company to be deleted on %(day)s")),
    "company.deletion_cancelled": Act(Kind.COMPANY, _("%(actor)s keeps the company after all")),
    "company.deleted": Act(Kind.COMPANY, _("The company was deleted")),
    # Keys.
    "api_key.created": Act(Kind.KEYS, _("%(actor)s made the API key %(target)s (%(scopes)s)")),
    "api_key.revoked": Act(Kind.KEYS, _("%(actor)s revoked the API key %(target)s")),
    # Money.
    "credits.adjusted": Act(Kind.MONEY, _("%(actor)s changed the credits by %(amount)s: %(reason)s")),
    "payment.refunded": Act(Kind.MONEY, _("%(actor)s gave %(amount)s back: %(reason)s")),
    "plan.changed": Act(Kind.MONEY, _("%(actor)s changed the plan to %(plan)s")),
    "subscription.change_asked": Act(Kind.MONEY, _("%(actor)s asked for the plan %(plan)s")),
    "subscription.cancelled": Act(Kind.MONEY, _("%(actor)s cancelled the plan %(plan)s")),
    "subscription.resumed": Act(Kind.MONEY, _("%(actor)s took a change of the plan %(plan)s back")),
    # What is made.
    "asset.bin": Act(Kind.WORK, _("%(actor)s put a picture into the bin: %(target)s")),
    "asset.restore": Act(Kind.WORK, _("%(actor)s took a picture out of the bin: %(target)s")),
    "job.cancel": Act(Kind.WORK, _("%(actor)s cancelled the job %(target)s: %(reason)s")),
    "job.release": Act(Kind.WORK, _("%(actor)s ended the job %(target)s and gave its credits back: %(reason)s")),
    "job.retry": Act(Kind.WORK, _("%(actor)s had the job %(target)s made again: %(reason)s")),
    # What operators do.
    "sign_in_as.begun": Act(Kind.OPERATORS, _("%(actor)s, an operator, signed in as %(target)s: %(reason)s")),
    "sign_in_as.ended": Act(Kind.OPERATORS, _("%(actor)s, an operator, is no longer signed in as %(target)s")),
    "company.suspended": Act(Kind.OPERATORS, _("%(actor)s suspended the company: %(reason)s")),
    "company.unsuspended": Act(Kind.OPERATORS, _("%(actor)s lifted the suspension")),
    "admin.added": Act(Kind.OPERATORS, _("%(actor)s added %(target)s (%(model)s) in the admin")),
    "admin.changed": Act(Kind.OPERATORS, _("%(actor)s changed %(target)s (%(model)s) in the admin: %(fields)s")),
    "admin.deleted": Act(Kind.OPERATORS, _("%(actor)s deleted %(target)s (%(model)s) in the admin")),
    "credits.adjustment_asked": Act(
        Kind.OPERATORS, _("%(actor)s asked for %(amount)s credits for %(target)s: %(reason)s")
    ),
    "credits.adjustment_approved": Act(
        Kind.OPERATORS, _("%(actor)s approved %(amount)s credits for %(target)s, which %(asked_by)s had asked for")
    ),
    "credits.adjustment_rejected": Act(
        Kind.OPERATORS, _("%(actor)s rejected %(amount)s credits for %(target)s, which %(asked_by)s had asked for")
    ),
    "enquiry.answered": Act(Kind.OPERATORS, _("%(actor)s answered the sales enquiry %(target)s")),
    "breaker.close": Act(Kind.OPERATORS, _("%(actor)s let the provider %(target)s be asked again")),
    "provider.added": Act(Kind.OPERATORS, _("%(actor)s added the provider %(target)s")),
    "provider.changed": Act(Kind.OPERATORS, _("%(actor)s changed the provider %(target)s: %(fields)s")),
    "model.added": Act(Kind.OPERATORS, _("%(actor)s added the model %(target)s")),
    "model.changed": Act(Kind.OPERATORS, _("%(actor)s changed the model %(target)s")),
    "model.on": Act(Kind.OPERATORS, _("%(actor)s switched the model %(target)s on")),
    "model.off": Act(Kind.OPERATORS, _("%(actor)s switched the model %(target)s off")),
    "model.probe": Act(Kind.OPERATORS, _("%(actor)s probed the model %(reason)s")),
}
_FACTORS = {
    "totp": _("an authenticator app"),
    "webauthn": _("a passkey"),
    "recovery_codes": _("recovery codes"),
}
_ROLES = dict(Membership.Role.choices)


def sentence_of(entry: AuditEntry) -> str:
    """What happened, as one sentence; the code of the act for one that has no words yet."""
    act = ACTS.get(entry.action)
    if act is None:
        return f"{_who(entry)} · {entry.action} · {entry.target}".removesuffix(" · ")
    return str(act.sentence) % _words(entry)


def actions_of(kind: str) -> list[str]:
    """The codes of all acts of a kind."""
    return [action for action, act in ACTS.items() if act.kind == kind]


def _words(entry: AuditEntry) -> Mapping[str, str]:
    """What stands in the places of the sentence; a detail that an older entry does not have is a dash."""
    detail: dict[str, Any] = entry.detail if isinstance(entry.detail, dict) else {}
    words = defaultdict(lambda: "-", {name: _shown(name, value) for name, value in detail.items()})
    words["actor"] = _who(entry)
    words["target"] = entry.target or "-"
    words["fields"] = _shown("fields", detail.get("changed", detail.get("fields", list(detail)))) or "-"
    words["factor"] = str(_FACTORS.get(str(detail.get("kind")), detail.get("kind", "-")))
    # An ISO date and time; the day alone is said.
    words["day"] = str(detail.get("at", "-"))[:10]
    return words


def _shown(name: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    if value is None:
        return gettext("none")
    return str(_ROLES.get(value, value)) if name in ("from", "to", "role") else str(value)


def _who(entry: AuditEntry) -> str:
    who = gettext("Somebody") if entry.actor == UNKNOWN else entry.actor or gettext("Somebody who is gone")
    if not entry.operator:
        return who
    return gettext("%(person)s (really the operator %(operator)s)") % {"person": who, "operator": entry.operator}
