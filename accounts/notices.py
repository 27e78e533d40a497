"""Mails that tell a person what was changed about signing in, so that a change by somebody else does not go unseen."""

from typing import Any

from django.utils.translation import gettext as _


def notice_of(event: str, context: dict[str, Any]) -> str:
    """What happened, as one sentence. `event` is allauth's name for it; `KeyError` for one that we do not know."""
    provider = getattr(context.get("provider"), "name", "")
    sentences = {
        "account/email/password_changed": _("Your password was changed."),
        "account/email/password_reset": _("Your password was reset by a link in a mail."),
        "account/email/password_set": _("Your account was given a password."),
        "account/email/email_changed": _("Your e-mail address was changed from %(old)s to %(new)s.")
        % {"old": context.get("from_email", ""), "new": context.get("to_email", "")},
        "mfa/email/totp_activated": _("An authenticator app was set up: signing in asks for its codes now."),
        "mfa/email/totp_deactivated": _(
            "The authenticator app was removed: signing in asks for no code of it any more."
        ),
        "mfa/email/recovery_codes_generated": _("New recovery codes were made; the former ones no longer work."),
        "mfa/email/webauthn_added": _("A passkey was added."),
        "mfa/email/webauthn_removed": _("A passkey was removed."),
        "socialaccount/email/account_connected": _("You can sign in with %(provider)s now.") % {"provider": provider},
        "socialaccount/email/account_disconnected": _("Signing in with %(provider)s was removed.")
        % {"provider": provider},
    }
    return sentences[event]
