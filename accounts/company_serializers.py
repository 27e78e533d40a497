"""What goes into and comes out of the company's part of the API."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from accounts.company_locks import Role
from accounts.company_rules import NAME_LENGTH, clean_company_name, clean_company_slug, clean_domain
from accounts.company_selectors import Member
from accounts.models import Company, Invitation, Membership


class PlaceSerializer(serializers.ModelSerializer[Membership]):
    """One of your companies."""

    id = serializers.UUIDField(source="company.pk")
    name = serializers.CharField(source="company.name")
    slug = serializers.CharField(source="company.slug")
    kind = serializers.ChoiceField(source="company.kind", choices=Company.Kind.choices)
    is_active = serializers.BooleanField(source="company.is_active")

    class Meta:
        model = Membership
        fields: ClassVar[list[str]] = ["id", "name", "slug", "kind", "role", "is_active"]


class CompanySerializer(serializers.ModelSerializer[Company]):
    """The company that you act for."""

    role = serializers.SerializerMethodField(help_text="Yours.")
    seats_used = serializers.IntegerField(
        source="used_seats", help_text="Members, and invitations that may yet be accepted."
    )
    seats = serializers.SerializerMethodField(help_text="How many the plan has; null: as many as wanted.")

    class Meta:
        model = Company
        fields: ClassVar[list[str]] = [
            "id",
            "name",
            "slug",
            "kind",
            "email",
            "domain",
            "joins_by_domain",
            "accent",
            "role",
            "seats_used",
            "seats",
            "delete_after",
            "created_at",
        ]

    def get_role(self, company: Company) -> str:
        return str(self.context["role"])

    def get_seats(self, company: Company) -> int | None:
        seats: int | None = company.entitlements.get("seats", 1)
        return seats


class NewCompanySerializer(serializers.Serializer[Any]):
    """A name is all it takes."""

    name = serializers.CharField(max_length=NAME_LENGTH)

    def validate_name(self, value: str) -> str:
        return str(_cleaned(clean_company_name, value))


class ChangeCompanySerializer(serializers.Serializer[Any]):
    """What may be changed; what is left out stays."""

    name = serializers.CharField(max_length=NAME_LENGTH)
    slug = serializers.CharField(max_length=60)
    email = serializers.EmailField(allow_blank=True)
    domain = serializers.CharField(max_length=253, allow_null=True, allow_blank=True)
    joins_by_domain = serializers.BooleanField()

    def validate_name(self, value: str) -> str:
        return str(_cleaned(clean_company_name, value))

    def validate_slug(self, value: str) -> str:
        return str(_cleaned(clean_company_slug, value))

    def validate_email(self, value: str) -> str:
        return value.lower()

    def validate_domain(self, value: str | None) -> str | None:
        found: str | None = _cleaned(clean_domain, value or "")
        return found


class MemberSerializer(serializers.Serializer[Any]):
    """Somebody who belongs to the company. Usage is shown to those who run it, one's own to everybody."""

    id = serializers.UUIDField(source="place.pk")
    user_id = serializers.UUIDField(source="place.user_id")
    full_name = serializers.CharField(source="place.user.get_full_name")
    email = serializers.EmailField(source="place.user.email")
    role = serializers.ChoiceField(source="place.role", choices=Role.choices)
    credit_cap = serializers.IntegerField(source="place.credit_cap", allow_null=True)
    cap_period = serializers.ChoiceField(source="place.cap_period", choices=Membership.Period.choices)
    credits_today = serializers.SerializerMethodField(help_text="Spent or held in this UTC day; null: not shown.")
    credits_this_month = serializers.SerializerMethodField(help_text="Spent or held in this UTC month.")
    since = serializers.DateTimeField(source="place.created_at")
    has_seat = serializers.BooleanField(help_text="False: more members than seats; this one only looks.")

    def get_credits_today(self, member: Member) -> int | None:
        return member.usage.day if member.usage else None

    def get_credits_this_month(self, member: Member) -> int | None:
        return member.usage.month if member.usage else None


class ChangeMemberSerializer(serializers.Serializer[Any]):
    """What may be changed of a member; what is left out stays."""

    role = serializers.ChoiceField(choices=Role.choices)
    credit_cap = serializers.IntegerField(min_value=0, max_value=2_000_000_000, allow_null=True)
    cap_period = serializers.ChoiceField(choices=Membership.Period.choices)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An open invitation; the token is in the mail alone."""

    invited_by = serializers.EmailField(source="invited_by.email")
    is_expired = serializers.BooleanField()

    class Meta:
        model = Invitation
        fields: ClassVar[list[str]] = ["id", "email", "role", "invited_by", "sent_at", "expires_at", "is_expired"]


class InviteSerializer(serializers.Serializer[Any]):
    """Whom to ask in, as what."""

    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices, default=Role.MEMBER)


class TokenSerializer(serializers.Serializer[Any]):
    """The last part of the link in the mail."""

    token = serializers.CharField(max_length=200)


def _cleaned(clean: Callable[[str], Any], value: str) -> Any:
    try:
        return clean(value)
    except DjangoValidationError as error:
        raise serializers.ValidationError(error.messages) from error
