"""Money in the API, over the selectors of the pages."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.viewer import viewer_of
from billing.models import LedgerEntry
from billing.selectors import credits_of, ledger_of
from billing.serializers import CreditsSerializer, LedgerEntrySerializer
from config.base.pagination import NewestFirst

TAG = ["credits"]


class LatestEntryFirst(NewestFirst):
    """Entries in the order in which they changed the balance, the last first."""

    ordering = "-number"


class BalanceView(APIView):
    """The wallet."""

    @extend_schema(
        tags=TAG,
        summary="Get the balance",
        description="What your company owns, what of it is held for jobs under way, and what is left for new ones.",
        responses=CreditsSerializer,
        examples=[
            OpenApiExample(
                "One job of 4 credits under way",
                value={"balance": 100, "held": 4, "available": 96, "unlimited": False},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer the company's credits as of now."""
        return Response(CreditsSerializer(credits_of(viewer_of(request).company)).data)


class HistoryView(ListAPIView[LedgerEntry]):
    """The ledger."""

    serializer_class = LedgerEntrySerializer
    pagination_class = LatestEntryFirst

    @extend_schema(
        tags=TAG,
        summary="List changes of the balance",
        description="Every change of your company's balance, the latest first. What is only held is not here: "
        "it moves `held` of the balance, and comes here when it is spent.",
        examples=[
            OpenApiExample(
                "A picture paid for",
                value={
                    "id": "019a9f0e-6c1b-7d3a-8f2e-1b6a5c4d3e2f",
                    "kind": "settle",
                    "amount": -1,
                    "balance_after": 99,
                    "cause": "red fox in the snow",
                    "created_at": "2026-11-20T09:30:00Z",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one page of the ledger."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """The company's own ledger."""
        if getattr(self, "swagger_fake_view", False):
            return LedgerEntry.objects.none()
        return ledger_of(viewer_of(self.request).company)
