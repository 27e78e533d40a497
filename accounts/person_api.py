"""A person's own picture and sessions in the API, over the services of the pages."""

from allauth.headless.tokens.strategies.jwt.internal import session_key_from_sid
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.avatars import crop_of, remove_avatar, set_avatar
from accounts.serializers import AvatarSerializer, PersonSerializer, ProblemSerializer, SessionSerializer, person_of
from accounts.sessions import end_other_sessions, end_session_of, sessions_of
from accounts.viewer import reader_of
from config.base import limits

_TAGS = ["People"]
_NOT_SIGNED_IN = OpenApiResponse(ProblemSerializer, "Not signed in")


class AvatarAPI(APIView):
    """The picture of the person who asks."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        tags=_TAGS,
        summary="Change my picture",
        request={"multipart/form-data": AvatarSerializer},
        responses={
            200: PersonSerializer,
            401: _NOT_SIGNED_IN,
            422: OpenApiResponse(ProblemSerializer, "`avatar_refused`, or what is wrong with the picture"),
        },
    )
    def put(self, request: Request) -> Response:
        viewer = reader_of(request)
        form = AvatarSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        limits.count(request, "uploads")
        data = form.validated_data
        set_avatar(user=viewer.user, file=data["file"], crop=crop_of(data), request=request._request)
        return Response(person_of(viewer))

    @extend_schema(
        tags=_TAGS,
        summary="Remove my picture",
        request=None,
        responses={204: OpenApiResponse(description="Removed."), 401: _NOT_SIGNED_IN},
    )
    def delete(self, request: Request) -> Response:
        remove_avatar(user=reader_of(request).user, request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionsAPI(APIView):
    """Where the person who asks is signed in."""

    @extend_schema(
        tags=_TAGS,
        summary="List my sessions",
        responses={200: SessionSerializer(many=True), 401: _NOT_SIGNED_IN},
    )
    def get(self, request: Request) -> Response:
        found = sessions_of(reader_of(request).user, current_key=_session_key(request))
        return Response(SessionSerializer(found, many=True).data)

    @extend_schema(
        tags=_TAGS,
        operation_id="users_me_sessions_destroy_others",
        summary="End all my other sessions",
        responses={204: OpenApiResponse(description="Ended at once."), 401: _NOT_SIGNED_IN},
    )
    def delete(self, request: Request) -> Response:
        user = reader_of(request).user
        end_other_sessions(user=user, current_key=_session_key(request), request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionAPI(APIView):
    """One of them."""

    @extend_schema(
        tags=_TAGS,
        summary="End one of my sessions",
        responses={
            204: OpenApiResponse(description="Ended at once."),
            401: _NOT_SIGNED_IN,
            404: OpenApiResponse(ProblemSerializer, "You have no such session"),
        },
    )
    def delete(self, request: Request, session_id: int) -> Response:
        if not end_session_of(user=reader_of(request).user, session_id=session_id, request=request._request):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


def _session_key(request: Request) -> str | None:
    """The session that a token belongs to, or that of the browser."""
    claims = request.auth if isinstance(request.auth, dict) else {}
    of_token = session_key_from_sid(claims["sid"]) if "sid" in claims else None
    return of_token or request._request.session.session_key
