"""Prompts and styles over HTTP; the same functions as the pages."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.viewer import reader_of, viewer_of
from config.base import limits
from generation.models import Preset, PromptUse
from generation.prompting import history
from generation.prompting.enhancer import enhance
from generation.prompting.presets import offered_presets
from generation.prompting.random_prompt import random_prompt

TAG = ["prompts"]
SHOWN = 50
NOT_YOURS = OpenApiResponse(OpenApiTypes.OBJECT, description="There is no such prompt of yours. A problem document.")
REFUSED = OpenApiResponse(
    OpenApiTypes.OBJECT, description="A problem document: `invalid_prompt`, `prompt_denied`, `invalid_input`."
)
TOO_MANY = OpenApiResponse(OpenApiTypes.OBJECT, description="More than 20 a minute. A problem: `too_many_requests`.")


class PromptUseSerializer(serializers.ModelSerializer[PromptUse]):
    """A prompt that you used, how often and when last."""

    class Meta:
        model = PromptUse
        fields: ClassVar[list[str]] = ["id", "prompt", "count", "last_used_at"]


class PromptSerializer(serializers.Serializer[Any]):
    """A prompt."""

    prompt = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("A few words", request_only=True, value={"prompt": "a red fox"})])
class EnhanceSerializer(serializers.Serializer[Any]):
    """Words to say more of: up to 4 000 characters."""

    prompt = serializers.CharField(allow_blank=True)


class EnhancedSerializer(serializers.Serializer[Any]):
    """The new words, and who wrote them."""

    prompt = serializers.CharField()
    by = serializers.ChoiceField(
        choices=["openai", "together", "rules"], help_text="A language model's provider, or the rules of this product."
    )


class PresetSerializer(serializers.ModelSerializer[Preset]):
    """A style: `template` holds `{prompt}` for your words; `negative` is for models that take a negative prompt."""

    class Meta:
        model = Preset
        fields: ClassVar[list[str]] = ["slug", "name", "template", "negative"]


class PromptList(APIView):
    """What you used before."""

    @extend_schema(
        tags=TAG,
        operation_id="prompts_list",
        summary="List your prompts",
        description="Your own last 50 prompts in this company, last used first. Nobody else sees them.",
        responses=PromptUseSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        uses = history.recent(viewer_of(request), SHOWN)
        return Response(PromptUseSerializer(uses, many=True).data)


class PromptDetail(APIView):
    """One of them."""

    @extend_schema(
        tags=TAG,
        operation_id="prompts_destroy",
        summary="Forget a prompt",
        responses={204: OpenApiResponse(description="It is forgotten."), 404: NOT_YOURS},
    )
    def delete(self, request: Request, use_id: UUID) -> Response:
        if not history.forget(reader_of(request), use_id):
            raise Http404
        return Response(status=204)


class PromptEnhance(APIView):
    """Saying more."""

    @extend_schema(
        tags=TAG,
        operation_id="prompts_enhance",
        summary="Enhance a prompt",
        description="Adds what the prompt leaves open: by a language model where this installation has one, else by "
        "rules, which only add to your words. Free; 20 a minute.",
        request=EnhanceSerializer,
        responses={200: EnhancedSerializer, 422: REFUSED, 429: TOO_MANY},
    )
    def post(self, request: Request) -> Response:
        viewer_of(request)
        limits.count(request, "enhance")
        asked = EnhanceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        enhanced = enhance(asked.validated_data["prompt"])
        return Response({"prompt": enhanced.text, "by": enhanced.by})


class PromptRandom(APIView):
    """A surprise."""

    @extend_schema(
        tags=TAG,
        operation_id="prompts_random",
        summary="Get a random prompt",
        description="One of several million; another one with each request.",
        responses=PromptSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response({"prompt": random_prompt()})


class PresetList(ListAPIView[Preset]):
    """Styles that may be chosen now, in their order."""

    serializer_class = PresetSerializer
    permission_classes = [AllowAny]
    pagination_class = None

    def get_queryset(self) -> QuerySet[Preset]:
        """The active ones."""
        return offered_presets()

    @extend_schema(
        tags=TAG,
        auth=[],
        operation_id="presets_list",
        summary="List styles",
        description="Name one as `preset` of a job; its words are put around your prompt.",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The active styles."""
        return super().get(request, *args, **kwargs)
