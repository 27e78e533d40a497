"""A person's own data in the API, over the services of the pages."""

from django.http.response import HttpResponseBase
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import MeAPI
from accounts.deletions import request_account_deletion
from accounts.export_files import answer_with_export
from accounts.exports import key_to_fetch, newest_of, request_export
from accounts.models import User
from accounts.privacy_refusals import NoExport
from accounts.privacy_serializers import DeletePersonSerializer, DeletionSerializer, ExportSerializer
from accounts.proofs import prove
from accounts.serializers import ProblemSerializer
from accounts.viewer import reader_of
from config.base import limits

_TAGS = ["People"]


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description)


class PersonAPI(MeAPI):
    """The person who asks, and their end."""

    @extend_schema(
        tags=_TAGS,
        summary="Delete my account",
        description="After the grace period everything that is yours alone is deleted for good. Until then you can "
        "sign in on the website and keep the account. All sessions and tokens end at once, API keys are revoked.",
        request=DeletePersonSerializer,
        responses={
            202: DeletionSerializer,
            401: _problem("Not signed in"),
            403: _problem("`wrong_password`, `invalid_code` or `sign_in_again`: show that it is you"),
            409: _problem("`sole_owner`: hand your companies over or delete them first; `operator_account`"),
            422: _problem("Some of the input is wrong; `errors` says what."),
            429: _problem("Too many tries; `Retry-After` says how many seconds to wait."),
        },
        examples=[
            OpenApiExample(
                "With a password",
                {"email": "alice@example.com", "password": "a-dark-and-quiet-room"},
                request_only=True,
            )
        ],
    )
    def delete(self, request: Request) -> Response:
        user = _person(request)
        asked = DeletePersonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data["email"].lower() != user.email.lower():
            raise ValidationError({"email": [_("This is not the address of your account.")]})
        prove(request, user=user, password=asked.validated_data["password"], code=asked.validated_data["code"])
        at = request_account_deletion(user=user, request=request._request)
        detail = _("Your account is deleted on %(day)s. Sign in on the website before that day to keep it.")
        body = {"delete_after": at, "detail": detail % {"day": date_format(at, "DATE_FORMAT")}}
        return Response(DeletionSerializer(body).data, status=status.HTTP_202_ACCEPTED)


class ExportAPI(APIView):
    """The copy of everything that is the person's own."""

    @extend_schema(
        tags=_TAGS,
        summary="How far the copy of my data is",
        responses={200: ExportSerializer, 401: _problem("Not signed in"), 404: _problem("`no_export`")},
    )
    def get(self, request: Request) -> Response:
        export = newest_of(_person(request))
        if export is None:
            raise NoExport(_("You have not asked for a copy of your data yet."))
        return Response(ExportSerializer(export).data)

    @extend_schema(
        tags=_TAGS,
        summary="Ask for a copy of my data",
        description="A ZIP of rows as JSON and of files, made in the background; a mail tells when it is ready. Asking "
        "again while it is being made changes nothing.",
        request=None,
        responses={
            202: ExportSerializer,
            401: _problem("Not signed in"),
            429: _problem("`export_too_soon`: one copy a day"),
        },
    )
    def post(self, request: Request) -> Response:
        export = request_export(user=_person(request), request=request._request)
        return Response(ExportSerializer(export).data, status=status.HTTP_202_ACCEPTED)


class ExportFileAPI(APIView):
    """Its file."""

    @extend_schema(
        tags=_TAGS,
        summary="Fetch the copy of my data",
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            302: OpenApiResponse(description="Where files lie in a bucket: its own address, good for five minutes."),
            401: _problem("Not signed in"),
            404: _problem("`no_export`"),
            409: _problem("`export_not_ready`"),
            410: _problem("`export_gone`: each copy is kept for seven days"),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        user = _person(request)
        limits.count(request._request, "downloads")
        export = newest_of(user)
        key = key_to_fetch(user=user, export=export, request=request._request)
        assert export is not None  # noqa: S101 - else there is no key
        return answer_with_export(export, key)


def _person(request: Request) -> User:
    # Also one whom a smaller plan left without a seat: it is their own data.
    return reader_of(request).user
