"""What goes into and comes out of the accounts part of the API."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Company, Membership, User
from accounts.people import clean_username, languages, time_zones
from accounts.viewer import Viewer


class ProblemErrorSerializer(serializers.Serializer[Any]):
    """One field at fault."""

    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """Every error of the API, as RFC 9457 has it (`application/problem+json`)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="For programs; does not change with the language.")
    detail = serializers.CharField(help_text="A sentence for people: what is wrong and what to do.")
    # DRF takes the field out of the class, so it does not hide the attribute of that name.
    errors = ProblemErrorSerializer(many=True)  # type: ignore[assignment]


class RegisterSerializer(serializers.Serializer[Any]):
    """A new person."""

    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=1000)
    full_name = serializers.CharField(max_length=150, required=False, allow_blank=True)


class RegisteredSerializer(serializers.Serializer[Any]):
    """The same answer whether the address is new or not."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    full_name = serializers.CharField()
    detail = serializers.CharField()


class LoginSerializer(serializers.Serializer[Any]):
    """Credentials."""

    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=1000)


class SecondFactorSerializer(serializers.Serializer[Any]):
    """The second step of a sign-in."""

    token = serializers.CharField(help_text="The `token` of the answer `mfa_required`.", max_length=100)
    code = serializers.CharField(help_text="Of the authenticator app, or a recovery code.", max_length=40)


class SecondFactorWantedSerializer(ProblemSerializer):
    """The password was right; a code is wanted."""

    token = serializers.CharField(help_text="Send it with the code to `/auth/mfa`.")
    methods = serializers.ListField(child=serializers.ChoiceField(["totp", "recovery_codes", "webauthn"]))
    expires_in = serializers.IntegerField(help_text="Seconds that the token is good for.")


class SwitchSerializer(serializers.Serializer[Any]):
    """Another company of the person."""

    company = serializers.UUIDField(help_text="Its id; see `/companies`.")


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token; it is good for one use."""

    refresh = serializers.CharField()


class KeySerializer(serializers.Serializer[Any]):
    """The last part of a link in a mail."""

    key = serializers.CharField()


class EmailSerializer(serializers.Serializer[Any]):
    """An address."""

    email = serializers.EmailField()


class NewPasswordSerializer(serializers.Serializer[Any]):
    """The last part of the link in the mail, and the new password."""

    key = serializers.CharField()
    password = serializers.CharField(trim_whitespace=False, max_length=1000)


class DetailSerializer(serializers.Serializer[Any]):
    """A sentence for people."""

    detail = serializers.CharField()


class PairSerializer(serializers.Serializer[Any]):
    """A new pair of tokens."""

    access = serializers.CharField(help_text="Good for 15 minutes: `Authorization: Bearer <access>`.")
    refresh = serializers.CharField(help_text="Good for 7 days and for one use.")


class PersonCompanySerializer(serializers.ModelSerializer[Company]):
    """The company that the person acts for."""

    role = serializers.SerializerMethodField()

    class Meta:
        model = Company
        fields = ["id", "name", "slug", "kind", "role"]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=Membership.Role.choices))
    def get_role(self, company: Company) -> str:
        return str(self.context["viewer"].role)


class PersonSerializer(serializers.ModelSerializer[User]):
    """A person, as the person sees it. The context holds the `viewer`."""

    company = serializers.SerializerMethodField()
    avatar_url = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "username",
            "full_name",
            "language",
            "time_zone",
            "avatar_url",
            "date_joined",
            "company",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_avatar_url(self, user: User) -> str | None:
        """The person's picture, for colleagues who are signed in to the pages; none is null."""
        if not user.avatar_version:
            return None
        path = reverse("avatar", kwargs={"user_id": user.pk, "version": user.avatar_version, "edge": 256})
        return f"{settings.PUBLIC_URL}{path}"

    @extend_schema_field(PersonCompanySerializer)
    def get_company(self, user: User) -> dict[str, Any]:
        return dict(PersonCompanySerializer(self.context["viewer"].company, context=self.context).data)


class ChangePersonSerializer(serializers.Serializer[Any]):
    """What a person may change about themself."""

    full_name = serializers.CharField(max_length=150, allow_blank=True, required=False)
    username = serializers.CharField(max_length=40, required=False)
    language = serializers.ChoiceField(choices=languages(), required=False)
    time_zone = serializers.CharField(max_length=63, required=False, help_text='A name such as "Europe/Kyiv".')

    def validate_username(self, value: str) -> str:
        try:
            return clean_username(value)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.message) from error

    def validate_time_zone(self, value: str) -> str:
        if value not in time_zones():
            raise serializers.ValidationError('This is not the name of a time zone, such as "Europe/Kyiv".')
        return value


class AvatarSerializer(serializers.Serializer[Any]):
    """A picture, and which square of it counts; the middle when nothing is said."""

    file = serializers.FileField()
    crop_x = serializers.FloatField(required=False, min_value=0, max_value=1, help_text="Left edge, share of width.")
    crop_y = serializers.FloatField(required=False, min_value=0, max_value=1, help_text="Upper edge, share of height.")
    crop_side = serializers.FloatField(
        required=False, min_value=0.01, max_value=1, help_text="Side, as a share of the picture's shorter one."
    )


class SessionSerializer(serializers.Serializer[Any]):
    """One browser or program that is signed in."""

    id = serializers.IntegerField()
    device = serializers.CharField(help_text='Such as "Firefox on Linux".')
    address = serializers.CharField(help_text="Where it was last seen from; may be empty.")
    began_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    is_current = serializers.BooleanField(help_text="Whether it is the one that asks.")


class SignedInSerializer(PairSerializer):
    """Tokens and whose they are."""

    user = PersonSerializer()


def person_of(viewer: Viewer) -> dict[str, Any]:
    """A person as JSON."""
    return dict(PersonSerializer(viewer.user, context={"viewer": viewer}).data)
