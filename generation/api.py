"""The catalogue and jobs over HTTP; the same services as the pages."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.viewer import viewer_of
from billing.selectors import credits_of
from config.base import limits
from config.base.ids import uuid7
from config.base.pagination import NewestFirst
from config.base.refusal import Refusal
from gallery.delivery import delivery_for
from generation.models import AIModel, Job
from generation.pricing import price_of
from generation.requests import build_request
from generation.selectors import jobs_of, offered_models, outputs_of
from generation.serializers import (
    JobPriceSerializer,
    JobRequestSerializer,
    JobSerializer,
    JobStatusSerializer,
    ModelSerializer,
)
from generation.services import cancel_job, submit_job

KEY_LENGTH = 80
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Up to 80 characters. The same key with the same body returns the same job, charged once.",
)


class InvalidKey(Refusal):
    """An Idempotency-Key that is too long."""

    code = "invalid_idempotency_key"


class NotReady(Refusal):
    """The result of a job that has not ended yet."""

    code = "not_ready"
    status = 409


@extend_schema(tags=["models"], auth=[])
class ModelList(ListAPIView[AIModel]):
    """Models that may be chosen now, with price and parameters."""

    serializer_class = ModelSerializer
    permission_classes = [AllowAny]
    pagination_class = None

    def get_queryset(self) -> Any:
        """The offered rows of the catalogue."""
        return offered_models()


def _context(request: Request, jobs: Sequence[Job]) -> dict[str, Any]:
    viewer = viewer_of(request)
    assets = outputs_of(viewer, jobs)
    # Without a picture there is no address to make, and nobody needs the plan.
    delivery = delivery_for(viewer) if any(assets.values()) else None
    return {"request": request, "delivery": delivery, "assets": assets}


def _get_job(request: Request, job_id: UUID) -> Job:
    return get_object_or_404(jobs_of(viewer_of(request)), pk=job_id)


def _answer(request: Request, job: Job, *, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(JobSerializer(job, context=_context(request, [job])).data, status=status_code)


@extend_schema(tags=["jobs"])
class JobList(APIView):
    """Submit jobs and look back at them."""

    @extend_schema(operation_id="jobs_list", responses=JobSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The company's jobs, newest first, by cursor."""
        pages = NewestFirst()
        page = pages.paginate_queryset(jobs_of(viewer_of(request)), request, view=self) or []
        return pages.get_paginated_response(JobSerializer(page, many=True, context=_context(request, page)).data)

    @extend_schema(
        operation_id="jobs_create",
        request=JobRequestSerializer,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: JobSerializer, 200: JobPriceSerializer},
    )
    def post(self, request: Request) -> Response:
        """Hold the price and queue a job. With `dry_run`, check everything and answer the price only."""
        asked = JobRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        viewer = viewer_of(request)
        job_request = build_request(
            viewer=viewer,
            model=values["model"],
            task=values["task"],
            prompt=values["prompt"],
            params=values["parameters"],
            count=values["num_images"],
            seed=values["seed"],
            inputs=values["inputs"],
            mask=values["mask"],
            preset=values["preset"],
        )
        if values["dry_run"]:
            source = job_request.inputs[0] if job_request.inputs else None
            price = price_of(job_request.model, job_request.count, params=job_request.params, source=source)
            wallet = credits_of(viewer.company)
            affordable = wallet.unlimited or wallet.available >= price
            return Response({"credits": price, "available": wallet.available, "affordable": affordable})
        limits.count(request, "processing")
        job = submit_job(viewer=viewer, request=job_request, key=_key(request))
        return _answer(request, _get_job(request, job.pk), status_code=status.HTTP_201_CREATED)


def _key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > KEY_LENGTH:
        raise InvalidKey(_("The Idempotency-Key is longer than %(limit)d characters.") % {"limit": KEY_LENGTH})
    return key or str(uuid7())


@extend_schema(tags=["jobs"])
class JobDetail(APIView):
    """One job."""

    @extend_schema(operation_id="jobs_retrieve", responses=JobSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        """State, progress and, once done, outputs."""
        return _answer(request, _get_job(request, job_id))


@extend_schema(tags=["jobs"])
class JobStatus(APIView):
    """One job's state."""

    @extend_schema(operation_id="jobs_status", responses=JobStatusSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        """The little that a poller needs."""
        return Response(JobStatusSerializer(_get_job(request, job_id)).data)


@extend_schema(tags=["jobs"])
class JobResult(APIView):
    """One job's outputs."""

    @extend_schema(operation_id="jobs_result", responses={200: JobSerializer})
    def get(self, request: Request, job_id: UUID) -> Response:
        """The job once it has ended; 409 `not_ready` before."""
        job = _get_job(request, job_id)
        if job.is_active:
            raise NotReady(_("The job is not done yet: ask again, or listen to its events_url."), retry_after=1)
        return _answer(request, job)


@extend_schema(tags=["jobs"])
class JobCancel(APIView):
    """Stop one job."""

    @extend_schema(operation_id="jobs_cancel", request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: UUID) -> Response:
        """End a waiting job at once and ask a running one to stop; 409 when it is too late."""
        job = _get_job(request, job_id)
        cancel_job(job=job)
        return _answer(request, _get_job(request, job_id))
