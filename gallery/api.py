"""The gallery in the API, over the services of the pages."""

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.viewer import Viewer, viewer_of
from config.base import limits
from gallery import binning, services
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.querysets import AssetQuerySet
from gallery.serializers import AssetSerializer, ImportSerializer, UploadSerializer

TAG = ["assets"]
NOT_YOURS = OpenApiResponse(
    OpenApiTypes.OBJECT, description="There is no such asset in your company. A problem document."
)
REFUSED = OpenApiResponse(
    OpenApiTypes.OBJECT,
    description="A problem document: `unsupported_picture`, `broken_picture`, `picture_too_large`, `upload_empty`, "
    "`upload_infected`; for "
    "an address also `import_refused`, `import_failed`, `import_timed_out`, `upload_too_large`.",
)
TOO_LARGE = OpenApiResponse(OpenApiTypes.OBJECT, description="More than 10 MB. A problem document: `upload_too_large`.")


class UploadsView(APIView):
    """Taking in pictures."""

    parser_classes = [MultiPartParser, JSONParser]

    @extend_schema(
        tags=TAG,
        summary="Upload a picture",
        description="Keeps a picture in your gallery; give its `id` as an input of a job. "
        "With `purpose=mask` it is kept for a job alone, as where a picture may change. "
        "The content decides what it is, never the name. A refused file leaves nothing behind. Instead of a file, JSON "
        "with the `url` of a picture may be sent, where this installation fetches from that site.",
        request={"multipart/form-data": UploadSerializer, "application/json": ImportSerializer},
        responses={201: AssetSerializer, 413: TOO_LARGE, 422: REFUSED},
    )
    def post(self, request: Request) -> Response:
        limits.count(request, "uploads")
        viewer = viewer_of(request)
        if request.content_type.startswith(JSONParser.media_type):
            form: BaseSerializer[Any] = ImportSerializer(data=request.data)
            form.is_valid(raise_exception=True)
            asset = services.import_picture(viewer=viewer, url=form.validated_data["url"])
        else:
            form = UploadSerializer(data=request.data)
            form.is_valid(raise_exception=True)
            is_mask = form.validated_data["purpose"] == "mask"
            take = services.upload_mask if is_mask else services.upload_picture
            asset = take(viewer=viewer, file=form.validated_data["file"])
        return Response(_serialize(asset, request, viewer), status=201)


class AssetsView(ListAPIView[Asset]):
    """The gallery."""

    serializer_class = AssetSerializer

    @extend_schema(tags=TAG, summary="List assets", description="Your company's assets, newest first, without the bin.")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> AssetQuerySet:
        if getattr(self, "swagger_fake_view", False):
            return Asset.objects.none()
        return Asset.objects.visible_to(viewer_of(self.request)).kept().shown().with_files()

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if not getattr(self, "swagger_fake_view", False):
            context["delivery"] = delivery_for(viewer_of(self.request))
        return context


class AssetView(APIView):
    """One asset."""

    @extend_schema(tags=TAG, summary="Get an asset", responses={200: AssetSerializer, 404: NOT_YOURS})
    def get(self, request: Request, asset_id: UUID) -> Response:
        viewer = viewer_of(request)
        return Response(_serialize(_get_asset(viewer, asset_id), request, viewer))

    @extend_schema(
        tags=TAG,
        summary="Delete an asset",
        description="Puts it into the bin, from where it can be restored for 30 days.",
        responses={204: OpenApiResponse(description="It is in the bin."), 404: NOT_YOURS},
    )
    def delete(self, request: Request, asset_id: UUID) -> Response:
        viewer = viewer_of(request)
        binning.bin_assets(viewer=viewer, ids=[_get_asset(viewer, asset_id).pk])
        return Response(status=204)


class RestoreView(APIView):
    """Out of the bin."""

    @extend_schema(
        tags=TAG,
        summary="Restore an asset",
        description="Takes it out of the bin. Restoring what is not in the bin changes nothing.",
        request=None,
        responses={200: AssetSerializer, 404: NOT_YOURS},
    )
    def post(self, request: Request, asset_id: UUID) -> Response:
        viewer = viewer_of(request)
        binning.restore_assets(viewer=viewer, ids=[asset_id])
        return Response(_serialize(_get_asset(viewer, asset_id), request, viewer))


def _get_asset(viewer: Viewer, asset_id: UUID) -> Asset:
    return get_object_or_404(Asset.objects.visible_to(viewer).kept().shown().with_files(), pk=asset_id)


def _serialize(asset: Asset, request: Request, viewer: Viewer) -> dict[str, Any]:
    context = {"request": request, "delivery": delivery_for(viewer)}
    return cast("dict[str, Any]", AssetSerializer(asset, context=context).data)
