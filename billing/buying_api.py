"""Plans, subscriptions and payments over HTTP; the same services as the pages."""

from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.company_refusals import NotAllowed
from accounts.serializers import ProblemSerializer
from accounts.viewer import viewer_of
from billing import buying
from billing.buying_serializers import (
    AddressSerializer,
    CatalogueSerializer,
    ChangeSerializer,
    CheckoutSerializer,
    PaymentSerializer,
    SubscriptionSerializer,
    WantedPackSerializer,
    WantedPlanSerializer,
)
from billing.models import Payment
from billing.offers import offered_plans, pack_offers
from billing.replays import once
from billing.standing import payments_for, sees_payments, standing_of
from config.base import limits
from config.base.pagination import NewestFirst

TAG = ["subscriptions"]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="Up to 80 characters. The same key with the same body gets the same answer for a day.",
)
CURRENT: dict[str, Any] = {
    "plan": "pro",
    "plan_name": "Pro",
    "status": "active",
    "source": "stripe",
    "interval": "month",
    "period_start": "2026-11-01T09:00:00Z",
    "period_end": "2026-12-01T09:00:00Z",
    "renews_at": "2026-12-01T09:00:00Z",
    "ends_at": None,
    "grace_until": None,
    "next_plan": None,
}


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description)


REFUSED: dict[int, Any] = {
    400: _problem("`invalid_idempotency_key`"),
    403: _problem("`not_allowed`: only owners and admins buy."),
    409: _problem("`not_for_sale`, `already_subscribed`, `not_subscribed`, `payment_due`; nothing was changed."),
    422: _problem("`invalid_input`, `idempotency_key_reused`"),
    503: _problem("`payments_not_set_up`"),
}
CHECKOUT_PAGE = OpenApiExample(
    "A page to pay at", value={"url": "https://checkout.stripe.com/c/pay/cs_live_…"}, response_only=True
)


class PlansView(APIView):
    """What is sold."""

    permission_classes = [AllowAny]

    @extend_schema(
        tags=TAG,
        auth=[],
        summary="List plans and packs",
        description="What is offered now, the smallest first. For everybody.",
        responses=CatalogueSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer the offered plans and packs."""
        packs = [offer.pack for offer in pack_offers()]
        return Response(CatalogueSerializer({"plans": offered_plans(), "packs": packs}).data)


class CurrentView(APIView):
    """The company's subscription."""

    @extend_schema(
        tags=TAG,
        summary="Get the subscription",
        description="Which plan your company is on, until when, and what comes then.",
        responses=SubscriptionSerializer,
        examples=[OpenApiExample("Paid by the month", value=CURRENT, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Answer where the company stands."""
        return Response(SubscriptionSerializer(standing_of(viewer_of(request).company)).data)


class CheckoutView(APIView):
    """Begin to pay for a plan or a pack."""

    @extend_schema(
        tags=TAG,
        summary="Buy a plan or a pack",
        description="Answers a page for the person to pay at; nothing is bought before it is paid there. Who pays for "
        "a plan already changes it with `upgrade`.",
        parameters=[IDEMPOTENCY_KEY],
        request=CheckoutSerializer,
        responses={201: AddressSerializer, **REFUSED},
        examples=[
            OpenApiExample("A plan", value={"plan": "pro", "interval": "year"}, request_only=True),
            OpenApiExample("A pack", value={"pack": "pack-500"}, request_only=True),
            CHECKOUT_PAGE,
        ],
    )
    def post(self, request: Request) -> Response:
        """Answer the address of the payment page."""
        return _checkout(request, CheckoutSerializer(data=request.data))


class PurchaseView(APIView):
    """Begin to pay for a pack."""

    @extend_schema(
        tags=["credits"],
        summary="Buy credits",
        description="Answers a page for the person to pay at. The credits come when it is paid, and do not expire.",
        parameters=[IDEMPOTENCY_KEY],
        request=WantedPackSerializer,
        responses={201: AddressSerializer, **REFUSED},
        examples=[OpenApiExample("500 credits", value={"pack": "pack-500"}, request_only=True), CHECKOUT_PAGE],
    )
    def post(self, request: Request) -> Response:
        """Answer the address of the payment page."""
        return _checkout(request, WantedPackSerializer(data=request.data))


CHANGED: dict[str, Any] = {
    "plan": "pro",
    "interval": "month",
    "is_now": True,
    "at": None,
    "cents_now": 1333,
    "is_estimate": False,
    "cents_later": 2999,
}


class UpgradeView(APIView):
    """Change the plan, and what that would cost."""

    @extend_schema(
        tags=TAG,
        summary="Preview a change of plan",
        description="What `upgrade` with the same plan and interval would charge now, or mean later; nothing is done.",
        parameters=[WantedPlanSerializer],
        responses={200: ChangeSerializer, 403: REFUSED[403], 409: REFUSED[409], 422: _problem("`invalid_input`")},
        examples=[OpenApiExample("At once", value=CHANGED, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Answer what the change would mean."""
        asked = WantedPlanSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        viewer = viewer_of(request)
        limits.count(request, "buying")
        return Response(ChangeSerializer(buying.plan_change(viewer=viewer, **asked.validated_data)).data)

    @extend_schema(
        tags=TAG,
        summary="Change the plan",
        description="A larger plan begins at once, and the difference is charged; a card that is declined changes "
        "nothing. A smaller one waits until what is paid for ends.",
        parameters=[IDEMPOTENCY_KEY],
        request=WantedPlanSerializer,
        responses={200: ChangeSerializer, 402: _problem("The card was declined."), **REFUSED},
        examples=[
            OpenApiExample("To Pro", value={"plan": "pro", "interval": "month"}, request_only=True),
            OpenApiExample("At once", value=CHANGED, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Change it and answer what that did."""
        asked = WantedPlanSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        viewer, values = viewer_of(request), asked.validated_data
        limits.count(request, "buying")

        def do() -> dict[str, Any]:
            change = buying.change_plan(viewer=viewer, request=request._request, **values)
            return dict(ChangeSerializer(change).data)

        return Response(once(viewer=viewer, key=_key(request), body={"upgrade": dict(asked.data)}, do=do))


class CancelView(APIView):
    """End the subscription."""

    @extend_schema(
        tags=TAG,
        summary="Cancel the subscription",
        description="It goes on until what is paid for ends; nothing that was made is deleted. Again: changes nothing.",
        request=None,
        responses={200: SubscriptionSerializer, 403: REFUSED[403], 409: REFUSED[409]},
        examples=[
            OpenApiExample(
                "Cancelled",
                value={**CURRENT, "renews_at": None, "ends_at": "2026-12-01T09:00:00Z"},
                response_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Cancel and answer where the company stands then."""
        limits.count(request, "buying")
        standing = buying.cancel(viewer=viewer_of(request), request=request._request)
        return Response(SubscriptionSerializer(standing).data)


class PortalView(APIView):
    """Stripe's page for card, addresses and invoices."""

    @extend_schema(
        tags=TAG,
        summary="Manage cards and invoices",
        description="Answers a page of Stripe's for the person to open.",
        request=None,
        responses={201: AddressSerializer, 403: REFUSED[403], 409: REFUSED[409]},
        examples=[
            OpenApiExample("The portal", value={"url": "https://billing.stripe.com/p/session/…"}, response_only=True)
        ],
    )
    def post(self, request: Request) -> Response:
        """Answer the address of the page."""
        limits.count(request, "buying")
        return Response(_address(buying.manage(viewer=viewer_of(request))), status=status.HTTP_201_CREATED)


class PaymentsView(ListAPIView[Payment]):
    """Invoices and purchases."""

    serializer_class = PaymentSerializer
    pagination_class = NewestFirst

    @extend_schema(
        tags=["billing"],
        summary="List payments",
        description="Invoices and purchases of your company, the newest first; for owners and admins.",
        responses={200: PaymentSerializer(many=True), 403: REFUSED[403]},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one page of payments."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Payment]:
        """The company's own payments."""
        if getattr(self, "swagger_fake_view", False):
            return Payment.objects.none()
        viewer = viewer_of(self.request)
        if not sees_payments(viewer):
            raise NotAllowed(_("Only owners and admins of the company see its invoices. Ask one of them."))
        return payments_for(viewer)


def _checkout(request: Request, asked: CheckoutSerializer | WantedPackSerializer) -> Response:
    asked.is_valid(raise_exception=True)
    viewer, values = viewer_of(request), asked.validated_data
    limits.count(request, "buying")

    def do() -> dict[str, Any]:
        if pack := values.get("pack"):
            return _address(buying.buy_pack(viewer=viewer, pack=pack))
        return _address(buying.buy_plan(viewer=viewer, plan=values["plan"], interval=values["interval"]))

    answer = once(viewer=viewer, key=_key(request), body={"checkout": request.data}, do=do)
    return Response(answer, status=status.HTTP_201_CREATED)


def _address(url: str) -> dict[str, str]:
    return {"url": urljoin(settings.PUBLIC_URL, url)}


def _key(request: Request) -> str:
    return request.headers.get("Idempotency-Key", "")
