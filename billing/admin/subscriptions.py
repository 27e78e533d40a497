"""Who is on which plan, and what was paid for. A plan can be given by hand."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from accounts.audited_admin import AuditedAdmin
from billing.admin.base import ReadOnlyAdmin, operator_of
from billing.corrections import change_plan, refuse_paid_for
from billing.models import BillingPeriod, Subscription
from config.base.refusal import Refusal


class GivePlanForm(forms.ModelForm[Subscription]):
    """Which plan, and until when; a plan that is paid for is not given."""

    until = forms.SplitDateTimeField(
        label=_("Until"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("Empty: for good. Its monthly credits are granted as long as it lasts, the first at once."),
    )

    class Meta:
        model = Subscription
        fields = ["plan"]

    def clean_until(self) -> datetime | None:
        """A time that is still to come."""
        until: datetime | None = self.cleaned_data["until"]
        if until is not None and until <= timezone.now():
            raise forms.ValidationError(_now("Choose a time that is still to come."))
        return until

    def clean(self) -> dict[str, Any]:
        """Who pays for a plan is not put on another one."""
        try:
            refuse_paid_for(Subscription.objects.select_related("plan").get(pk=self.instance.pk))
        except Refusal as refusal:
            raise forms.ValidationError(refusal.sentence) from refusal
        return super().clean() or {}


@admin.register(Subscription)
class SubscriptionAdmin(AuditedAdmin):
    """Which company is on which plan; the plan can be changed by hand."""

    notes_itself = True
    form = GivePlanForm
    list_display = ["company", "plan", "status", "source", "period_start", "period_end"]
    list_filter = ["plan", "status", "source"]
    list_select_related = ["company", "plan"]
    search_fields = ["company__name", "company__slug", "company__email", "reference", "customer"]
    fields = [
        "company",
        "plan",
        "until",
        "status",
        "source",
        "interval",
        "next_plan",
        "period_start",
        "period_end",
        "cancel_at",
        "grace_until",
        "reference",
        "customer",
    ]
    readonly_fields = ["company", *fields[3:]]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A company gets its subscription when it is made."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        """A company is always on a plan."""
        return False

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        """Through the service, which leaves an audit entry."""
        until = form.cleaned_data["until"]
        change_plan(company=obj.company, plan=obj.plan, actor=operator_of(request), until=until)


@admin.register(BillingPeriod)
class BillingPeriodAdmin(ReadOnlyAdmin):
    """Stretches of time that were paid for or given, and how many of their months were granted."""

    list_display = ["company", "plan", "interval", "start", "end", "granted", "stopped_at", "is_trial"]
    list_filter = ["plan", "interval", "is_trial"]
    list_select_related = ["company", "plan"]
    search_fields = ["company__name", "company__slug", "key", "reference"]
    ordering = ["-id"]
