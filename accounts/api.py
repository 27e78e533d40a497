"""The API's sign-in family and `users/me`: thin translations of allauth and of our services."""

from typing import Any, cast

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts import doors, second_factor
from accounts.authentication import JWTAuthentication, TokenAuthentication
from accounts.limits import count
from accounts.models import User
from accounts.refusals import EmailUnverified, Inactive, InvalidRefreshToken, SignInOver
from accounts.serializers import (
    ChangePersonSerializer,
    DetailSerializer,
    EmailSerializer,
    KeySerializer,
    LoginSerializer,
    NewPasswordSerializer,
    PairSerializer,
    PersonSerializer,
    ProblemSerializer,
    RefreshSerializer,
    RegisteredSerializer,
    RegisterSerializer,
    SecondFactorSerializer,
    SecondFactorWantedSerializer,
    SignedInSerializer,
    SwitchSerializer,
    person_of,
)
from accounts.services import update_person
from accounts.tokens import TokenStrategy, accept_access, drop_session, end_session, switch_tokens
from accounts.viewer import reader_of, viewer_for
from config.base.ids import uuid7
from config.base.problem import CONTENT_TYPE, problem_body

_TAGS = ["Sign-in"]


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description)


_INVALID = _problem("Some of the input is wrong; `errors` says what.")
_TOO_MANY = _problem("Too many tries; `Retry-After` says how many seconds to wait.")


class _OpenDoor(APIView):
    """A door for those who are not signed in; an `Authorization` header is not looked at."""

    authentication_classes = []
    permission_classes = [AllowAny]
    input_class: type[Serializer[Any]]

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Keep the body: allauth's view reads it a second time."""
        _body = request.body
        return super().initialize_request(request, *args, **kwargs)

    def handle_exception(self, error: Exception) -> Response:
        """Every 401 says how one signs in (RFC 9110)."""
        response = super().handle_exception(error)
        if response.status_code == status.HTTP_401_UNAUTHORIZED:
            response["WWW-Authenticate"] = 'Bearer realm="api"'
        return response

    def valid(self, request: Request) -> dict[str, Any]:
        """The input, checked for its shape."""
        serializer = self.input_class(data=request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class RegisterAPI(_OpenDoor):
    """Sign up."""

    input_class = RegisterSerializer

    @extend_schema(
        tags=_TAGS,
        summary="Sign up",
        description="Makes a person with a personal company and sends a mail to confirm the address. An address that "
        "is here already gets the same answer, and its owner a mail that says so.",
        request=RegisterSerializer,
        responses={201: RegisteredSerializer, 422: _INVALID, 429: _TOO_MANY},
        examples=[
            OpenApiExample(
                "New person",
                {"email": "alice@example.com", "password": "a-dark-and-quiet-room", "full_name": "Alice Adams"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = self.valid(request)
        answer = doors.ask(doors.REGISTER, request, limit="signup")
        doors.refuse_errors(answer, request)
        body = {
            # Who signs up with a known address gets a key that leads nowhere, and so learns nothing.
            "id": answer.new_user.pk if answer.new_user else uuid7(),
            "email": data["email"].lower(),
            "full_name": data.get("full_name", ""),
            "detail": _("Look into your mail: open the link there to confirm your address, then sign in."),
        }
        return Response(RegisteredSerializer(body).data, status=status.HTTP_201_CREATED)


class LoginAPI(_OpenDoor):
    """Sign in."""

    input_class = LoginSerializer

    @extend_schema(
        tags=_TAGS,
        summary="Sign in",
        request=LoginSerializer,
        responses={
            200: SignedInSerializer,
            401: OpenApiResponse(
                SecondFactorWantedSerializer,
                "`invalid_credentials`; or `mfa_required`: the password was right, `/auth/mfa` takes the code.",
            ),
            403: _problem("`email_unverified`: another mail was sent; `inactive`: person or company is switched off."),
            422: _INVALID,
            429: _TOO_MANY,
        },
        examples=[
            OpenApiExample(
                "Demo account", {"email": "demo@darkroom.local", "password": "darkroom-demo"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = self.valid(request)
        answer = doors.ask(doors.LOGIN, request, limit="login")
        doors.refuse_errors(answer, request, email=data["email"])
        if "verify_email" in answer.flows:
            raise EmailUnverified(
                _("Confirm your address first: open the link in the mail that we sent you, then sign in again.")
            )
        if doors.MFA in answer.flows:
            return _wants_code(answer, User.objects.get_by_natural_key(data["email"]))
        return _signed_in(answer)


class SecondFactorAPI(_OpenDoor):
    """The second step of a sign-in."""

    input_class = SecondFactorSerializer

    @extend_schema(
        tags=_TAGS,
        summary="Finish signing in with a code",
        description="After `mfa_required`: the code of the authenticator app, or a recovery code, which is good once.",
        request=SecondFactorSerializer,
        responses={
            200: SignedInSerializer,
            401: _problem("`invalid_code`: try again; `sign_in_over`: begin with the password again."),
            422: _INVALID,
            429: _TOO_MANY,
        },
        examples=[OpenApiExample("Code of the app", {"token": "q5Zc…", "code": "123456"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        token = self.valid(request)["token"]
        count(request._request, "mfa", sentence=_("Too many tries in a short time. Wait a minute."))
        waiting = second_factor.find(token)
        if waiting is None:
            raise SignInOver(_("This sign-in took too long or was finished. Begin again with your password."))
        answer = doors.ask_for_second_factor(request, waiting)
        second_factor.finish(token)
        return _signed_in(answer)


def _wants_code(answer: doors.Answer, user: User) -> Response:
    """The password was right, and is not enough."""
    token = second_factor.begin(session_key=answer.meta["session_token"], user=user)
    body = problem_body(
        status=status.HTTP_401_UNAUTHORIZED,
        code="mfa_required",
        detail=_("Send the code of your second factor, with this token, to /api/v1/auth/mfa."),
    )
    body |= {"token": token, "methods": list(answer.factors), "expires_in": second_factor.WAITS_SECONDS}
    headers = {"WWW-Authenticate": 'Bearer realm="api"'}
    return Response(body, status=status.HTTP_401_UNAUTHORIZED, headers=headers, content_type=CONTENT_TYPE)


def _signed_in(answer: doors.Answer) -> Response:
    found = accept_access(answer.meta["access_token"]) if "access_token" in answer.meta else None
    viewer = viewer_for(found[0], company_id=found[1]["company"]) if found else None
    if viewer is None:
        raise Inactive(_("Your account or your company is not active. Write to us if that surprises you."))
    body = {"access": answer.meta["access_token"], "refresh": answer.meta["refresh_token"]}
    return Response(body | {"user": person_of(viewer)})


class RefreshAPI(_OpenDoor):
    """A new pair for a refresh token."""

    input_class = RefreshSerializer

    @extend_schema(
        tags=_TAGS,
        summary="Get a new pair of tokens",
        description="A refresh token is good for one use. One that comes back after it was used ends its session, "
        "and with it every token of that sign-in.",
        request=RefreshSerializer,
        responses={200: PairSerializer, 401: _problem("`invalid_refresh_token`"), 422: _INVALID, 429: _TOO_MANY},
        examples=[OpenApiExample("Refresh", {"refresh": "eyJhbGciOi…"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        data = self.valid(request)
        count(request._request, "refresh", sentence=_("Too many refreshes in a short time. Wait a minute."))
        pair = TokenStrategy().refresh_token(data["refresh"])
        if pair is None:
            raise InvalidRefreshToken(_("This refresh token was used or ended. Sign in again."))
        return Response({"access": pair[0], "refresh": pair[1]})


class LogoutAPI(APIView):
    """Sign out."""

    authentication_classes = [JWTAuthentication]

    @extend_schema(
        tags=_TAGS,
        summary="Sign out",
        description="Ends the session of the access token; it and its refresh token are dead at once.",
        request=None,
        responses={204: OpenApiResponse(description="Signed out."), 401: _problem("`invalid_token`")},
    )
    def post(self, request: Request) -> Response:
        end_session(cast("dict[str, Any]", request.auth))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SwitchAPI(APIView):
    """Act for another company."""

    authentication_classes = [TokenAuthentication]

    @extend_schema(
        tags=_TAGS,
        summary="Act for another of my companies",
        # The annotation knows names alone; the function takes requirements as they stand in the document.
        auth=[{"bearer": []}],  # type: ignore[list-item]
        description="A new pair of tokens, for that company; earlier refresh tokens of this sign-in end. Refreshing "
        "keeps the company.",
        request=SwitchSerializer,
        responses={
            200: SignedInSerializer,
            401: _problem("`invalid_token`"),
            403: _problem("`not_allowed`: not a company of yours; `company_inactive`"),
            422: _INVALID,
        },
        examples=[
            OpenApiExample("Switch", {"company": "0192d3a0-6a5e-7c3e-9a55-0d6f1f2b8c11"}, request_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        asked = SwitchSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        viewer, access, refresh = switch_tokens(
            payload=cast("dict[str, Any]", request.auth),
            company_id=asked.validated_data["company"],
            request=request._request,
        )
        return Response({"access": access, "refresh": refresh, "user": person_of(viewer)})


class VerifyEmailAPI(_OpenDoor):
    """Confirm an address."""

    input_class = KeySerializer

    @extend_schema(
        tags=_TAGS,
        summary="Confirm your address",
        request=KeySerializer,
        responses={200: DetailSerializer, 422: _problem("`invalid_key`"), 429: _TOO_MANY},
        examples=[OpenApiExample("Key from the mail", {"key": "MQ:1tPCs0:8q3F…"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        self.valid(request)
        count(request._request, "verify_email", sentence=_("Too many tries in a short time. Wait a minute."))
        answer = doors.ask(doors.VERIFY_EMAIL, request)
        doors.refuse_errors(answer, request)
        return Response({"detail": _("Your address is confirmed. You can sign in now.")})


class ResetPasswordAPI(_OpenDoor):
    """Ask for a link to reset the password."""

    input_class = EmailSerializer

    @extend_schema(
        tags=_TAGS,
        summary="Ask for a link to reset the password",
        description="The answer is the same whether there is such an account or not.",
        request=EmailSerializer,
        responses={202: DetailSerializer, 422: _INVALID, 429: _TOO_MANY},
        examples=[OpenApiExample("Address", {"email": "alice@example.com"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        data = self.valid(request)
        answer = doors.ask(doors.REQUEST_RESET, request, limit="reset_password", key=data["email"].lower())
        doors.refuse_errors(answer, request)
        detail = _("If there is an account with this address, a mail with a link is on its way.")
        return Response({"detail": detail}, status=status.HTTP_202_ACCEPTED)


class ConfirmResetAPI(_OpenDoor):
    """Choose a new password."""

    input_class = NewPasswordSerializer

    @extend_schema(
        tags=_TAGS,
        summary="Choose a new password",
        description="Ends every session of the account.",
        request=NewPasswordSerializer,
        responses={200: DetailSerializer, 422: _INVALID, 429: _TOO_MANY},
        examples=[
            OpenApiExample(
                "Key from the mail", {"key": "018f…-c9x2…", "password": "another-quiet-room"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        self.valid(request)
        answer = doors.ask(doors.RESET, request, limit="reset_password_from_key")
        doors.refuse_errors(answer, request)
        # allauth signed in; whoever wants tokens asks for them with the new password.
        if "session_token" in answer.meta:
            drop_session(answer.meta["session_token"])
        return Response({"detail": _("Your password is changed. You can sign in with it now.")})


class MeAPI(APIView):
    """The person who asks."""

    @extend_schema(
        tags=["People"], summary="Who am I", responses={200: PersonSerializer, 401: _problem("Not signed in")}
    )
    def get(self, request: Request) -> Response:
        return Response(person_of(reader_of(request)))

    @extend_schema(
        tags=["People"],
        summary="Change my names, language or time zone",
        request=ChangePersonSerializer,
        responses={200: PersonSerializer, 401: _problem("Not signed in"), 422: _INVALID},
        examples=[OpenApiExample("Move", {"time_zone": "Europe/Kyiv"}, request_only=True)],
    )
    def patch(self, request: Request) -> Response:
        viewer = reader_of(request)
        serializer = ChangePersonSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data:
            update_person(user=viewer.user, **serializer.validated_data)
        return Response(person_of(viewer))
