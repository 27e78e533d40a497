"""Forms of the company's pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.company_locks import Role
from accounts.company_rules import NAME_LENGTH, clean_company_name, clean_company_slug, clean_domain
from accounts.models import Company, Membership


class NewCompanyForm(forms.Form):
    """A name is all it takes."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True}),
        help_text=_("Your team or client, as others know it. It can be changed later."),
    )

    def clean_name(self) -> str:
        return clean_company_name(self.cleaned_data["name"])


class CompanyForm(forms.ModelForm[Company]):
    """What a company is called, where invoices go, and who may join by an address of its domain."""

    class Meta:
        model = Company
        fields = ["name", "slug", "email", "domain", "joins_by_domain"]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "organization"}),
            "slug": forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
            "domain": forms.TextInput(
                attrs={
                    "autocomplete": "off",
                    "autocapitalize": "none",
                    "spellcheck": "false",
                    "inputmode": "url",
                    "placeholder": "example.com",
                }
            ),
        }
        error_messages = {
            "slug": {"invalid": _("Use letters a to z, digits and hyphens, with a letter or digit at both ends.")}
        }
        labels = {"joins_by_domain": _("Let people join by their address")}
        help_texts = {
            "slug": _("Small letters, digits and hyphens."),
            "domain": _("Yours once somebody who runs the company has confirmed an address there."),
            "joins_by_domain": _("Whoever confirms an address there may take a free seat, without invitation."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.is_team:
            del self.fields["domain"], self.fields["joins_by_domain"]

    def clean_name(self) -> str:
        return clean_company_name(self.cleaned_data["name"])

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        return slug if slug == self.instance.slug else clean_company_slug(slug)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean_domain(self) -> str | None:
        return clean_domain(self.cleaned_data.get("domain") or "")

    def validate_unique(self) -> None:
        """The database decides, for others may write at this moment; the service says so."""


class InviteForm(forms.Form):
    """Whom to ask in, as what."""

    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.MEMBER)

    def __init__(self, *args: Any, is_owner: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(is_owner)  # type: ignore[attr-defined]


class MemberForm(forms.Form):
    """A member's role and cap."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    credit_cap = forms.IntegerField(
        label=_("Most credits"), min_value=0, max_value=2_000_000_000, required=False, help_text=_("Empty: no limit.")
    )
    cap_period = forms.ChoiceField(label=_("In a"), choices=Membership.Period.choices)

    def __init__(self, *args: Any, is_owner: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(is_owner)  # type: ignore[attr-defined]


class LookForm(forms.Form):
    """Logo and accent."""

    logo = forms.FileField(
        label=_("Logo"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text=_("A square works best; of others the middle is shown."),
    )
    accent = forms.CharField(
        label=_("Accent colour"),
        required=False,
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "placeholder": "#ebc647"}
        ),
        help_text=_("# and six digits. Empty: the product's own amber."),
    )


class DeleteForm(forms.Form):
    """Is it really you?"""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


def role_choices(is_owner: bool) -> list[tuple[str, Any]]:
    """Roles that the person may give: only owners make owners."""
    return [(value, label) for value, label in Role.choices if is_owner or value != Role.OWNER]
