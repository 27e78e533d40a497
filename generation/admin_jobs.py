"""Jobs for operators: to look at, and to operate on."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action

from accounts.audited_admin import AuditedAdmin
from gallery.delivery import operator_url
from gallery.models import Asset
from generation.models import Job, JobInput, JobOutput, ProviderCall


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
class JobAdmin(AuditedAdmin):
    """Jobs, to look at and to operate on."""

    list_display = ["short_prompt", "company", "user", "model", "state", "progress", "count", "credits", "created_at"]
    list_filter = ["state", "task", "is_probe", "model", "queue"]
    list_select_related = ["company", "user", "model"]
    search_fields = ["=id", "company__name", "user__email"]
    inlines = [InputInline, OutputInline, CallInline]
    actions_detail = ["operate"]
    readonly_fields = ["outcome"]
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Job | None = None) -> list[str]:
        """What became of it stands first."""
        fields = [str(name) for name in super().get_fields(request, obj) if name != "outcome"]
        return ["outcome", *fields]

    @admin.display(description=_("outcome"))
    def outcome(self, job: Job) -> str:
        """State, what went wrong, and what was made so far."""
        ids = [output.asset_id for output in job.outputs.all()]
        assets = Asset.objects.filter(pk__in=ids).prefetch_related("renditions").order_by("pk")
        made = [{"asset": asset, "picture": operator_url(asset, "thumb-320")} for asset in assets]
        return render_to_string("admin/generation/outcome.html", {"job": job, "made": made})

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
