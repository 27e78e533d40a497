"""Styles and denied phrases for operators."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from generation.models import DeniedPhrase, Preset
from generation.prompting.denial import forget_list
from generation.prompting.presets import PLACE
from generation.prompting.words import plain, words_of


class PresetForm(ModelForm[Preset]):
    """A style whose words have a place for the person's."""

    class Meta:
        model = Preset
        fields = ["name", "slug", "template", "negative", "is_active", "position"]

    def clean_template(self) -> str:
        """The words, with `{prompt}` in them once."""
        template = str(self.cleaned_data["template"])
        if template.count(PLACE) != 1:
            raise ValidationError(_("Put {prompt} once where the person's words belong."))
        return template


@admin.register(Preset)
class PresetAdmin(AuditedAdmin):
    """Styles: their words, order, on and off."""

    form = PresetForm
    list_display = ["name", "template", "is_active", "position"]
    list_editable = ["is_active", "position"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug", "template"]
    prepopulated_fields = {"slug": ["name"]}

    def has_delete_permission(self, request: HttpRequest, obj: Preset | None = None) -> bool:
        """What came with the installation is switched off instead: the next seeding would bring it back."""
        return obj is not None and not obj.seeded and super().has_delete_permission(request, obj)


class DeniedPhraseForm(ModelForm[DeniedPhrase]):
    """A phrase that has words in it."""

    class Meta:
        model = DeniedPhrase
        fields = ["phrase", "reason", "is_active"]

    def clean_phrase(self) -> str:
        """The phrase; without a letter or a digit it would be found nowhere."""
        phrase = " ".join(str(self.cleaned_data["phrase"]).split())
        if not words_of(plain(phrase)):
            raise ValidationError(_("Write at least one letter or digit."))
        return phrase


@admin.register(DeniedPhrase)
class DeniedPhraseAdmin(AuditedAdmin):
    """Words that no prompt may hold; a change works within two seconds everywhere."""

    form = DeniedPhraseForm
    list_display = ["phrase", "reason", "is_active", "created_at"]
    list_editable = ["is_active"]
    list_filter = ["is_active"]
    search_fields = ["phrase", "reason"]

    def save_model(self, request: HttpRequest, obj: DeniedPhrase, form: Any, change: bool) -> None:
        """Save, and let this process read the list anew at once."""
        super().save_model(request, obj, form, change)
        forget_list()

    def delete_model(self, request: HttpRequest, obj: DeniedPhrase) -> None:
        """Delete, and let this process read the list anew at once."""
        super().delete_model(request, obj)
        forget_list()
