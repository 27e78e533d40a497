"""What one looks for in the audit log."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.audit_selectors import Wanted
from accounts.audit_words import Kind


class AuditFilterForm(forms.Form):
    """Every field may be left empty. Sent by GET, so that what was found has an address."""

    person = forms.CharField(
        label=_("Person"),
        max_length=254,
        required=False,
        widget=forms.TextInput(attrs={"list": "audit-people", "autocomplete": "off", "inputmode": "email"}),
    )
    kind = forms.ChoiceField(label=_("What"), required=False, choices=[("", _("Everything")), *Kind.choices])
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))

    def clean(self) -> dict[str, Any]:
        """The first day must not come after the last."""
        data = super().clean() or {}
        if data.get("since") and data.get("until") and data["since"] > data["until"]:
            self.add_error("until", _("This day is before the first one. Exchange them."))
        return data

    @property
    def wanted(self) -> Wanted:
        """What was asked for, once it is valid."""
        names = ("person", "kind", "since", "until")
        return Wanted(**{name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)})
