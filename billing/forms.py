"""Forms of the pages about money."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import Plan, SalesEnquiry
from billing.statement import Sort, Wanted


class StatementForm(forms.Form):
    """Which part of the statement to show; what is wrong in it leaves that filter out."""

    sort = forms.ChoiceField(
        label=_("What"),
        choices=[("", _("Everything")), *Sort.choices],
        required=False,
        widget=forms.Select(attrs={"class": "select"}),
    )
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day lies before the first one."))
        return values

    @property
    def wanted(self) -> Wanted:
        """What was asked for, as far as it makes sense."""
        self.is_valid()
        values = self.cleaned_data
        return Wanted(values.get("sort", ""), values.get("since"), values.get("until"))


class EnquiryForm(forms.ModelForm[SalesEnquiry]):
    """Somebody who wants a plan by agreement. `website` is left empty by people, who do not see it."""

    website = forms.CharField(
        label=_("Leave this empty"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )
    plan = forms.ModelChoiceField(
        label=_("Plan"),
        queryset=Plan.objects.none(),
        required=False,
        empty_label=_("I am not sure yet"),
        to_field_name="slug",
        widget=forms.Select(attrs={"class": "select"}),
    )

    class Meta:
        model = SalesEnquiry
        fields = ["name", "email", "organisation", "plan", "message"]
        labels = {"name": _("Your name"), "email": _("E-mail address"), "organisation": _("Organisation")}
        help_texts = {"message": _("How many people, what for, and what you need that the plans do not have.")}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
            "organisation": forms.TextInput(attrs={"autocomplete": "organization"}),
            "message": forms.Textarea(attrs={"rows": 5, "data-autoresize": True}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plans = self.fields["plan"]
        assert isinstance(plans, forms.ModelChoiceField)  # noqa: S101
        plans.queryset = Plan.objects.filter(is_active=True, monthly_price_cents=None)

    @property
    def is_from_a_machine(self) -> bool:
        """Whether somebody filled in what people do not see."""
        return bool(self.cleaned_data.get("website"))
