"""What was paid and what was said about it. Rows are looked at; money goes back with a reason."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from accounts.services import record_audit
from billing.admin.base import ReadOnlyAdmin, operator_of
from billing.currency import money
from billing.models import BillingNotice, Payment, SalesEnquiry, StripeEvent
from billing.refunding import refund
from billing.refunds import refundable_cents
from config.base.refusal import Refusal


class RefundForm(forms.Form):
    """How much goes back, and why. `seen` is what had gone back before: a form that is sent twice refunds once."""

    amount = forms.IntegerField(
        label=_("Amount, in cents"),
        min_value=1,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Credits that it paid for go back with it; those that are spent become a debt."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("The company reads this in its audit log."),
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """Invoices and purchases."""

    list_display = ["company", "description", "amount", "state", "refunded", "disputed", "credits", "paid_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["company"]
    search_fields = ["company__name", "company__slug", "key", "number", "payment_intent", "charge"]
    ordering = ["-created_at"]
    actions_detail = ["refund"]

    @admin.display(description=_("amount"), ordering="amount_cents")
    def amount(self, payment: Payment) -> str:
        """As it was asked for, taxes included."""
        return money(payment.amount_cents, payment.currency)

    @admin.display(description=_("refunded"))
    def refunded(self, payment: Payment) -> str:
        """What went back."""
        return money(payment.refunded_cents, payment.currency) if payment.refunded_cents else "–"

    @admin.display(description=_("disputed"))
    def disputed(self, payment: Payment) -> str:
        """What is withheld."""
        return money(payment.disputed_cents, payment.currency) if payment.disputed_cents else "–"

    def has_refund_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who may give money back; the rows themselves are read-only here."""
        return request.user.has_perm("billing.change_payment")

    @action(description=_("Refund…"), url_path="refund", permissions=["refund"], icon="undo")
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how much and why, then give it back."""
        payment = get_object_or_404(Payment.objects.select_related("company"), pk=UUID(object_id))
        left = refundable_cents(payment)
        form = RefundForm(request.POST or None, initial={"seen": payment.refunded_cents, "amount": left or None})
        if request.method == "POST" and form.is_valid() and self._refunded(request, payment, form):
            return redirect("admin:billing_payment_change", object_id)
        words = {
            "company": payment.company,
            "what": payment.description or payment.key,
            "amount": money(payment.amount_cents, payment.currency),
            "left": money(left, payment.currency),
        }
        text = _now("%(company)s paid %(amount)s for “%(what)s”. At most %(left)s can be given back.") % words
        back = reverse("admin:billing_payment_change", args=[object_id])
        return self.show_act(request, title=_now("Refund"), text=text, back=back, form=form)

    def _refunded(self, request: HttpRequest, payment: Payment, form: RefundForm) -> bool:
        """Call the service; a refusal becomes the form's error."""
        try:
            refund(
                payment=payment,
                cents=form.cleaned_data["amount"],
                seen_cents=form.cleaned_data["seen"],
                reason=form.cleaned_data["reason"],
                actor=operator_of(request),
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.sentence)
            return False
        messages.success(request, _now("The money is on its way back, and the credits follow it."))
        return True


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    """What Stripe told, and whether our rows followed."""

    list_display = ["received_at", "type", "object_id", "applied_at", "attempts", "error"]
    list_filter = [("applied_at", admin.EmptyFieldListFilter), "type"]
    search_fields = ["id", "object_id"]
    ordering = ["-received_at"]


@admin.register(BillingNotice)
class BillingNoticeAdmin(ReadOnlyAdmin):
    """Mails about money: which were written, which were sent."""

    list_display = ["company", "kind", "created_at", "sent_at"]
    list_filter = [("sent_at", admin.EmptyFieldListFilter), "kind"]
    list_select_related = ["company"]
    search_fields = ["company__name", "company__slug", "key"]
    ordering = ["-id"]


@admin.register(SalesEnquiry)
class SalesEnquiryAdmin(ReadOnlyAdmin):
    """Who wants a plan by agreement."""

    list_display = ["name", "email", "organisation", "plan", "created_at", "answered_at"]
    list_filter = [("answered_at", admin.EmptyFieldListFilter), "plan"]
    list_select_related = ["company", "plan"]
    search_fields = ["name", "email", "organisation"]
    ordering = ["-id"]
    actions = ["mark_answered"]

    def has_answer_permission(self, request: HttpRequest) -> bool:
        """Who may say that it was answered."""
        return request.user.has_perm("billing.change_salesenquiry")

    @admin.action(description=_("Mark as answered"), permissions=["answer"])
    def mark_answered(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Somebody has written back; what was answered before stays as it was."""
        rows = list(queryset.filter(answered_at=None))
        for row in rows:
            if SalesEnquiry.objects.filter(pk=row.pk, answered_at=None).update(answered_at=timezone.now()):
                record_audit(actor=operator_of(request).email, action="enquiry.answered", target=str(row.pk))
        messages.success(request, _now("%d marked as answered.") % len(rows))
