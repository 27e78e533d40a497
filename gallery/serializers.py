"""Assets in the API."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from gallery.delivery import Delivery
from gallery.models import Asset

EXAMPLE = {
    "id": "0193a5d2-7c1e-7b3a-9f00-5d2c8a1e4b77",
    "kind": "image",
    "origin": "made",
    "url": "https://darkroom.example/f/WyIw….Qm9v…/darkroom-red-fox-in-the-snow-42.png",
    "thumbnail_url": "https://darkroom.example/f/WyIx….YmFy…/darkroom-red-fox-in-the-snow-42.webp",
    "width": 1024,
    "height": 1024,
    "seconds": None,
    "faces": None,
    "mime": "image/png",
    "bytes": 1382042,
    "prompt": "red fox in the snow",
    "task": "text-to-image",
    "model": "Local studio · Scene",
    "params": {"aspect_ratio": "1:1"},
    "seed": 42,
    "credits": 1,
    "parents": [],
    "created_at": "2026-11-20T12:00:00Z",
}


@extend_schema_serializer(examples=[OpenApiExample("A made picture", value=EXAMPLE, response_only=True)])
class AssetSerializer(serializers.ModelSerializer[Asset]):
    """One asset. Its context holds the `request` and one `delivery` for all rows; renditions are fetched before."""

    url = serializers.SerializerMethodField(
        help_text="The picture, video or 3D model itself; signed, works for one to two hours. "
        "Empty when your plan has no copy of it."
    )
    thumbnail_url = serializers.SerializerMethodField(
        help_text="WebP, long edge 640 pixels, of a video or 3D model a poster; signed like `url`. Empty for masks."
    )
    seconds = serializers.FloatField(read_only=True, allow_null=True, help_text="Of a video, how long it lasts.")
    faces = serializers.IntegerField(read_only=True, allow_null=True, help_text="Of a 3D model, its triangles.")
    mime = serializers.CharField(read_only=True, help_text="Type of what is at `url`.")
    model = serializers.CharField(source="model_name", read_only=True, help_text="Empty for uploads.")
    params = serializers.JSONField(read_only=True, help_text="What it was made with, besides prompt and seed.")

    class Meta:
        model = Asset
        fields = (
            "id",
            "kind",
            "origin",
            "url",
            "thumbnail_url",
            "width",
            "height",
            "seconds",
            "faces",
            "mime",
            "bytes",
            "prompt",
            "task",
            "model",
            "params",
            "seed",
            "credits",
            "parents",
            "created_at",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, asset: Asset) -> str:
        return self._absolute(self._delivery().url(asset))

    @extend_schema_field(OpenApiTypes.URI)
    def get_thumbnail_url(self, asset: Asset) -> str:
        return self._absolute(self._delivery().thumbnail(asset, 640))

    def _delivery(self) -> Delivery:
        delivery: Delivery = self.context["delivery"]
        return delivery

    def _absolute(self, path: str) -> str:
        request: HttpRequest = self.context["request"]
        return request.build_absolute_uri(path) if path else ""


class ImportSerializer(serializers.Serializer[Any]):
    """A picture to fetch, as JSON."""

    url = serializers.CharField(
        max_length=2000,
        help_text="Where the picture is, on a host that this installation fetches from; https only, up to 10 MB.",
    )


class UploadSerializer(serializers.Serializer[Any]):
    """A picture to take in, as `multipart/form-data`."""

    file = serializers.FileField(
        allow_empty_file=True,
        max_length=1000,
        help_text="JPEG, PNG, WebP, HEIC or AVIF by content, up to 10 MB and 50 megapixels. Its orientation is "
        "applied; location and other metadata are removed. HEIC and AVIF are kept as JPEG (WebP where transparent).",
    )
    purpose = serializers.ChoiceField(
        choices=[("input", "input"), ("mask", "mask")],
        default="input",
        help_text="`mask`: where a picture may change. White may, black stays; of a drawing on transparent ground, "
        "what was drawn may. Of the same size as the picture; listed nowhere and gone after 30 days.",
    )
