"""What is sold: plans and packs are data, edited here, taken out of the offer instead of deleted."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from billing.currency import money
from billing.entitlements import write_entitlements
from billing.models import CreditPack, Plan
from billing.services import write_unlimited


@admin.register(Plan)
class PlanAdmin(AuditedAdmin):
    """Plans. A new price holds for who subscribes from now on; what a plan gives, for everybody on it at once."""

    list_display = ["name", "price_label", "monthly_credits", "daily_generations", "parallel_jobs", "is_active"]
    ordering = ["position"]

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        """Companies on the plan have what it gives at once."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            write_entitlements(plan=obj)
            write_unlimited(plan=obj)

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        """Companies are on it, or were."""
        return False


@admin.register(CreditPack)
class CreditPackAdmin(AuditedAdmin):
    """Packs. A new price holds from the next purchase."""

    list_display = ["__str__", "price", "is_active", "position"]
    ordering = ["position"]

    @admin.display(description=_("price"), ordering="price_cents")
    def price(self, pack: CreditPack) -> str:
        """In the settlement currency."""
        return money(pack.price_cents)

    def has_delete_permission(self, request: HttpRequest, obj: CreditPack | None = None) -> bool:
        """Somebody may have bought it."""
        return False
