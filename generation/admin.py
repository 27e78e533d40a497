"""The catalogue and the jobs for operators."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline

from accounts.services import record_audit
from config.base.refusal import Refusal
from generation.models import AIModel, Job, JobInput, JobOutput, ProviderCall
from generation.pricing import price_of
from generation.services import cancel_job


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
    """Jobs, to look at and to cancel."""

    list_display = ["short_prompt", "company", "user", "model", "state", "progress", "count", "credits", "created_at"]
    list_filter = ["state", "task", "model", "queue"]
    list_select_related = ["company", "user", "model"]
    search_fields = ["=id", "company__name", "user__email"]
    inlines = [InputInline, OutputInline, CallInline]
    actions = ["cancel"]
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

    @admin.action(description=_("Cancel; the credits come back"), permissions=["view"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """Ask the chosen jobs to stop."""
        asked = 0
        for job in jobs.select_related("company"):
            try:
                cancel_job(job=job)
            except Refusal:
                continue
            asked += 1
            record_audit(actor=str(request.user), action="job.cancel", target=str(job.pk), company=job.company)
        sentence = ngettext("%(count)d job asked to stop.", "%(count)d jobs asked to stop.", asked)
        self.message_user(request, sentence % {"count": asked}, messages.SUCCESS if asked else messages.WARNING)
