"""The form by which a person makes an API key."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey

_LIVES = [
    ("30", _("30 days")),
    ("90", _("90 days")),
    ("365", _("1 year")),
    ("", _("Never")),
]
SCOPES = {
    ApiKey.Scope.READ: (_("Read"), _("Look at pictures, jobs and credits.")),
    ApiKey.Scope.GENERATE: (_("Generate"), _("Make, upload and delete pictures; spend credits.")),
    ApiKey.Scope.MANAGE: (_("Manage"), _("Members, invitations, settings and keys of the company.")),
}


class KeyForm(forms.Form):
    """Name, scopes, life and cap; `manage` is offered to those who run the company."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Which program has it, such as “Shop on our website”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    lives = forms.ChoiceField(
        label=_("Expires after"), choices=_LIVES, required=False, widget=forms.Select(attrs={"class": "select"})
    )
    credit_cap = forms.IntegerField(
        label=_("Credit cap"),
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text=_("Most credits that it may ever spend. Empty: no limit of its own."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    # Sent again by a reload, the same form makes no second key.
    once = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_admin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = [scope for scope in SCOPES if is_admin or scope != ApiKey.Scope.MANAGE]
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101
        field.choices = [(scope.value, SCOPES[scope][0]) for scope in self.offered]

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def scope_rows(self) -> list[dict[str, Any]]:
        """The boxes with what each stands for, and whether it is ticked."""
        ticked = self["scopes"].value() or []
        return [
            {
                "value": scope.value,
                "label": SCOPES[scope][0],
                "note": SCOPES[scope][1],
                "is_ticked": scope.value in ticked,
            }
            for scope in self.offered
        ]

    def values(self) -> dict[str, Any]:
        """What `create_key` takes."""
        data = self.cleaned_data
        expires_at = timezone.now() + timedelta(days=int(data["lives"])) if data["lives"] else None
        return {
            "name": data["name"],
            "scopes": data["scopes"],
            "credit_cap": data["credit_cap"],
            "expires_at": expires_at,
        }
