"""The form by which a person has the account deleted."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class DeleteAccountForm(forms.Form):
    """The address typed once more: nobody does that by accident."""

    email = forms.CharField(
        label=_("Type your e-mail address to confirm"),
        max_length=254,
        widget=forms.EmailInput(attrs={"class": "input", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_email(self) -> str:
        """The person's own, whatever its case."""
        email: str = self.cleaned_data["email"].strip()
        if email.lower() != self._user.email.lower():
            raise forms.ValidationError(_("This is not the address of your account."))
        return email
