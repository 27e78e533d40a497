"""API keys over HTTP; the same services as the page."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.keys import create_key, get_key, keys_visible_to, revoke_key
from accounts.models import ApiKey
from accounts.serializers import ProblemSerializer
from accounts.viewer import reader_of, viewer_of
from config.base.pagination import NewestFirst

_TAGS = ["API keys"]


class NewKeySerializer(serializers.Serializer[Any]):
    """A key to make."""

    name = serializers.CharField(max_length=80, help_text="For people: which program has it.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(ApiKey.Scope.choices),
        allow_empty=False,
        help_text="`read` looks, `generate` makes and spends, `manage` runs the company (owners and admins only).",
    )
    credit_cap = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        allow_null=True,
        default=None,
        help_text="Most credits that it may ever spend; none: no limit of its own.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="None: never.")

    def validate_name(self, value: str) -> str:
        return " ".join(value.split())


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key as it can be shown at any time."""

    user = serializers.CharField(source="user.email", help_text="The person for whom it acts.")

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "credit_cap",
            "user",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        ]
        read_only_fields = fields


class CreatedKeySerializer(ApiKeySerializer):
    """The answer that alone contains the secret."""

    secret = serializers.SerializerMethodField(help_text="Shown this once: `Authorization: Token <secret>`.")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, key: ApiKey) -> str:
        return str(self.context["secret"])


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description)


class KeysAPI(ListAPIView[ApiKey]):
    """Keys of the company."""

    serializer_class = ApiKeySerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[ApiKey]:
        return keys_visible_to(viewer_of(self.request))

    @extend_schema(
        tags=_TAGS,
        operation_id="api_keys_list",
        summary="List keys",
        description="Your own; for owners and admins all of the company, the newest first.",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        tags=_TAGS,
        operation_id="api_keys_create",
        summary="Make a key",
        description="The secret is in this answer and nowhere else. A key that makes keys needs the scope `manage`, "
        "and the new one may do, spend and last no more than itself.",
        request=NewKeySerializer,
        responses={
            201: CreatedKeySerializer,
            403: _problem("`plan_required`: the plan has no API access; `not_allowed`"),
            409: _problem("`too_many_keys`"),
            422: _problem("Some of the input is wrong; `errors` says what."),
        },
        examples=[
            OpenApiExample(
                "For a script",
                {"name": "Nightly pictures", "scopes": ["read", "generate"], "credit_cap": 500},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        asked = NewKeySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        key, secret = create_key(viewer=viewer_of(request), request=request._request, **asked.validated_data)
        answer = CreatedKeySerializer(key, context={"secret": secret})
        # No cache between us and the program keeps it.
        return Response(answer.data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class KeyAPI(APIView):
    """One key."""

    @extend_schema(
        tags=_TAGS,
        operation_id="api_keys_revoke",
        summary="Revoke a key",
        description="It opens nothing from now on. Revoking it again changes nothing.",
        responses={204: OpenApiResponse(description="Revoked."), 404: _problem("`not_found`")},
    )
    def delete(self, request: Request, key_id: UUID) -> Response:
        viewer = reader_of(request)
        revoke_key(viewer=viewer, key=get_key(viewer, key_id), request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)
