"""The company's audit log for programs."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit_forms import AuditFilterForm
from accounts.audit_selectors import entries_visible_to, matching
from accounts.audit_words import Kind, sentence_of
from accounts.company_refusals import NotAllowed
from accounts.models import AuditEntry
from accounts.serializers import ProblemSerializer
from accounts.viewer import viewer_of


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One entry. `operator` was signed in as `actor`; `sentence` says it in words."""

    sentence = serializers.SerializerMethodField()

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "actor", "operator", "action", "target", "sentence", "address", "agent", "detail"]

    def get_sentence(self, entry: AuditEntry) -> str:
        return sentence_of(entry)


class AuditAPI(ListAPIView[AuditEntry]):
    """Who did what."""

    serializer_class = AuditEntrySerializer
    queryset = AuditEntry.objects.none()

    @extend_schema(
        tags=["Companies"],
        operation_id="companies_audit_list",
        summary="Read the audit log",
        description="For owners and admins, newest first: sign-ins, roles, keys, money, what operators did. Days are "
        "UTC's.",
        parameters=[
            OpenApiParameter("person", str, description="Address of who acted or of whom it was done to"),
            OpenApiParameter("kind", str, enum=Kind.values),
            OpenApiParameter("since", {"type": "string", "format": "date"}, description="First day"),
            OpenApiParameter("until", {"type": "string", "format": "date"}, description="Last day"),
        ],
        responses={
            200: AuditEntrySerializer(many=True),
            403: OpenApiResponse(ProblemSerializer, "`not_allowed`: your role, or your key, does not reach that far."),
            422: OpenApiResponse(ProblemSerializer, "A filter is wrong; `errors` says which."),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[AuditEntry]:
        """The entries that are asked for. Raises `NotAllowed`."""
        viewer = viewer_of(self.request)
        if not viewer.is_admin or not viewer.can("manage"):
            raise NotAllowed(_("Only owners and admins of the company can read its audit log."))
        form = AuditFilterForm(self.request.query_params)
        if not form.is_valid():
            raise ValidationError({name: [str(sentence) for sentence in found] for name, found in form.errors.items()})
        return matching(entries_visible_to(viewer), form.wanted)
