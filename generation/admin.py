"""The catalogue and the jobs for operators."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django_dramatiq.models import Task
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from generation.models import AIModel, Job, JobInput, JobOutput, ProviderCall
from generation.pricing import price_of

# The queue's own table of messages stays empty: jobs are what operators look at.
admin.site.unregister(Task)


@admin.register(AIModel)
class AIModelAdmin(ModelAdmin):
    """Rows of the catalogue: price, tier, on and off."""

    list_display = ["name", "provider", "task", "tier", "price", "is_active", "position"]
    list_filter = ["provider", "task", "tier", "is_active"]
    list_editable = ["is_active", "position"]
    search_fields = ["name", "slug", "endpoint"]
    readonly_fields = ["price"]

    @admin.display(description=_("price, credits per output"))
    def price(self, model: AIModel) -> int:
        """What one output costs now."""
        return price_of(model)


class _ReadOnlyInline(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are written by the engine alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are written by the engine alone."""
        return False


class InputInline(_ReadOnlyInline):
    """What the job works from."""

    model = JobInput
    fields = ["role", "position", "asset"]


class OutputInline(_ReadOnlyInline):
    """What the job makes."""

    model = JobOutput
    fields = ["index", "seed", "state", "asset_id"]
    readonly_fields = ["asset_id"]


class CallInline(_ReadOnlyInline):
    """What was asked of the provider."""

    model = ProviderCall
    fields = ["attempt", "provider", "external_id", "state", "error", "cost", "created_at", "ended_at"]
    readonly_fields = ["created_at", "ended_at"]


@admin.register(Job)
class JobAdmin(ModelAdmin):
    """Jobs, to look at and to operate on."""

    list_display = ["short_prompt", "company", "user", "model", "state", "progress", "count", "credits", "created_at"]
    list_filter = ["state", "task", "model", "queue"]
    list_select_related = ["company", "user", "model"]
    search_fields = ["=id", "company__name", "user__email"]
    inlines = [InputInline, OutputInline, CallInline]
    actions_detail = ["operate"]
    show_full_result_count = False

    @admin.display(description=_("prompt"))
    def short_prompt(self, job: Job) -> str:
        """Enough to know it again."""
        return job.prompt[:60] or job.task

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs come from people."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        """Only the engine moves a job; operators use the actions."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        """A job is history: its money points to it."""
        return False

    @action(description=_("Operate: cancel, release, retry"), url_path="operate")
    def operate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the page where a reason is asked for."""
        return redirect("admin-operate", object_id)
