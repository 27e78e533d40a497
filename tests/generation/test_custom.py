"""Endpoints that an operator adds: found by their name at once, their keys kept from everybody."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from pytest_django.asserts import assertNumQueries
from pytest_django.fixtures import Settings

from generation.custom import save_custom_provider, set_key
from generation.models import AIModel, CustomProvider, Task
from generation.providers import registry
from generation.providers.base import AuthFailed, Call, DirectProvider
from tests.emulators.openai import CompatibleDouble

pytestmark = pytest.mark.django_db


@pytest.fixture
def gpu() -> Iterator[CompatibleDouble]:
    """Somebody's own server."""
    with CompatibleDouble() as double:
        yield double


def added(address: str, *, key: str = "", slug: str = "gpu") -> CustomProvider:
    return save_custom_provider(row=CustomProvider(slug=slug, name="The cellar", base_url=address), key=key)


def made(name: str = "custom:gpu") -> int:
    """How many pictures come of one call for two."""
    provider = registry.provider(name)
    assert isinstance(provider, DirectProvider)
    call = Call(
        job_id=uuid4(),
        task="text-to-image",
        endpoint="sdxl",
        prompt="a fox",
        params={},
        seeds=(1, 2),
        seconds_allowed=5,
    )
    return len(list(provider.make(call, lambda _fraction: None)))


def offered() -> list[str]:
    return list(AIModel.objects.offered().filter(provider="custom:gpu").values_list("slug", flat=True))


def a_model() -> None:
    AIModel.objects.create(
        slug="cellar-sdxl", name="SDXL", provider="custom:gpu", endpoint="sdxl", task=Task.TEXT_TO_IMAGE
    )


def test_an_endpoint_makes_pictures_under_its_name(gpu: CompatibleDouble) -> None:
    added(f"{gpu.url}/", key=gpu.key)
    assert "custom:gpu" in registry.names()
    assert (made(), gpu.posts, gpu.downloads) == (2, 1, 0)


def test_an_endpoint_without_a_key_is_sent_none(gpu: CompatibleDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-operators-own")
    added(gpu.url)
    with pytest.raises(AuthFailed, match=r"The cellar refused .* its key in the admin"):
        made()
    assert "authorization" not in gpu.submissions[0].headers


def test_a_change_works_at_once(gpu: CompatibleDouble) -> None:
    row = added("http://127.0.0.1:9/v1", key="wrong")
    a_model()
    assert offered() == ["cellar-sdxl"]

    row.base_url = gpu.url
    save_custom_provider(row=row)
    set_key(row, gpu.key)
    assert made() == 2

    row.is_active = False
    save_custom_provider(row=row)
    assert (offered(), "custom:gpu" in registry.names()) == ([], False)
    assert made() == 2  # what was already asked for is still done


def test_what_is_offered_costs_no_query_of_its_own(gpu: CompatibleDouble) -> None:
    added(gpu.url)
    a_model()
    with assertNumQueries(1):
        assert offered() == ["cellar-sdxl"]
    with assertNumQueries(0):
        registry.provider("local")
    with assertNumQueries(1):
        registry.names()


def test_a_key_is_nowhere_in_the_row(gpu: CompatibleDouble) -> None:
    row = added(gpu.url, key=gpu.key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(t)::text FROM generation_customprovider t WHERE id = %s", [row.pk])
        assert gpu.key not in cursor.fetchone()[0]
    assert gpu.key not in repr(registry.provider("custom:gpu").__dict__)


def test_a_key_stays_unless_another_is_given(gpu: CompatibleDouble) -> None:
    row = added(gpu.url, key=gpu.key)
    row.name = "The attic"
    save_custom_provider(row=row)
    assert made() == 2
    set_key(row, "")
    assert CustomProvider.objects.get(pk=row.pk).key_encrypted == ""


def test_a_key_that_no_secret_opens_is_a_missing_key(gpu: CompatibleDouble, settings: Settings) -> None:
    added(gpu.url, key=gpu.key)
    settings.SECRET_KEY = "another-secret-of-this-installation"
    with pytest.raises(AuthFailed, match="no key for The cellar"):
        made()
    assert gpu.posts == 0


@pytest.mark.parametrize(
    "address",
    ["", "gpu.example/v1", "ftp://gpu.example", "https://", "https://me:pw@gpu.example", "https://a.b/v1?k=1"],
)
def test_an_address_that_cannot_be_used_is_refused(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        added(address)
    assert list(caught.value.message_dict) == ["base_url"]
    assert not CustomProvider.objects.filter(slug="gpu").exists()


def test_a_key_that_fits_no_header_is_refused(gpu: CompatibleDouble) -> None:
    with pytest.raises(ValidationError) as caught:
        added(gpu.url, key="two words\n")
    assert list(caught.value.message_dict) == ["key"]
    assert not CustomProvider.objects.filter(slug="gpu").exists()


def test_an_unknown_name_is_a_key_error() -> None:
    for name in ("custom:nobody", "custom:", "nobody"):
        with pytest.raises(KeyError):
            registry.provider(name)
