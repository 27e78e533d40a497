"""Live schemas and prices of fal, read from a double that publishes them as fal does."""

from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from generation.catalogue import listed
from generation.catalogue.refresh import Refreshed, refresh_fal
from generation.catalogue.sync import sync_rows
from generation.models import AIModel
from generation.parameters import properties
from generation.providers.base import Gone, ProviderError, Retryable
from generation.providers.fal_endpoints import ENDPOINTS
from generation.providers.fal_listing import FalListing, ListingAccount
from generation.providers.transport import Limits
from tests.emulators.fal import FalEmulator
from tests.generation.seeded_rows import make_fresh

pytestmark = pytest.mark.django_db
QUICK = Limits(connect=0.5, read=0.4, write=0.5, total=0.8)
VEO = "fal-ai/veo3.1/fast"
DEV = "fal-ai/flux/dev"


@pytest.fixture(autouse=True)
def _fresh(db: None) -> None:
    make_fresh()


@pytest.fixture(scope="module")
def double() -> Iterator[FalEmulator]:
    with FalEmulator() as fal:
        yield fal


@pytest.fixture
def fal(double: FalEmulator, settings: Settings) -> FalEmulator:
    double.forget()
    settings.FAL_KEY = double.key
    settings.FAL_WEB_URL = settings.FAL_API_URL = f"{double.url}/"
    return double


@pytest.fixture
def listing(fal: FalEmulator) -> Iterator[FalListing]:
    with FalListing(limits=QUICK) as listing:
        yield listing


def refresh(*, dry_run: bool = False) -> Refreshed:
    with FalListing(limits=QUICK) as listing:
        return refresh_fal(listing, dry_run=dry_run)


def about(report: Refreshed, slug: str) -> list[str]:
    return [line for line in report.lines if f" {slug}: " in line]


def the(slug: str) -> AIModel:
    return AIModel.objects.get(slug=slug)


def rows() -> list[dict[str, Any]]:
    return list(AIModel.objects.order_by("slug").values())


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_every_endpoint_of_ours_is_described_with_the_fields_that_we_send(
    listing: FalListing, fal: FalEmulator
) -> None:
    for name, endpoint in ENDPOINTS.items():
        fields = listing.fields(name)
        assert {*endpoint.params.values(), *endpoint.inputs.values(), *endpoint.always} <= set(fields), name
    assert listing.fields(VEO)["duration"].values == ("4s", "6s", "8s")
    assert (listing.fields(DEV)["guidance_scale"].minimum, listing.fields(DEV)["guidance_scale"].maximum) == (1, 20)
    assert "square_hd" in (listing.fields(DEV)["image_size"].values or ())
    price = listing.price(VEO)
    assert (price.amount, price.unit, price.currency) == (Decimal("0.1"), "seconds", "USD")
    assert fal.leaks == 0


@pytest.mark.parametrize(
    ("fault", "expected"), [("500", Retryable), ("429", Retryable), ("hang", Retryable), ("drop", Retryable)]
)
def test_a_document_that_cannot_be_had_is_said_so(
    listing: FalListing, fal: FalEmulator, fault: str, expected: type[ProviderError]
) -> None:
    fal.hang = 0.8
    fal.fail_next(fault, on="schema")
    with pytest.raises(expected):
        listing.fields(DEV)
    fal.fail_next(fault, on="pricing")
    with pytest.raises(expected):
        listing.price(DEV)
    assert listing.fields(DEV)


def test_an_endpoint_that_is_gone_is_said_to_be(listing: FalListing, fal: FalEmulator) -> None:
    fal.listing.gone.add(DEV)
    with pytest.raises(Gone):
        listing.fields(DEV)
    with pytest.raises(Gone):
        listing.price(DEV)


# --- Prices -----------------------------------------------------------------------------------------------------------


def test_a_new_price_is_taken_over_and_survives_the_next_sync(fal: FalEmulator) -> None:
    refresh()
    fal.listing.prices[VEO] = (0.15, "seconds")
    assert about(refresh(), "veo-3-1-fast") == ["~ veo-3-1-fast: cost 0.10000 per second → 0.15 per second"]
    assert the("veo-3-1-fast").provider_cost == Decimal("0.15")
    report = sync_rows(listed())
    assert (the("veo-3-1-fast").provider_cost, report.changed, report.kept) == (Decimal("0.15"), {}, {})
    assert about(refresh(), "veo-3-1-fast") == []
    # And back to what the list says.
    fal.listing.prices.clear()
    refresh()
    assert the("veo-3-1-fast").provider_cost == Decimal("0.1")
    assert the("veo-3-1-fast").seeded.get("live") is None


def test_a_list_that_changes_later_wins_over_what_was_read(fal: FalEmulator) -> None:
    fal.listing.prices[VEO] = (0.15, "seconds")
    refresh()
    changed = [row | ({"provider_cost": Decimal("0.2")} if row["slug"] == "veo-3-1-fast" else {}) for row in listed()]
    sync_rows(changed)
    assert the("veo-3-1-fast").provider_cost == Decimal("0.2")


def test_an_operators_price_stays(fal: FalEmulator) -> None:
    AIModel.objects.filter(slug="veo-3-1-fast").update(provider_cost="0.08")
    fal.listing.prices[VEO] = (0.15, "seconds")
    assert "stay as an operator set them" in about(refresh(), "veo-3-1-fast")[0]
    assert the("veo-3-1-fast").provider_cost == Decimal("0.08")


def test_a_price_by_hand_keeps_its_unit(fal: FalEmulator) -> None:
    fal.listing.prices["fal-ai/image-apps-v2/outpaint"] = (0.03, "megapixels")
    AIModel.objects.filter(slug="fal-outpaint").update(fixed_price=5)
    assert "the price by hand is per output" in about(refresh(), "fal-outpaint")[0]
    assert the("fal-outpaint").unit == AIModel.Unit.OUTPUT
    AIModel.objects.filter(slug="fal-outpaint").update(fixed_price=None)
    refresh()
    assert (the("fal-outpaint").unit, the("fal-outpaint").provider_cost) == ("megapixel", Decimal("0.03"))


def test_where_we_choose_a_size_within_a_megapixel_its_price_is_an_outputs(fal: FalEmulator) -> None:
    fal.listing.prices["fal-ai/flux/schnell/redux"] = (0.02, "megapixels")
    refresh()
    rows = AIModel.objects.filter(slug__in=["flux-redux", "flux-dev", "flux-schnell"])
    assert {(row.slug, row.unit, row.provider_cost) for row in rows} == {
        ("flux-redux", "output", Decimal("0.02")),
        ("flux-dev", "output", Decimal("0.025")),
        ("flux-schnell", "output", Decimal("0.003")),
    }


@pytest.mark.parametrize(
    ("price", "unit"),
    [
        (0.00111, "compute seconds"),
        (1, "units"),
        (0.04, "seconds"),
        (0, "images"),
        (-1, "images"),
        (1e9, "images"),
        ("NaN", "images"),
    ],
)
def test_a_price_that_says_nothing_about_one_picture_is_told_and_not_taken(
    fal: FalEmulator, price: Any, unit: str
) -> None:
    fal.listing.prices[DEV] = (price, unit)
    before = the("flux-dev").provider_cost
    assert "not taken over" in about(refresh(), "flux-dev")[0]
    assert (the("flux-dev").provider_cost, the("flux-dev").unit) == (before, AIModel.Unit.OUTPUT)


def test_without_a_key_or_with_a_wrong_one_schemas_are_read_alone(fal: FalEmulator, settings: Settings) -> None:
    settings.FAL_KEY = ""
    report = refresh()
    assert ("Prices are not read: set FAL_KEY." in report.lines, report.failed) == (True, 0)
    assert fal.counts["prices"] == 0
    settings.FAL_KEY = "wrong"
    report = refresh()
    assert (report.failed, fal.counts["prices"]) == (1, 1)
    assert any("Check FAL_KEY" in line for line in report.lines)


# --- Choices and limits -----------------------------------------------------------------------------------------------


def test_choices_and_limits_are_narrowed_and_come_back(fal: FalEmulator) -> None:
    before = the("veo-3-1-fast").parameters
    fal.listing.fields[VEO] = {"duration": {"type": "string", "enum": ["6s", "8s"]}}
    fal.listing.fields[DEV] = {"num_inference_steps": {"type": "integer", "minimum": 1, "maximum": 20}}
    report = refresh()
    assert about(report, "veo-3-1-fast") == ["? veo-3-1-fast: duration: no more 4", "~ veo-3-1-fast: parameters"]
    duration = properties(the("veo-3-1-fast").parameters)["duration"]
    assert (duration["enum"], duration["default"]) == ([6, 8], 6)
    steps = properties(the("flux-dev").parameters)["steps"]
    assert (steps["maximum"], steps["default"], steps["title"]) == (20, 20, "Steps")
    assert (sync_rows(listed()).changed, properties(the("flux-dev").parameters)["steps"]) == ({}, steps)
    fal.listing.fields.clear()
    refresh()
    assert the("veo-3-1-fast").parameters == before


def test_factors_of_choices_that_are_gone_go_with_them(fal: FalEmulator) -> None:
    fal.listing.fields["wan/v2.6/text-to-video"] = {"resolution": {"type": "string", "enum": ["720p"]}}
    refresh()
    assert (the("wan-2-6").cost_factors, properties(the("wan-2-6").parameters)["resolution"]["enum"]) == ({}, ["720p"])
    fal.listing.fields.clear()
    refresh()
    assert the("wan-2-6").cost_factors == {"resolution": {"1080p": 1.5}}


def test_an_operators_parameters_stay(fal: FalEmulator) -> None:
    row = the("veo-3-1-fast")
    row.parameters["properties"]["duration"]["default"] = 8
    row.save()
    fal.listing.fields[VEO] = {"duration": {"type": "string", "enum": ["6s"]}}
    assert any("stay as an operator set them" in line for line in about(refresh(), "veo-3-1-fast"))
    assert the("veo-3-1-fast").parameters == row.parameters


def test_a_field_that_is_no_longer_listed_and_choices_all_gone_are_told(fal: FalEmulator) -> None:
    before = [the(slug).parameters for slug in ("flux-dev", "veo-3-1-fast")]
    fal.listing.fields[DEV] = {"guidance_scale": None, "num_inference_steps": {"type": "integer", "minimum": 90}}
    fal.listing.fields[VEO] = {"duration": {"type": "string", "enum": ["3s"]}}
    report = refresh()
    assert any("no field “guidance_scale”" in line for line in about(report, "flux-dev"))
    assert any("leave nothing" in line for line in about(report, "flux-dev"))
    assert any("none of our choices" in line for line in about(report, "veo-3-1-fast"))
    assert [the(slug).parameters for slug in ("flux-dev", "veo-3-1-fast")] == before


# --- Gone and back ----------------------------------------------------------------------------------------------------


def test_a_model_whose_endpoint_is_gone_is_switched_off_and_on_again(fal: FalEmulator) -> None:
    fal.listing.gone.add(DEV)
    assert about(refresh(), "flux-dev")[0].startswith("- flux-dev: switched off")
    assert (the("flux-dev").is_active, the("flux-dev").off_reason) == (
        False,
        "fal no longer has its endpoint fal-ai/flux/dev.",
    )
    sync_rows(listed())
    assert not the("flux-dev").is_active
    fal.listing.gone.clear()
    assert "switched on again" in about(refresh(), "flux-dev")[0]
    assert (the("flux-dev").is_active, the("flux-dev").off_reason) == (True, "")


def test_what_an_operator_switched_stays_as_it_is(fal: FalEmulator) -> None:
    AIModel.objects.filter(slug="flux-dev").update(is_active=False, off_reason="Too dear.")
    refresh()
    fal.listing.gone.add(DEV)
    refresh()
    fal.listing.gone.clear()
    refresh()
    assert (the("flux-dev").is_active, the("flux-dev").off_reason) == (False, "Too dear.")
    fal.listing.gone.add(VEO)
    refresh()
    AIModel.objects.filter(slug="veo-3-1-fast").update(is_active=True, off_reason="")
    assert "an operator switched it on again" in about(refresh(), "veo-3-1-fast")[0]
    assert the("veo-3-1-fast").is_active


# --- As a whole -------------------------------------------------------------------------------------------------------


def test_one_endpoint_that_cannot_be_read_stops_no_other(fal: FalEmulator) -> None:
    fal.listing.prices[VEO] = (0.15, "seconds")
    fal.fail_next("500", on="schema")
    fal.fail_next("429", on="pricing")
    report = refresh()
    assert report.failed == 2
    assert the("veo-3-1-fast").provider_cost == Decimal("0.15")


def test_a_dry_run_tells_the_same_and_changes_nothing(fal: FalEmulator) -> None:
    fal.listing.prices[VEO] = (0.15, "seconds")
    fal.listing.gone.add(DEV)
    before = rows()
    told = refresh(dry_run=True).lines
    assert rows() == before
    assert refresh().lines == told
    assert rows() != before


def test_an_unreadable_document_changes_nothing() -> None:
    account = ListingAccount(key="k", web_url="http://127.0.0.1:9", api_url="http://127.0.0.1:9")
    before = rows()
    with FalListing(account, limits=QUICK) as listing:
        report = refresh_fal(listing)
    assert report.failed == 2 * report.models
    assert rows() == before


def test_the_command_reads_and_tells(fal: FalEmulator) -> None:
    fal.listing.prices[VEO] = (0.15, "seconds")
    out = StringIO()
    call_command("sync_catalogue", "--refresh", "fal", stdout=out)
    assert "~ veo-3-1-fast: cost 0.10000 per second → 0.15 per second" in out.getvalue()
    assert "models read, 0 readings failed." in out.getvalue()
    fal.fail_next("500", on="schema")
    with pytest.raises(CommandError):
        call_command("sync_catalogue", "--refresh", "fal", stdout=out)
