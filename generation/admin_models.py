"""The catalogue for operators: rows with their price and margin, on and off, and a probe of each."""

import json
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin as DjangoModelAdmin
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, ExpressionWrapper, QuerySet
from django.forms import ChoiceField, JSONField, ModelForm
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from accounts.services import record_audit
from config.base.refusal import Refusal
from generation.catalogue.checks import problems_of
from generation.margins import examples_of
from generation.models import AIModel, CustomProvider
from generation.operations import probe_model
from generation.pricing import cost_of, price_of
from generation.providers import names, registry
from generation.providers.fal_endpoints import ENDPOINTS


def known_providers() -> list[tuple[str, str]]:
    """Every provider that a row may name, with what an operator reads; one query."""
    built_in = [(name, name) for name in registry.known()]
    return built_in + [(row.provider_name, f"{row.name} ({row.provider_name})") for row in CustomProvider.objects.all()]


class IndentedJSON(JSONField):
    """JSON that a person can read."""

    def prepare_value(self, value: Any) -> Any:
        """As it was sent, or with each level on its own line."""
        return value if isinstance(value, InvalidJSONInput) else json.dumps(value, indent=2, ensure_ascii=False)


class AIModelForm(ModelForm[AIModel]):
    """A row that can be offered: what is wrong with it is said at the field concerned."""

    provider = ChoiceField(label=_("Provider"), widget=UnfoldAdminSelectWidget)

    class Meta:
        model = AIModel
        fields = [
            "name",
            "slug",
            "description",
            "task",
            "tier",
            "position",
            "provider",
            "endpoint",
            "is_active",
            "off_reason",
            "provider_cost",
            "unit",
            "cost_factors",
            "markup",
            "fixed_price",
            "parameters",
            "prompt_use",
            "inputs_allowed",
            "min_side",
            "max_side",
            "outputs_allowed",
            "seconds_expected",
            "seconds_allowed",
            "resubmittable",
            "fails_over",
            "equivalents",
        ]
        field_classes = {"parameters": IndentedJSON, "cost_factors": IndentedJSON}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The list of rows is a form as well, of a few columns.
        if "provider" in self.fields:
            choices = known_providers()
            if self.instance.provider and self.instance.provider not in dict(choices):
                choices.append((self.instance.provider, _now("%s (gone)") % self.instance.provider))
            self.fields["provider"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Judge the row as a whole, as the lists are judged."""
        data: dict[str, Any] = super().clean() or {}
        row = {name: value for name, value in data.items() if value is not None}
        for column, sentence in problems_of(row).items():
            self.add_error(column if column in self.fields else None, sentence)
        if data.get("provider") == names.FAL and data.get("endpoint") not in (None, *ENDPOINTS):
            known = ", ".join(sorted(ENDPOINTS))
            self.add_error("endpoint", _now("This program knows how to ask these of fal's: %s.") % known)
        others = [other.name for other in data.get("equivalents", []) if other.task != data.get("task")]
        if others:
            self.add_error("equivalents", _now("These do another task: %s.") % ", ".join(others))
        return data

    def clean_parameters(self) -> dict[str, Any]:
        """An empty field means: no parameters."""
        return self.cleaned_data.get("parameters") or {}

    def clean_cost_factors(self) -> dict[str, Any]:
        """An empty field means: none."""
        return self.cleaned_data.get("cost_factors") or {}


class OfferedFilter(admin.SimpleListFilter):
    """Whether people can choose a model now."""

    title = _("offered")
    parameter_name = "offered"

    def lookups(self, request: HttpRequest, model_admin: "DjangoModelAdmin[AIModel]") -> list[tuple[str, Any]]:
        """Yes and no."""
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AIModel]) -> QuerySet[AIModel]:
        """The rows concerned."""
        condition = registry.are_named_by("provider")
        if self.value() == "yes":
            return queryset.filter(condition, is_active=True)
        return queryset.exclude(condition, is_active=True) if self.value() == "no" else queryset


@admin.register(AIModel)
class AIModelAdmin(AuditedAdmin):
    """Rows of the catalogue: price, tier, on and off."""

    notes_itself = True
    form = AIModelForm
    list_display = ["name", "provider", "task", "tier", "price", "cost", "is_active", "position", "offered"]
    list_filter = [OfferedFilter, "provider", "task", "tier", "unit", "is_active"]
    list_editable = ["is_active", "position"]
    list_per_page = 100
    search_fields = ["name", "slug", "endpoint"]
    autocomplete_fields = ["equivalents"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["offered", "margin"]
    actions = ["switch_on", "switch_off"]
    actions_detail = ["probe"]
    fieldsets = [
        (None, {"fields": ["offered", "name", "slug", "description", "task", "tier", "position"]}),
        (_("Where it is made"), {"fields": ["provider", "endpoint", "is_active", "off_reason"]}),
        (
            _("Price"),
            {"fields": ["margin", "provider_cost", "unit", "cost_factors", "markup", "fixed_price"]},
        ),
        (
            _("What it takes"),
            {"fields": ["parameters", "prompt_use", "inputs_allowed", "min_side", "max_side", "outputs_allowed"]},
        ),
        (_("Time"), {"fields": ["seconds_expected", "seconds_allowed", "resubmittable"]}),
        (_("In its place"), {"fields": ["fails_over", "equivalents"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AIModel]:
        """With whether its provider can be asked."""
        rows: QuerySet[AIModel] = super().get_queryset(request)
        return rows.annotate(
            is_served=ExpressionWrapper(registry.are_named_by("provider"), output_field=BooleanField())
        )

    def has_delete_permission(self, request: HttpRequest, obj: AIModel | None = None) -> bool:
        """What came with the installation is switched off instead: the next seeding would bring it back."""
        return obj is not None and not obj.seeded and super().has_delete_permission(request, obj)

    # --- Columns ------------------------------------------------------------------------------------------------------

    @admin.display(description=_("credits"))
    def price(self, model: AIModel) -> int:
        """What one output with the defaults costs now."""
        return price_of(model)

    @admin.display(description=_("cost, USD"))
    def cost(self, model: AIModel) -> str:
        """What the provider takes for it."""
        return dollars(cost_of(model))

    @admin.display(description=_("offered"))
    def offered(self, model: AIModel) -> str:
        """Whether people can choose it now, and if not, why."""
        if model._state.adding:
            return "–"
        return render_to_string("admin/generation/offered.html", _standing(model))

    @admin.display(description=_("price and margin"))
    def margin(self, model: AIModel) -> str:
        """What each choice costs us and the person, as the row was saved."""
        if model._state.adding:
            return _now("Save it to see what each choice costs.")
        return render_to_string("admin/generation/examples.html", {"examples": examples_of(model), "model": model})

    # --- Acts ---------------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: AIModel, form: ModelForm[AIModel], change: bool) -> None:
        """Save, and note what was changed; a reason for being off ends with being on."""
        if obj.is_active:
            obj.off_reason = ""
        super().save_model(request, obj, form, change)
        if form.changed_data:
            _note(request, "model.changed" if change else "model.added", obj, {"changed": form.changed_data})

    @admin.action(description=_("Switch on"))
    def switch_on(self, request: HttpRequest, queryset: QuerySet[AIModel]) -> None:
        """Offer them again; the program leaves them on."""
        self._switch(request, queryset, is_active=True)

    @admin.action(description=_("Switch off"))
    def switch_off(self, request: HttpRequest, queryset: QuerySet[AIModel]) -> None:
        """Offer them no longer; jobs under way are finished."""
        self._switch(request, queryset, is_active=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[AIModel], *, is_active: bool) -> None:
        if not self.has_change_permission(request):
            messages.error(request, _now("You may look at models, not change them."))
            return
        rows = list(queryset.filter(is_active=not is_active))
        AIModel.objects.filter(pk__in=[row.pk for row in rows]).update(is_active=is_active, off_reason="")
        for row in rows:
            _note(request, "model.on" if is_active else "model.off", row, {})
        if is_active:
            text = ngettext("%(count)d model is on now.", "%(count)d models are on now.", len(rows))
        else:
            text = ngettext("%(count)d model is off now.", "%(count)d models are off now.", len(rows))
        messages.success(request, text % {"count": len(rows)})

    def has_probe_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Whoever may change the row may spend the operator's money at its provider."""
        return bool(self.has_change_permission(request))

    @action(description=_("Probe: make one now"), url_path="probe", permissions=["probe"])
    def probe(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to spend it, then make one output and lead to what became of it."""
        model = get_object_or_404(self.get_queryset(request), pk=object_id)
        refusal = ""
        if request.method == "POST" and isinstance(request.user, User):
            try:
                job = probe_model(model=model, actor=request.user)
            except (Refusal, ValidationError, KeyError) as error:
                refusal = getattr(error, "sentence", "") or _now("This provider is not known any more: %s") % error
            else:
                messages.success(request, _now("It is being made. This page shows what becomes of it."))
                return redirect("admin:generation_job_change", job.pk)
        context = admin.site.each_context(request) | {
            "title": _now("Probe: %s") % model.name,
            "opts": AIModel._meta,
            "model": model,
            "cost": dollars(cost_of(model)),
            "offered": self.offered(model),
            "refusal": refusal,
        }
        return render(request, "admin/generation/probe.html", context, status=422 if refusal else 200)


def dollars(amount: Decimal) -> str:
    """An amount with at least two decimals, and no zeros after them."""
    plain = f"{amount.normalize():f}"
    return plain if len(plain.partition(".")[2]) > 2 else f"{amount:.2f}"


def _standing(model: AIModel) -> dict[str, str]:
    """A word, its colour, and why; the row carries `is_served`."""
    if not model.is_active:
        return {"kind": "danger", "word": _now("switched off"), "reason": model.off_reason}
    if model.is_served:  # type: ignore[attr-defined]
        return {"kind": "success", "word": _now("yes"), "reason": ""}
    setting = registry.setting_of(model.provider)
    if setting:
        return {"kind": "warning", "word": _now("no key"), "reason": _now("Set %s.") % setting}
    return {"kind": "warning", "word": _now("inactive"), "reason": _now("Its custom provider is inactive.")}


def _note(request: HttpRequest, what: str, model: AIModel, detail: dict[str, Any]) -> None:
    record_audit(actor=str(request.user), action=what, target=model.slug, detail=detail)
