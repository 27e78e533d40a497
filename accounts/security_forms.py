"""allauth's forms for second factors, for proving oneself again and for a new address, in our words."""

from typing import Any

from allauth.account import forms as account_forms
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.core.cache import cache
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from accounts.forms import dress

_CODE_HINT = _("Six digits from the app, or one of your recovery codes.")
_NAME_HINT = _("So that you know it again, such as the name of the device.")
_NAME_LENGTH = 60
# Seconds that a code may be good for: its own half minute and the ones before and after it.
_CODE_LIFETIME = 120


class Once(forms.Form):
    """A code works once, also while the clock's tolerance would still take it."""

    user: Any

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if not cache.add(f"second-factor:{self.user.pk}:{code}", 1, timeout=_CODE_LIFETIME):
            raise get_adapter().validation_error("incorrect_code")
        return code


class CodeForm(Once, mfa_forms.AuthenticateForm):
    """The second step of signing in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress_code(self, hint=_CODE_HINT)


class CodeAgainForm(Once, mfa_forms.ReauthenticateForm):
    """A code before something important is changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress_code(self, hint=_CODE_HINT)


class PasswordAgainForm(account_forms.ReauthenticateForm):
    """The password before something important is changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, "password", _("Password"))
        self.fields["password"].widget.attrs["autofocus"] = True


class ActivateAppForm(ActivateTOTPForm):
    """The first code of an authenticator app shows that it took the secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress_code(self, hint=_("Six digits; a new code comes every half minute."))


class AddPasskeyForm(AddWebAuthnForm):
    """A new passkey and its name; what the browser made comes in a hidden field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Each of ours signs in alone: the page asks browsers for nothing less.
        self.fields.pop("passwordless", None)
        _dress_name(self)

    def clean(self) -> dict[str, Any]:
        """Refuse a key that did not see its person (a finger, a face, a PIN)."""
        self.cleaned_data["passwordless"] = True
        checked: dict[str, Any] = super().clean()
        return checked


class NamePasskeyForm(EditWebAuthnForm):
    """Another name of a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress_name(self)


class ChangeEmailForm(account_forms.AddEmailForm):
    """The address that is to take the place of the current one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, "email", _("New address"), autocomplete="email")


def _dress_code(form: forms.Form, *, hint: Any) -> None:
    dress(form, "code", _("Code"), hint=hint, autocomplete="one-time-code")
    form.fields["code"].widget.attrs |= {
        "inputmode": "numeric",
        "autofocus": True,
        "spellcheck": "false",
        "class": "input input-mono",
        "maxlength": "16",
    }


def _dress_name(form: forms.Form) -> None:
    dress(form, "name", _("Name"), hint=_NAME_HINT, autocomplete="off")
    field = form.fields["name"]
    field.validators.append(MaxLengthValidator(_NAME_LENGTH))
    field.widget.attrs["maxlength"] = str(_NAME_LENGTH)
