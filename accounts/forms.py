"""Forms of the sign-in family and of the profile."""

from typing import Any, Protocol

from allauth.account import forms as allauth_forms
from allauth.account.internal import flows
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.avatars import Crop, crop_of
from accounts.models import User
from accounts.people import clean_username, languages, time_zones
from accounts.refusals import EmailTaken

_EMAIL = _("E-mail address")
_NEW_PASSWORD = _("New password")
_PASSWORD_HINT = _("At least 8 characters. A few words in a row are strong and easy to keep in mind.")


class _Signup(Protocol):
    """What allauth's page form and API input have in common."""

    cleaned_data: dict[str, Any]
    account_already_exists: bool

    def save(self, request: HttpRequest) -> User: ...


class WholeSignup:
    """For allauth's sign-up forms: all rows of a person in one transaction, and nothing told of who is here already.

    Somebody who signs up with an address that we know, or that another request took a moment ago, sees what a
    newcomer sees, after the same time; the owner of the address gets a mail that says so.
    """

    def try_save(self: _Signup, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Return the new person and None, or None and the answer to give."""
        if not self.account_already_exists:
            try:
                with transaction.atomic():
                    return self.save(request), None
            except EmailTaken:
                self.account_already_exists = True
        else:
            # The time that a newcomer's password takes.
            make_password("")
        return None, flows.signup.prevent_enumeration(request, email=self.cleaned_data["email"])


class SignupForm(WholeSignup, allauth_forms.SignupForm):
    """The page's: an address and a password; everything else can wait."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, "email", _EMAIL, autocomplete="username")
        dress(self, "password1", _("Password"), hint=_PASSWORD_HINT)


class LoginForm(allauth_forms.LoginForm):
    """An address and a password, under the names that password managers look for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, "login", _EMAIL, autocomplete="username")
        dress(self, "password", _("Password"))


class ResetPasswordForm(allauth_forms.ResetPasswordForm):
    """The address that the mail goes to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, "email", _EMAIL, autocomplete="username")


class ResetPasswordKeyForm(allauth_forms.ResetPasswordKeyForm):
    """A new password, typed once: a mistake is mended by another mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        dress(self, "password1", _NEW_PASSWORD, hint=_PASSWORD_HINT)


class ChangePasswordForm(allauth_forms.ChangePasswordForm):
    """The current password and a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        dress(self, "oldpassword", _("Current password"))
        dress(self, "password1", _NEW_PASSWORD, hint=_PASSWORD_HINT)


class SetPasswordForm(allauth_forms.SetPasswordForm):
    """A first password of somebody who came by another door."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        dress(self, "password1", _NEW_PASSWORD, hint=_PASSWORD_HINT)


class ProfileForm(forms.ModelForm[User]):
    """Who I am: names, language, time zone."""

    language = forms.ChoiceField(label=_("Language"), choices=languages)
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=lambda: [(name, name.replace("_", " ")) for name in time_zones()]
    )

    class Meta:
        model = User
        fields = ["full_name", "username", "language", "time_zone"]
        widgets = {
            "full_name": forms.TextInput(attrs={"autocomplete": "name"}),
            # Not "username": that is the address, for password managers.
            "username": forms.TextInput(
                attrs={"autocomplete": "nickname", "autocapitalize": "none", "spellcheck": "false"}
            ),
        }
        help_texts = {"username": _("Small letters, digits and hyphens. Others see this name.")}

    def clean_username(self) -> str:
        return clean_username(self.cleaned_data["username"])


class AvatarForm(forms.Form):
    """A picture of the person and which square of it counts; without a script the middle does."""

    avatar = forms.FileField(
        label=_("Picture"),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/heic,image/avif"}),
    )
    crop_x = forms.FloatField(required=False, min_value=0, max_value=1, widget=forms.HiddenInput)
    crop_y = forms.FloatField(required=False, min_value=0, max_value=1, widget=forms.HiddenInput)
    crop_side = forms.FloatField(required=False, min_value=0.01, max_value=1, widget=forms.HiddenInput)

    @property
    def crop(self) -> Crop | None:
        """The square that was chosen, if one was."""
        return crop_of(self.cleaned_data)


def dress(form: forms.Form, name: str, label: Any, *, hint: Any = "", autocomplete: str = "") -> None:
    """Our label and hint on one of allauth's fields; a placeholder that repeats the label goes."""
    field = form.fields[name]
    field.label, field.help_text = label, hint
    field.widget.attrs.pop("placeholder", None)
    if autocomplete:
        field.widget.attrs["autocomplete"] = autocomplete
