"""Adjustments that wait for another operator."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from billing.adjustments import approve, reject
from billing.admin.base import ReadOnlyAdmin, operator_of
from billing.models import AdjustmentRequest
from config.base.refusal import Refusal


@admin.register(AdjustmentRequest)
class AdjustmentRequestAdmin(ReadOnlyAdmin):
    """What one operator wants and another decides on."""

    list_display = ["company", "amount", "reason", "state", "requested_by", "requested_at", "decided_by"]
    list_filter = ["state"]
    list_select_related = ["company", "requested_by", "decided_by"]
    search_fields = ["company__name", "company__slug", "reason"]
    ordering = ["-id"]
    actions_detail = ["approve", "reject"]

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who may change wallets may decide; the service refuses whoever asked."""
        return request.user.has_perm("billing.change_wallet")

    @action(description=_("Approve"), url_path="approve", permissions=["decide"], icon="check")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask once more, then move the credits."""
        return self._decide(request, object_id, title=_now("Approve"), act=approve)

    @action(description=_("Reject"), url_path="reject", permissions=["decide"], icon="close")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask once more, then leave the credits as they are."""
        return self._decide(request, object_id, title=_now("Reject"), act=reject)

    def _decide(self, request: HttpRequest, object_id: str, *, title: str, act: Callable[..., bool]) -> HttpResponse:
        rows = AdjustmentRequest.objects.select_related("company", "requested_by")
        asked = get_object_or_404(rows, pk=UUID(object_id))
        back = reverse("admin:billing_adjustmentrequest_change", args=[object_id])
        words = {
            "operator": asked.requested_by,
            "amount": f"{asked.amount:+}",
            "company": asked.company,
            "reason": asked.reason,
        }
        text = _now("%(operator)s asks for %(amount)s credits for %(company)s: %(reason)s") % words
        if request.method != "POST":
            return self.show_act(request, title=title, text=text, back=back)
        try:
            done = act(asked=asked, actor=operator_of(request))
        except Refusal as refusal:
            messages.error(request, refusal.sentence)
        else:
            if done:
                messages.success(request, _now("Done, and noted in the audit log."))
            else:
                messages.info(request, _now("It was decided on before; nothing changed."))
        return redirect(back)
