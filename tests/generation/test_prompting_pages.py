"""The prompt tools as pages, fragments and JSON, and in the API."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import Membership, User
from accounts.viewer import SESSION_KEY, Viewer
from generation.models import DeniedPhrase, Preset, PromptUse
from generation.prompting import chat, denial, history
from generation.prompting.denial import PromptDenied, check_words
from tests.emulators.chat import ChatDouble
from tests.personas import browser_of

FRAGMENT = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
API = "/api/v1/prompts"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    denial.forget_list()
    chat.wake()
    yield
    denial.forget_list()
    chat.wake()


@pytest.fixture
def alice_viewer(alice: User, viewer: Callable[[User], Viewer]) -> Viewer:
    return viewer(alice)


def shown(client: Client, name: str, **options: Any) -> str:
    return client.get(reverse(name), **options).content.decode()


# --- Pages ------------------------------------------------------------------------------------------------------------


def test_the_history_shows_own_prompts_as_links_into_the_composer(alice_viewer: Viewer, alice_client: Client) -> None:
    history.note_use(viewer=alice_viewer, prompt='a fox & "friends" <b>')

    page = shown(alice_client, "prompt-history", data={"model": "studio-scenes"})
    fragment = shown(alice_client, "prompt-history", headers=FRAGMENT)

    assert "a fox &amp; &quot;friends&quot; &lt;b&gt;" in page
    assert "/generate?model=studio-scenes&amp;prompt=a+fox+%26+%22friends%22+%3Cb%3E" in page
    assert "<html" in page
    assert 'data-fill="#prompt"' in fragment
    assert "<html" not in fragment
    assert "<form" not in fragment, "it stands inside the composer's form"


def test_the_history_tells_when_it_is_empty(alice_client: Client) -> None:
    assert "only you see them" in shown(alice_client, "prompt-history")


def test_the_history_costs_the_same_for_one_prompt_and_for_fifty(alice_viewer: Viewer, alice_client: Client) -> None:
    # The first request of a sign-in also notes that it was seen.
    shown(alice_client, "prompt-history")
    counts = []
    for number in (1, 50):
        for each in range(number):
            history.note_use(viewer=alice_viewer, prompt=f"fox {each}")
        with CaptureQueriesContext(connection) as asked:
            shown(alice_client, "prompt-history")
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_a_prompt_is_forgotten_with_and_without_the_script(alice_viewer: Viewer, alice_client: Client) -> None:
    for prompt in ("a fox", "a lake", "a hill"):
        history.note_use(viewer=alice_viewer, prompt=prompt)
    hill, lake, _fox = history.recent(alice_viewer)

    plain = alice_client.post(reverse("prompt-forget", args=[hill.pk]), {"model": "studio-scenes"})
    fragment = alice_client.post(reverse("prompt-forget", args=[lake.pk]), headers=FRAGMENT).content.decode()

    assert plain.url == f"{reverse('prompt-history')}?model=studio-scenes"  # type: ignore[attr-defined]
    assert "a fox" in fragment
    assert "a lake" not in fragment
    assert alice_client.post(reverse("prompt-forget", args=[lake.pk])).status_code == 404
    alice_client.post(reverse("prompt-forget-all"))
    assert history.recent(alice_viewer) == []


def test_completions_are_options_of_a_listbox(alice_viewer: Viewer, alice_client: Client) -> None:
    history.note_use(viewer=alice_viewer, prompt="a red <fox>")

    options = shown(alice_client, "prompt-complete", data={"q": "a re"}, headers=FRAGMENT)

    assert 'role="option"' in options
    assert "a red &lt;fox&gt;" in options
    for text in ("zebra", "", "a", "a red \x00zebra", "x" * 5000):
        assert shown(alice_client, "prompt-complete", data={"q": text}).strip() == ""


def test_completions_have_a_limit_of_their_own(alice_client: Client, settings: Settings) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"completions": (1, 60)}
    statuses = [alice_client.get(reverse("prompt-complete"), {"q": "fox"}, headers=FRAGMENT).status_code for _ in "12"]

    assert statuses == [200, 429]


def test_a_surprise_is_json_for_the_script_and_a_link_without(alice_client: Client) -> None:
    answer = alice_client.get(reverse("prompt-random"), headers=JSON)
    link = alice_client.get(reverse("prompt-random"), {"model": "studio-scenes"})

    assert len(answer.json()["prompt"]) > 30
    assert link.url.startswith("/generate?model=studio-scenes&prompt=a")  # type: ignore[attr-defined]
    page = alice_client.get(link.url)  # type: ignore[attr-defined]
    assert page.status_code == 200


def test_the_enhancer_answers_with_words_author_and_a_note(alice_client: Client) -> None:
    answer = alice_client.post(reverse("prompt-enhance"), {"prompt": "a fox"}).json()
    again = alice_client.post(reverse("prompt-enhance"), {"prompt": answer["prompt"]}).json()

    assert answer["prompt"].startswith("a fox, ")
    assert (answer["by"], answer["note"]) == ("rules", "Details were added after your words.")
    assert again["note"] == "Your prompt says it all already; nothing was added."


def test_the_page_tells_that_a_language_model_wrote(alice_client: Client, settings: Settings) -> None:
    with ChatDouble() as double:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = double.key, f"{double.url}/v1"
        answer = alice_client.post(reverse("prompt-enhance"), {"prompt": "a red fox"}).json()

    assert (answer["by"], answer["note"]) == ("openai", "Rewritten by a language model.")


@pytest.mark.parametrize(
    ("prompt", "code"), [("", "invalid_prompt"), ("x" * 4001, "invalid_prompt")], ids=["empty", "long"]
)
def test_what_cannot_be_enhanced_is_refused_with_a_sentence(alice_client: Client, prompt: str, code: str) -> None:
    answer = alice_client.post(reverse("prompt-enhance"), {"prompt": prompt})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["detail"]


def test_denied_words_are_not_enhanced(alice_client: Client) -> None:
    DeniedPhrase.objects.create(phrase="forbidden", reason="it is a test.")
    denial.forget_list()
    answer = alice_client.post(reverse("prompt-enhance"), {"prompt": "a forbidden fox"})

    assert (answer.status_code, answer.json()["code"]) == (422, "prompt_denied")


def test_more_than_twenty_a_minute_are_refused_on_pages_and_in_the_api_together(
    alice_client: Client, alice_api: APIClient, settings: Settings
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"enhance": (2, 60)}
    address = reverse("prompt-enhance")

    assert alice_client.post(address, {"prompt": "a fox"}).status_code == 200
    assert alice_api.post(f"{API}/enhance", {"prompt": "a fox"}).status_code == 200
    page, program = alice_client.post(address, {"prompt": "a fox"}), alice_api.post(f"{API}/enhance", {"prompt": "x"})

    assert (page.status_code, program.status_code) == (429, 429)
    assert int(page.headers["Retry-After"]) > 0
    assert "enhanced many prompts" in page.json()["detail"]


# --- Whose they are ---------------------------------------------------------------------------------------------------


def test_bob_never_sees_what_alice_wrote(
    alice_viewer: Viewer, bob: User, bob_client: Client, bob_api: APIClient, alice_client: Client
) -> None:
    """Not as a stranger, and not as a colleague in the same company either."""
    history.note_use(viewer=alice_viewer, prompt="a secret fox of Alice")
    use = history.recent(alice_viewer)[0]
    Membership.objects.create(company=alice_viewer.company, user=bob, role=Membership.Role.ADMIN)
    colleague = browser_of(bob)
    session = colleague.session
    session[SESSION_KEY] = str(alice_viewer.company.pk)
    session.save()

    for client in (bob_client, colleague):
        assert "secret" not in shown(client, "prompt-history")
        assert "secret" not in shown(client, "prompt-complete", data={"q": "a secret"})
        assert client.post(reverse("prompt-forget", args=[use.pk])).status_code == 404
        client.post(reverse("prompt-forget-all"))
    assert bob_api.get(API).json() == []
    assert bob_api.delete(f"{API}/{use.pk}").status_code == 404
    assert PromptUse.objects.filter(pk=use.pk).exists()
    assert "secret" in shown(alice_client, "prompt-history")


# --- The API ----------------------------------------------------------------------------------------------------------


def test_programs_list_and_forget_prompts(alice_viewer: Viewer, alice_api: APIClient) -> None:
    for number in range(52):
        history.note_use(viewer=alice_viewer, prompt=f"fox {number}")
    with CaptureQueriesContext(connection) as asked:
        rows = alice_api.get(API).json()

    assert len(rows) == 50
    assert len(asked) < 8
    assert (rows[0]["prompt"], rows[0]["count"], set(rows[0])) == (
        "fox 51",
        1,
        {"id", "prompt", "count", "last_used_at"},
    )
    assert alice_api.delete(f"{API}/{rows[0]['id']}").status_code == 204
    assert alice_api.delete(f"{API}/{rows[0]['id']}").status_code == 404
    assert alice_api.delete(f"{API}/{uuid4()}").json()["code"] == "not_found"
    assert alice_api.get(API).json()[0]["prompt"] == "fox 50"


def test_programs_enhance_and_are_surprised(alice_api: APIClient) -> None:
    enhanced = alice_api.post(f"{API}/enhance", {"prompt": "a fox"}).json()

    assert enhanced["by"] == "rules"
    assert enhanced["prompt"].startswith("a fox, ")
    assert alice_api.get(f"{API}/random").json()["prompt"]


@pytest.mark.parametrize(
    "body", [{}, {"prompt": ""}, {"prompt": None}, {"prompt": ["a"]}, {"prompt": "x" * 4001}], ids=range(5)
)
def test_programs_are_told_what_is_wrong(alice_api: APIClient, body: dict[str, Any]) -> None:
    answer = alice_api.post(f"{API}/enhance", body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "prompt"


def test_styles_are_told_to_anybody_in_their_order(db: None) -> None:
    Preset.objects.filter(slug="fantasy").update(is_active=False)
    rows = APIClient().get("/api/v1/presets").json()

    assert rows[0]["slug"] == "cinematic"
    assert set(rows[0]) == {"slug", "name", "template", "negative"}
    assert "fantasy" not in {row["slug"] for row in rows}


def test_the_schema_describes_all_of_it(db: None) -> None:
    paths = json.loads(APIClient().get("/api/v1/schema/", {"format": "json"}).content)["paths"]

    for path in ("prompts", "prompts/{use_id}", "prompts/enhance", "prompts/random", "presets"):
        for operation in paths[f"/api/v1/{path}"].values():
            assert operation["tags"] == ["prompts"]
            assert operation["summary"]


# --- The admin --------------------------------------------------------------------------------------------------------


@pytest.fixture
def operator(alice: User) -> Client:
    """Alice as an operator who may do everything with words."""
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    alice.user_permissions.set(Permission.objects.filter(content_type__model__in=["preset", "deniedphrase"]))
    return browser_of(User.objects.get(pk=alice.pk))


def test_an_operator_denies_a_phrase_and_it_works_at_once(operator: Client) -> None:
    check_words("a blue fox")
    added = operator.post("/admin/generation/deniedphrase/add/", {"phrase": " blue  fox", "is_active": "on"})

    assert added.status_code == 302
    with pytest.raises(PromptDenied):
        check_words("a blue fox")
    assert "blue fox" in operator.get("/admin/generation/deniedphrase/?q=blue").content.decode()
    refused = operator.post("/admin/generation/deniedphrase/add/", {"phrase": "...", "is_active": "on"})
    assert "at least one letter" in refused.content.decode()


def test_an_operator_changes_styles_but_deletes_own_ones_only(operator: Client) -> None:
    own = Preset.objects.create(slug="own", name="Own", template="{prompt}, own")
    seeded = Preset.objects.get(slug="fantasy")
    address = f"/admin/generation/preset/{seeded.pk}"
    values = {"name": "Fantasy", "slug": "fantasy", "position": "5", "is_active": "on"}

    wrong = operator.post(f"{address}/change/", values | {"template": "dragons"}).content.decode()
    right = operator.post(f"{address}/change/", values | {"template": "{prompt}, dragons"})

    assert "Put {prompt} once" in wrong
    assert right.status_code == 302
    assert Preset.objects.get(pk=seeded.pk).template == "{prompt}, dragons"
    assert operator.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    assert operator.post(f"/admin/generation/preset/{own.pk}/delete/", {"post": "yes"}).status_code == 302
