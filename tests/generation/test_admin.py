"""Operators at the catalogue: rows that are checked, prices and margins, probes, endpoints of their own, alerts."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.models import AuditEntry, User
from accounts.viewer import Viewer
from config.base.crypto import decrypt
from generation import pipeline
from generation.margins import examples_of, last_month, margin_of, margins_by_model
from generation.models import AIModel, CustomProvider, Job, JobOutput, ProviderAlert, ProviderCall, Task
from generation.parameters import complete
from tests.factories.accounts import PersonFactory
from tests.factories.generation import submit
from tests.personas import browser_of


@pytest.fixture
def operator(bob: User) -> Client:
    """Bob, who runs the place."""
    User.objects.filter(pk=bob.pk).update(is_staff=True, is_superuser=True)
    bob.refresh_from_db()
    return browser_of(bob)


def the(slug: str) -> AIModel:
    return AIModel.objects.get(slug=slug)


def change_page(row: AIModel | CustomProvider) -> str:
    return reverse(f"admin:generation_{row._meta.model_name}_change", args=[row.pk])


def filled(client: Client, address: str, **changes: Any) -> dict[str, Any]:
    """What the form at an address holds, as a browser would send it back, but for `changes`."""
    form = client.get(address).context["adminform"].form
    data: dict[str, Any] = {}
    for name, field in form.fields.items():
        value = form.get_initial_for_field(field, name)
        if isinstance(value, dict | list) and name in ("parameters", "cost_factors"):
            value = json.dumps(value)
        elif isinstance(value, list):
            value = [str(getattr(each, "pk", each)) for each in value]
        if value not in (None, False):
            data[name] = "on" if value is True else value
    data |= changes
    return {name: value for name, value in data.items() if value is not None}


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def noted(target: str) -> list[str]:
    return list(AuditEntry.objects.filter(target=target).order_by("id").values_list("action", flat=True))


# --- A row ------------------------------------------------------------------------------------------------------------


def test_a_row_is_changed_and_the_change_is_noted(operator: Client) -> None:
    row = the("flux-dev")
    answer = operator.post(change_page(row), filled(operator, change_page(row), markup="4", off_reason="Too dear."))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row.refresh_from_db()
    assert (row.markup, row.off_reason) == (Decimal(4), ""), "one that is on has no reason to be off"
    assert noted("flux-dev") == ["model.changed"]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("json", {"parameters": "{"}, "parameters"),
    ("schema", {"parameters": json.dumps({"type": "object", "properties": {"a": {"type": "odd"}}})}, "parameters"),
    (
        "not-offered",
        {"parameters": json.dumps({"type": "object", "properties": {"a": {"type": "array"}}})},
        "parameters",
    ),
    ("factor", {"cost_factors": json.dumps({"quality": {"high": 2}})}, "cost_factors"),
    ("cost", {"provider_cost": "-1"}, "provider_cost"),
    ("seconds", {"unit": "second"}, "unit"),
    ("provider", {"provider": "nobody"}, "provider"),
    ("endpoint", {"endpoint": "fal-ai/unheard-of"}, "endpoint"),
    ("sides", {"min_side": "100", "max_side": "50"}, "max_side"),
    ("none-at-a-time", {"outputs_allowed": "0"}, "outputs_allowed"),
]


@pytest.mark.parametrize(("changes", "field"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_row_that_is_wrong_is_refused_at_the_field_and_stays(
    operator: Client, changes: dict[str, Any], field: str
) -> None:
    row = the("flux-dev")
    before = AIModel.objects.filter(pk=row.pk).values().get()
    answer = operator.post(change_page(row), filled(operator, change_page(row), **changes))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert AIModel.objects.filter(pk=row.pk).values().get() == before
    assert noted("flux-dev") == []


def test_equivalents_of_another_task_are_refused(operator: Client) -> None:
    row = the("flux-dev")
    data = filled(operator, change_page(row), equivalents=[str(the("flux-kontext").pk)])
    answer = operator.post(change_page(row), data)
    assert "These do another task: FLUX.1 Kontext pro." in text_of(answer)


def test_what_came_with_the_installation_cannot_be_deleted_but_an_own_row_can(operator: Client) -> None:
    own = AIModel.objects.create(slug="own", name="Own", provider="fal", endpoint="x", task=Task.EDIT)
    for row, status in ((the("flux-dev"), 403), (own, 302)):
        address = reverse("admin:generation_aimodel_delete", args=[row.pk])
        assert operator.post(address, {"post": "yes"}).status_code == status
    assert not AIModel.objects.filter(slug="own").exists()


def test_models_are_switched_on_and_off_from_the_list(operator: Client) -> None:
    address = reverse("admin:generation_aimodel_changelist")
    chosen = {"_selected_action": [str(the("flux-dev").pk), str(the("flux-2").pk)]}
    operator.post(address, {"action": "switch_off"} | chosen)
    assert [the(slug).is_active for slug in ("flux-dev", "flux-2", "flux-schnell")] == [False, False, True]
    AIModel.objects.filter(slug="flux-2").update(off_reason="Gone.")
    operator.post(address, {"action": "switch_on"} | chosen)
    assert (the("flux-2").is_active, the("flux-2").off_reason) == (True, "")
    assert noted("flux-2") == ["model.off", "model.on"]


def test_the_list_says_why_a_model_is_not_offered(operator: Client, settings: Settings) -> None:
    settings.FAL_KEY, settings.REPLICATE_API_TOKEN = "k", ""
    AIModel.objects.filter(slug="flux-dev").update(is_active=False, off_reason="fal no longer has it.")
    gone = CustomProvider.objects.create(slug="shed", name="Shed", base_url="https://shed.example/v1", is_active=False)
    AIModel.objects.create(slug="shed-1", name="Shed 1", provider=gone.provider_name, endpoint="x", task=Task.EDIT)
    address = reverse("admin:generation_aimodel_changelist")
    page = text_of(operator.get(address))
    for sentence in (
        "fal no longer has it.",
        "Set REPLICATE_API_TOKEN.",
        "Its custom provider is inactive.",
    ):
        assert sentence in page, sentence
    offered = {row.slug for row in operator.get(address, {"offered": "yes"}).context["cl"].queryset}
    missing = {row.slug for row in operator.get(address, {"offered": "no"}).context["cl"].queryset}
    assert "flux-schnell" in offered
    assert {"flux-dev", "replicate-flux-dev", "shed-1"} <= missing
    assert not offered & missing


def test_the_list_takes_as_many_queries_for_many_models(operator: Client) -> None:
    address = reverse("admin:generation_aimodel_changelist")
    operator.get(address)
    counts = {}
    for term in ("flux-schnell", ""):
        with CaptureQueriesContext(connection) as captured:
            found = operator.get(address, {"q": term}).context["cl"].result_count
        counts[found] = len(captured)
    assert len(counts) == 2
    assert len(set(counts.values())) == 1


# --- Price and margin -------------------------------------------------------------------------------------------------


def example(slug: str, label: str) -> tuple[str, int, str, int | None]:
    found = next(row for row in examples_of(the(slug)) if row.label == label)
    return f"{found.cost.normalize():f}", found.credits, f"{found.revenue:.2f}", found.margin_percent


@pytest.mark.django_db
def test_each_choice_has_its_price_and_margin() -> None:
    assert example("wan-2-6", "as it is set at first") == ("0.5", 175, "1.75", 71)
    assert example("wan-2-6", "Seconds: 10") == ("1", 350, "3.50", 71)
    assert example("wan-2-6", "Resolution: 1080p") == ("0.75", 262, "2.62", 71)
    assert example("clarity", "picture of 2 MP") == ("0.24", 84, "0.84", 71)
    assert example("clarity", "Times larger: 4, picture of 1 MP") == ("0.48", 168, "1.68", 71)
    assert len(examples_of(the("flux-schnell"))) == 1


@pytest.mark.django_db
def test_a_mesh_at_a_tenth_of_a_dollar_has_the_prices_of_the_plan() -> None:
    model = AIModel(
        task=Task.IMAGE_TO_3D,
        provider_cost=Decimal("0.10"),
        markup=Decimal("3.5"),
        parameters=the("tripo-2-5").parameters,
        cost_factors={"quality": {"medium": 1.5, "high": 2}},
    )
    assert [row.credits for row in examples_of(model)] == [35, 52, 70]


def test_a_loss_is_shown_as_one(operator: Client) -> None:
    AIModel.objects.filter(slug="flux-dev").update(fixed_price=1)
    page = text_of(operator.get(change_page(the("flux-dev"))))
    assert "-150 %" in page
    assert margin_of(Decimal(0), Decimal(1)) is None


def test_what_models_earned_is_counted_in_two_queries(
    maker: Viewer, operator: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    name = f"Counted {uuid4().hex[:8]}"
    model = AIModel.objects.create(
        slug=uuid4().hex, name=name, provider="local", endpoint="scenes", task="text-to-image", is_active=False
    )
    jobs = [submit(maker), submit(maker), submit(maker)]
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(
        model=model, state="succeeded", finished_at=timezone.now(), credits=10
    )
    Job.objects.filter(pk=jobs[2].pk).update(is_probe=True)
    JobOutput.objects.filter(job__in=jobs).update(state="delivered")
    for job in jobs:
        ProviderCall.objects.create(job=job, attempt=1, provider="local", cost=Decimal("0.02"))
    with django_assert_num_queries(2):
        rows = margins_by_model(*last_month())
    [row] = [row for row in rows if row.name == name]
    assert (row.jobs, row.outputs, row.credits, row.cost) == (2, 2, 20, Decimal("0.06"))
    assert (row.revenue, row.margin_percent) == (Decimal("0.20"), 70)
    assert name in text_of(operator.get("/admin/system/"))
    today = timezone.now().date()
    page = text_of(operator.get("/admin/margins/", {"first": today, "last": today}))
    assert name in page
    assert "Together" in page
    assert name in text_of(operator.get("/admin/margins/", {"first": "2020-01-01", "last": "9999-12-31"}))
    assert name not in text_of(operator.get("/admin/margins/", {"first": "2020-01-01", "last": "2020-01-31"}))
    for wrong in ({"first": "2020-02-01", "last": "2020-01-31"}, {"first": "never"}):
        assert operator.get("/admin/margins/", wrong).status_code == 422


# --- A probe ----------------------------------------------------------------------------------------------------------


def probe(client: Client, slug: str) -> Any:
    return client.post(f"/admin/generation/aimodel/{the(slug).pk}/probe/")


def test_a_probe_makes_one_for_nothing_also_of_what_is_switched_off(
    committed_db: None, operator: Client, bob: User, viewer: Callable[[User], Viewer]
) -> None:
    slug = f"off-{uuid4().hex[:8]}"
    AIModel.objects.create(
        slug=slug,
        name="Off",
        provider="local",
        endpoint="scenes",
        task="text-to-image",
        is_active=False,
        parameters=the("studio-scenes").parameters,
    )
    page = operator.get(f"/admin/generation/aimodel/{the(slug).pk}/probe/")
    assert "Make one now" in text_of(page)
    assert not Job.objects.filter(company=viewer(bob).company).exists(), "looking makes nothing"

    answer = probe(operator, slug)

    job = Job.objects.get(company=viewer(bob).company)
    assert answer.url == reverse("admin:generation_job_change", args=[job.pk])
    assert (job.is_probe, job.credits) == (True, 0)
    assert "It is under way" in text_of(operator.get(answer.url))
    pipeline.start(job_id=job.pk)
    shown = text_of(operator.get(answer.url))
    assert "<strong>done</strong>" in shown
    assert re.search(r'<img src="/f/[^"]+"', shown)
    assert noted(str(job.pk)) == ["model.probe"]


def test_a_probe_that_fails_says_why(
    committed_db: None, operator: Client, bob: User, viewer: Callable[[User], Viewer], settings: Settings
) -> None:
    settings.FAL_KEY = ""
    answer = probe(operator, "flux-dev")
    job = Job.objects.get(company=viewer(bob).company)
    pipeline.start(job_id=job.pk)
    assert "must set FAL_KEY" in text_of(operator.get(answer.url))


def test_a_probe_without_a_company_is_refused(operator: Client, bob: User, viewer: Callable[[User], Viewer]) -> None:
    company = viewer(bob).company
    company.is_active = False
    company.save()
    answer = probe(operator, "studio-scenes")
    assert answer.status_code == 422
    assert "no active company" in text_of(answer)


# --- Endpoints of their own -------------------------------------------------------------------------------------------

ADD = "/admin/generation/customprovider/add/"
KEY = "sk-very-secret-4711"


@pytest.fixture
def shed(operator: Client) -> CustomProvider:
    """An endpoint that was added in the admin, with a key."""
    data = {"name": "Shed", "slug": "shed", "base_url": "https://shed.example/v1/", "is_active": "on", "key": KEY}
    answer = operator.post(ADD, data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return CustomProvider.objects.get(slug="shed")


def test_an_endpoint_is_added_and_its_key_is_never_shown(operator: Client, shed: CustomProvider) -> None:
    assert (shed.base_url, decrypt(shed.key_encrypted)) == ("https://shed.example/v1", KEY)
    for page in (change_page(shed), reverse("admin:generation_customprovider_changelist")):
        shown = operator.get(page).content.decode()
        assert KEY not in shown
        assert shed.key_encrypted not in shown
        assert "set" in shown
    entry = AuditEntry.objects.get(target="custom:shed")
    assert entry.action == "provider.added"
    assert KEY not in json.dumps(entry.detail)


def test_the_key_stays_when_left_empty_is_replaced_and_taken_away(operator: Client, shed: CustomProvider) -> None:
    data = {"name": "Shed 2", "base_url": shed.base_url, "is_active": "on"}
    for changes, expected in (({}, KEY), ({"key": "sk-new"}, "sk-new"), ({"takes_key_away": "on"}, "")):
        assert operator.post(change_page(shed), data | changes).status_code == 302
        shed.refresh_from_db()
        assert (decrypt(shed.key_encrypted) if shed.key_encrypted else "") == expected
    assert shed.name == "Shed 2"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"base_url": "ftp://shed.example"}, "base_url"),
        ({"base_url": "https://me:pw@shed.example"}, "base_url"),
        ({"base_url": "shed"}, "base_url"),
        ({"key": "two words"}, "key"),
        ({"slug": "Not a slug"}, "slug"),
        ({"name": ""}, "name"),
    ],
    ids=["scheme", "password", "no-address", "key", "slug", "name"],
)
def test_an_endpoint_that_cannot_work_is_refused(operator: Client, changes: dict[str, str], field: str) -> None:
    data = {"name": "Shed", "slug": "shed", "base_url": "https://shed.example/v1", "is_active": "on"}
    answer = operator.post(ADD, data | changes)
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not CustomProvider.objects.filter(name__in=("Shed", "")).exists()


def test_a_model_of_it_is_added_with_parameters_that_the_protocol_has(operator: Client, shed: CustomProvider) -> None:
    address = f"/admin/generation/customprovider/{shed.pk}/add-model/"
    assert operator.get(address).status_code == 200
    data = {
        "name": "Shed flux",
        "slug": "shed-flux",
        "endpoint": "flux-1-dev",
        "task": "text-to-image",
        "tier": "basic",
        "provider_cost": "0.001",
    }
    for wrong in ({"slug": "flux-dev"}, {"provider_cost": "-1"}, {"task": "upscale"}, {"name": ""}):
        assert operator.post(address, data | wrong).status_code == 422
    assert not AIModel.objects.filter(provider="custom:shed").exists()

    assert operator.post(address, data).url == change_page(the("shed-flux"))

    row = the("shed-flux")
    assert complete(row.parameters, {}) == {"aspect_ratio": "1:1", "output_format": "png"}
    assert row in AIModel.objects.offered()
    assert "Shed flux" in text_of(operator.get(change_page(shed)))
    saved = operator.post(change_page(row), filled(operator, change_page(row)))
    assert saved.status_code == 302, saved.context["adminform"].form.errors


def test_an_endpoint_with_models_cannot_be_deleted(operator: Client, shed: CustomProvider) -> None:
    AIModel.objects.create(slug="s", name="S", provider="custom:shed", endpoint="x", task=Task.EDIT)
    address = reverse("admin:generation_customprovider_delete", args=[shed.pk])
    assert operator.post(address, {"post": "yes"}).status_code == 403
    AIModel.objects.filter(slug="s").delete()
    assert operator.post(address, {"post": "yes"}).status_code == 302
    assert not CustomProvider.objects.filter(name__in=("Shed", "")).exists()


# --- Alerts -----------------------------------------------------------------------------------------------------------


def test_the_system_page_says_who_refuses_us_and_what_to_do(operator: Client, shed: CustomProvider) -> None:
    rows = [
        ("fal", "provider_refused_key", "fal refused the key."),
        ("openai", "provider_out_of_quota", "No money."),
        ("custom:shed", "provider_refused_key", "Shed refused the key."),
    ]
    for provider, code, sentence in rows:
        ProviderAlert.objects.update_or_create(
            provider=provider, defaults={"code": code, "sentence": sentence, "count": 7}
        )
    page = text_of(operator.get("/admin/system/"))
    assert "The key was refused: check FAL_KEY, then restart." in page
    assert "https://fal.ai/dashboard/keys" in page
    assert "top it up there" in page
    assert change_page(shed) in page
    assert "?provider__exact=custom%3Ashed" in page


def test_the_system_page_names_the_keys_that_are_missing(operator: Client, settings: Settings) -> None:
    settings.FAL_KEY, settings.STABILITY_API_KEY = "k", ""
    page = text_of(operator.get("/admin/system/"))
    assert "stability (<code>STABILITY_API_KEY</code>)" in page
    assert "<code>FAL_KEY</code>" not in page


# --- Everybody else ---------------------------------------------------------------------------------------------------


def test_nobody_else_probes_or_adds(committed_db: None, alice_client: Client) -> None:
    slug = f"closed-{uuid4().hex[:8]}"
    closed = CustomProvider.objects.create(slug=slug[:20], name="Closed", base_url="https://closed.example")
    jobs = Job.objects.filter(is_probe=True).count()
    staff = browser_of_staff()
    for client, status in ((Client(), 302), (alice_client, 302), (staff, 403)):
        for address in (
            f"/admin/generation/aimodel/{the('flux-dev').pk}/probe/",
            f"/admin/generation/customprovider/{closed.pk}/add-model/",
        ):
            assert client.get(address).status_code == status
            assert client.post(address, {"name": "x"}).status_code == status
    assert Job.objects.filter(is_probe=True).count() == jobs
    assert not AIModel.objects.filter(provider=closed.provider_name).exists()


def browser_of_staff() -> Client:
    """Somebody who may open the admin, and nothing in it."""
    person = PersonFactory()
    User.objects.filter(pk=person.pk).update(is_staff=True)
    return browser_of(person)
