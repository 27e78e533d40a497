"""What the API says about plans, subscriptions and payments."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from billing.changes import Change
from billing.models import CreditPack, Interval, Payment, Plan
from billing.standing import Standing


class PlanSerializer(serializers.ModelSerializer[Plan]):
    """A plan that is offered; None in a figure: without a limit, in a price: by agreement."""

    currency = serializers.SerializerMethodField(help_text="ISO 4217; prices are in its smallest unit.")

    class Meta:
        model = Plan
        fields = [
            "slug",
            "name",
            "currency",
            "monthly_price_cents",
            "yearly_price_cents",
            "trial_days",
            "monthly_credits",
            "welcome_credits",
            "rolls_over",
            "daily_generations",
            "parallel_jobs",
            "rate_factor",
            "storage_bytes",
            "seats",
            "tiers",
            "has_watermark",
            "has_priority_queue",
            "has_api",
            "has_commercial_licence",
            "has_white_label",
            "support",
        ]
        read_only_fields = fields

    def get_currency(self, plan: Plan) -> str:
        return settings.CURRENCY


class PackSerializer(serializers.ModelSerializer[CreditPack]):
    """Credits that are bought once."""

    currency = serializers.SerializerMethodField(help_text="ISO 4217.")

    class Meta:
        model = CreditPack
        fields = ["slug", "credits", "price_cents", "currency"]
        read_only_fields = fields

    def get_currency(self, pack: CreditPack) -> str:
        return settings.CURRENCY


class CatalogueSerializer(serializers.Serializer[Any]):
    """What is sold."""

    plans = PlanSerializer(many=True)
    packs = PackSerializer(many=True)


class SubscriptionSerializer(serializers.Serializer[Standing]):
    """What a company is on now."""

    plan = serializers.CharField(source="plan.slug", help_text="The plan in force: limits follow it.")
    plan_name = serializers.CharField(source="plan.name")
    status = serializers.ChoiceField(
        ["trialing", "active", "past_due", "paused", "cancelled"], source="subscription.status"
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["free", "stripe", "test", "manual"],
        source="subscription.source",
        help_text="Who pays: nobody, Stripe, test money, or an operator gave it.",
    )
    interval = serializers.CharField(source="subscription.interval", help_text="`month`, `year`, or empty.")
    period_start = serializers.DateTimeField(source="subscription.period_start")
    period_end = serializers.DateTimeField(source="subscription.period_end", allow_null=True)
    renews_at = serializers.DateTimeField(allow_null=True, help_text="When the next payment is due.")
    ends_at = serializers.DateTimeField(allow_null=True, help_text="When it ends, once it was cancelled.")
    grace_until = serializers.DateTimeField(allow_null=True, help_text="Until when the plan stays unpaid.")
    next_plan = serializers.CharField(
        source="next_plan.slug", default=None, allow_null=True, help_text="The smaller plan that follows."
    )


class _Named(serializers.SlugRelatedField[Any]):
    """A row by its slug."""

    def to_internal_value(self, data: Any) -> Any:
        """The row. The database takes no NUL, not even to look for."""
        if isinstance(data, str) and "\0" in data:
            self.fail("invalid")
        return super().to_internal_value(data)


class WantedPlanSerializer(serializers.Serializer[Any]):
    """A plan and how often to pay for it."""

    plan = _Named(slug_field="slug", queryset=Plan.objects.all(), help_text="Its slug.")
    interval = serializers.ChoiceField(Interval.choices, default=Interval.MONTH)


class WantedPackSerializer(serializers.Serializer[Any]):
    """A pack."""

    pack = _Named(slug_field="slug", queryset=CreditPack.objects.all(), help_text="Its slug.")


class CheckoutSerializer(serializers.Serializer[Any]):
    """A plan with its interval, or a pack."""

    plan = _Named(slug_field="slug", queryset=Plan.objects.all(), required=False)
    interval = serializers.ChoiceField(Interval.choices, default=Interval.MONTH)
    pack = _Named(slug_field="slug", queryset=CreditPack.objects.all(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("plan" in attrs) == ("pack" in attrs):
            raise serializers.ValidationError("Name a plan or a pack.")
        return attrs


class AddressSerializer(serializers.Serializer[Any]):
    """A page for the person to open."""

    url = serializers.URLField()


class ChangeSerializer(serializers.Serializer[Change]):
    """What a change of plan means, or did."""

    plan = serializers.CharField(source="plan.slug")
    interval = serializers.CharField()
    is_now = serializers.BooleanField(help_text="False: it waits until what is paid for ends.")
    at = serializers.DateTimeField(allow_null=True, help_text="When it comes into force, if it waits.")
    cents_now = serializers.IntegerField(help_text="What is paid at once; what is left of the present plan is counted.")
    is_estimate = serializers.BooleanField(
        help_text="True: the payment service did not say, so `cents_now` is about that, before taxes and discounts."
    )
    cents_later = serializers.IntegerField(help_text="What each period costs then, before taxes and discounts.")


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """An invoice, or the purchase of a pack."""

    plan = serializers.CharField(source="plan.slug", default=None, allow_null=True)
    pack = serializers.CharField(source="pack.slug", default=None, allow_null=True)

    class Meta:
        model = Payment
        fields = [
            "id",
            "kind",
            "state",
            "description",
            "number",
            "plan",
            "pack",
            "amount_cents",
            "tax_cents",
            "currency",
            "refunded_cents",
            "disputed_cents",
            "credits",
            "reversed_credits",
            "hosted_url",
            "pdf_url",
            "paid_at",
            "created_at",
        ]
        read_only_fields = fields
