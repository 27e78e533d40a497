"""Companies over HTTP; the same services as the pages."""

from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import companies, invitations
from accounts.company_refusals import NotAllowed
from accounts.company_selectors import invitations_for, members_for, memberships_in
from accounts.company_serializers import (
    ChangeCompanySerializer,
    ChangeMemberSerializer,
    CompanySerializer,
    InvitationSerializer,
    InviteSerializer,
    MemberSerializer,
    NewCompanySerializer,
    PlaceSerializer,
    TokenSerializer,
)
from accounts.models import Company, Invitation, Membership, User
from accounts.serializers import ProblemSerializer
from accounts.viewer import Viewer, memberships_of, reader_of, viewer_of
from config.base import limits

_TAGS = ["Companies"]


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description)


_DENIED = _problem("`not_allowed`: your role, or your key, does not reach that far.")
_INVALID = _problem("Some of the input is wrong; `errors` says what.")
_MISSING = _problem("There is no such row in your company.")
_CONFLICT = _problem("`last_owner`, `personal_company`, `company_full` or `already_member`; nothing was changed.")


def _manager(request: Request) -> Viewer:
    """The viewer, whose way of signing in may manage; roles are the services' business."""
    return _managing(viewer_of(request))


def _managing(viewer: Viewer) -> Viewer:
    if not viewer.can("manage"):
        raise NotAllowed(_("This key may not manage the company. Use one with the scope `manage`."))
    return viewer


def _shown(viewer: Viewer) -> dict[str, Any]:
    company = Company.objects.get(pk=viewer.company.pk)
    company.used_seats = invitations.seats_used(company)  # type: ignore[attr-defined]
    return dict(CompanySerializer(company, context={"role": viewer.role}).data)


def _shown_member(viewer: Viewer, member_id: UUID) -> dict[str, Any]:
    place = memberships_in(viewer.company).get(pk=member_id)
    return dict(MemberSerializer(members_for(viewer, [place])[0]).data)


class CompaniesAPI(APIView):
    """Mine."""

    @extend_schema(tags=_TAGS, summary="List your companies", responses=PlaceSerializer(many=True))
    def get(self, request: Request) -> Response:
        viewer = viewer_of(request)
        return Response(PlaceSerializer(memberships_of(viewer.user), many=True).data)

    @extend_schema(
        tags=_TAGS,
        summary="Make a company",
        description="For several people, with a wallet of its own, no credits and the Free plan.",
        request=NewCompanySerializer,
        responses={201: PlaceSerializer, 403: _DENIED, 409: _problem("`too_many_companies`"), 422: _INVALID},
        examples=[OpenApiExample("A team", {"name": "Fox & Sons"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        viewer = _manager(request)
        data = NewCompanySerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = companies.create_team(user=viewer.user, name=data.validated_data["name"], request=request._request)
        place = Membership.objects.select_related("company").get(company=made, user=viewer.user)
        return Response(PlaceSerializer(place).data, status=status.HTTP_201_CREATED)


class CurrentCompanyAPI(APIView):
    """The one that I act for."""

    @extend_schema(tags=_TAGS, summary="The company that you act for", responses=CompanySerializer)
    def get(self, request: Request) -> Response:
        return Response(_shown(viewer_of(request)))

    @extend_schema(
        tags=_TAGS,
        summary="Change the company",
        description="Owners and admins. A domain is taken when somebody who runs the company has a confirmed address "
        "there, and it is no public mail host's.",
        request=ChangeCompanySerializer,
        responses={200: CompanySerializer, 403: _DENIED, 409: _CONFLICT, 422: _INVALID},
        examples=[OpenApiExample("Rename", {"name": "Fox & Daughters"}, request_only=True)],
    )
    def patch(self, request: Request) -> Response:
        viewer = _manager(request)
        data = ChangeCompanySerializer(data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        companies.update_company(viewer=viewer, request=request._request, **data.validated_data)
        return Response(_shown(viewer))


class MembersAPI(APIView):
    """Who belongs to it."""

    @extend_schema(
        tags=_TAGS,
        operation_id="companies_members_list",
        summary="List the members",
        responses=MemberSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        viewer = viewer_of(request)
        rows = members_for(viewer, list(memberships_in(viewer.company)))
        return Response(MemberSerializer(rows, many=True).data)


class MemberAPI(APIView):
    """One of them."""

    @extend_schema(
        tags=_TAGS,
        operation_id="companies_members_change",
        summary="Change a member's role or cap",
        description="Owners and admins; only owners change owners or make them. The last owner stays one.",
        request=ChangeMemberSerializer,
        responses={200: MemberSerializer, 403: _DENIED, 404: _MISSING, 409: _CONFLICT, 422: _INVALID},
        examples=[OpenApiExample("Cap", {"credit_cap": 500, "cap_period": "month"}, request_only=True)],
    )
    def patch(self, request: Request, member_id: UUID) -> Response:
        viewer = _manager(request)
        member = _own(viewer, member_id)
        data = ChangeMemberSerializer(data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        # Both or neither.
        with transaction.atomic():
            if {"credit_cap", "cap_period"} & set(wanted):
                companies.set_cap(
                    viewer=viewer,
                    member=member,
                    credit_cap=wanted.get("credit_cap", member.credit_cap),
                    cap_period=wanted.get("cap_period", member.cap_period),
                    request=request._request,
                )
            if "role" in wanted:
                companies.set_role(viewer=viewer, member=member, role=wanted["role"], request=request._request)
        return Response(_shown_member(viewer, member_id))

    @extend_schema(
        tags=_TAGS,
        operation_id="companies_members_remove",
        summary="Remove a member",
        description="What they made stays with the company; their keys for it end at once.",
        responses={204: OpenApiResponse(description="Removed."), 403: _DENIED, 404: _MISSING, 409: _CONFLICT},
    )
    def delete(self, request: Request, member_id: UUID) -> Response:
        viewer = _manager(request)
        companies.remove_member(viewer=viewer, member=_own(viewer, member_id), request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationsAPI(APIView):
    """Who is asked to."""

    @extend_schema(
        tags=_TAGS,
        operation_id="companies_invitations_list",
        summary="List the open invitations",
        description="For owners and admins; empty for others.",
        responses=InvitationSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(InvitationSerializer(invitations_for(viewer_of(request)), many=True).data)

    @extend_schema(
        tags=_TAGS,
        operation_id="companies_invitations_create",
        summary="Invite somebody",
        description="Sends a mail with a link that works for seven days, for that address only. Inviting an address "
        "again sends a new link; the old one is dead.",
        request=InviteSerializer,
        responses={
            201: InvitationSerializer,
            403: _DENIED,
            409: _CONFLICT,
            422: _INVALID,
            429: _problem("`sent_just_now` or `too_many_requests`; `Retry-After` says how many seconds to wait."),
            503: _problem("`mail_not_sent`: the invitation is kept; send it again."),
        },
        examples=[OpenApiExample("A member", {"email": "bob@example.com", "role": "member"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        viewer = _manager(request)
        data = InviteSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        limits.count(request._request, "invitations")
        sent = invitations.invite(viewer=viewer, request=request._request, **data.validated_data)
        return Response(InvitationSerializer(sent).data, status=status.HTTP_201_CREATED)


class InvitationAPI(APIView):
    """One of them."""

    @extend_schema(
        tags=_TAGS,
        operation_id="companies_invitations_revoke",
        summary="Take an invitation back",
        responses={204: OpenApiResponse(description="Taken back."), 403: _DENIED, 404: _MISSING},
    )
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        viewer = _manager(request)
        found = get_object_or_404(Invitation, pk=invitation_id, company=viewer.company)
        invitations.revoke(viewer=viewer, invitation=found, request=request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResendAPI(APIView):
    """Once more."""

    @extend_schema(
        tags=_TAGS,
        operation_id="companies_invitations_resend",
        summary="Send an invitation again",
        request=None,
        responses={200: InvitationSerializer, 403: _DENIED, 404: _MISSING, 429: _problem("`sent_just_now`")},
    )
    def post(self, request: Request, invitation_id: UUID) -> Response:
        viewer = _manager(request)
        found = get_object_or_404(Invitation, pk=invitation_id, company=viewer.company)
        limits.count(request._request, "invitations")
        sent = invitations.resend(viewer=viewer, invitation=found, request=request._request)
        return Response(InvitationSerializer(sent).data)


class AcceptAPI(APIView):
    """Yes."""

    @extend_schema(
        tags=_TAGS,
        summary="Accept an invitation",
        description="Of an address that you have confirmed. Afterwards switch to the company to act for it.",
        request=TokenSerializer,
        responses={
            200: PlaceSerializer,
            403: _problem("`wrong_address`"),
            404: _problem("`invitation_unknown`"),
            409: _problem("`company_full`"),
            410: _problem("`invitation_used`, `invitation_expired`, `invitation_revoked` or `company_inactive`"),
            422: _INVALID,
        },
        examples=[OpenApiExample("From the mail", {"token": "q5cBf…"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        _managing(reader_of(request))
        data = TokenSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        user = cast("User", request.user)
        place = invitations.accept(user=user, token=data.validated_data["token"], request=request._request)
        return Response(PlaceSerializer(Membership.objects.select_related("company").get(pk=place.pk)).data)


def _own(viewer: Viewer, member_id: UUID) -> Membership:
    return get_object_or_404(Membership.objects.select_related("user"), pk=member_id, company=viewer.company)
