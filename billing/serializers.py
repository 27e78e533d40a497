"""What the API says about money."""

from rest_framework import serializers

from billing.models import LedgerEntry
from billing.selectors import Credits


class CreditsSerializer(serializers.Serializer[Credits]):
    """What a company owns."""

    balance = serializers.IntegerField(help_text="Credits that the company owns.")
    held = serializers.IntegerField(help_text="Of these, promised to jobs under way.")
    available = serializers.IntegerField(help_text="What a new job may cost: balance less held.")
    unlimited = serializers.BooleanField(help_text="True on plans whose jobs cost no credits.")


class LedgerEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    """One change of the balance."""

    class Meta:
        model = LedgerEntry
        fields = ["id", "kind", "amount", "balance_after", "cause", "created_at"]
        read_only_fields = fields
        extra_kwargs = {
            "amount": {"help_text": "What the balance moved by; negative when credits went."},
            "balance_after": {"help_text": "The balance after this change."},
            "cause": {"help_text": "What it was for: the prompt, or a reason."},
        }
