"""What a prompt may not hold, what was used before, and styles."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Company, Membership, User
from accounts.viewer import Viewer
from generation.models import DeniedPhrase, Preset, PromptUse
from generation.prompting import denial, history
from generation.prompting.denial import PromptDenied, check_words
from generation.prompting.preset_rows import PRESETS
from generation.prompting.presets import UnknownPreset, chosen, seed_presets, wording_of


@pytest.fixture(autouse=True)
def _fresh_list() -> Iterator[None]:
    denial.forget_list()
    yield
    denial.forget_list()


def deny(phrase: str, reason: str = "", *, is_active: bool = True) -> DeniedPhrase:
    denial.forget_list()
    return DeniedPhrase.objects.create(phrase=phrase, reason=reason, is_active=is_active)


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt",
    [
        "a nude woman",
        "NUDE",
        "nudé, oil on canvas",
        "ｎｕｄｅ",
        "n.u.d.e",
        "a n-u-d-e figure",
        "a n u d e",
        "nu.de",
        "n,u,d,e and a cat",
        "n\u200bu\u200bd\u200be",
        "nu\u00adde",
        "sleeping,nude;on a sofa",
        "(nude)",
        "nude's",
    ],
)
def test_a_denied_word_is_found_however_it_is_written(db: None, prompt: str) -> None:
    deny("nude")

    with pytest.raises(PromptDenied) as refused:
        check_words("", prompt)

    assert (refused.value.problem_code, refused.value.field) == ("prompt_denied", "prompt")
    assert "“nude”" in refused.value.sentence


@pytest.mark.parametrize(
    ("phrase", "prompt"),
    [
        ("ass", "a class of bass players, grass, an assassin's embassy"),
        ("hell", "he'll say hello to shellfish"),
        ("hell", "he’ll come"),
        ("cant", "I can't see"),
        ("the rapist", "a therapist at work"),
        ("nude", "nudes of trees; denuded hills; include"),
        ("red room", "a red, a blue and a room"),
        ("us", "U.S.A. in 1950"),
        ("...", "a cat..."),
    ],
)
def test_a_phrase_inside_other_words_is_no_hit(db: None, phrase: str, prompt: str) -> None:
    deny(phrase)

    check_words(prompt)


@pytest.mark.parametrize("prompt", ["Red   Room", "red-room", "r.e.d r.o.o.m", "the red\nroom", "r e d r o o m"])
def test_a_phrase_of_several_words_is_found_across_signs(db: None, prompt: str) -> None:
    deny("red room")

    with pytest.raises(PromptDenied):
        check_words(prompt)


def test_a_script_without_spaces_is_searched_within(db: None) -> None:
    deny("裸体")

    with pytest.raises(PromptDenied):
        check_words("一个裸体的人")


def test_vowel_signs_of_other_scripts_are_part_of_the_word(db: None) -> None:
    deny("क")

    check_words("कि")


def test_the_reason_is_told_and_the_prompt_is_not_logged(db: None, caplog: pytest.LogCaptureFixture) -> None:
    row = deny("forbidden thing", "it is a trade mark.")
    before = denial.DENIED._value.get()

    with caplog.at_level("INFO", "generation.prompting.denial"), pytest.raises(PromptDenied) as refused:
        check_words("my secret idea with a forbidden thing")

    assert refused.value.sentence == "“forbidden thing” may not be used in a prompt: it is a trade mark."
    assert denial.DENIED._value.get() == before + 1
    assert str(row.pk) in caplog.text
    assert "secret" not in caplog.text
    assert "forbidden" not in caplog.text


def test_a_phrase_that_is_switched_off_is_allowed(db: None) -> None:
    deny("nude", is_active=False)

    check_words("a nude statue")


def test_many_checks_ask_the_database_once_and_a_change_works_within_two_seconds(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(denial.time, "monotonic", lambda: now[0])
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for _again in range(20):
            check_words("a nude statue", "blur")
    assert len(asked) == 1

    DeniedPhrase.objects.create(phrase="nude")
    now[0] += 1.9

    with pytest.raises(PromptDenied):
        check_words("a nude statue")


# --- History ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def alice_viewer(alice: User, viewer: Callable[[User], Viewer]) -> Viewer:
    return viewer(alice)


@pytest.fixture
def bob_viewer(bob: User, viewer: Callable[[User], Viewer]) -> Viewer:
    return viewer(bob)


def texts(viewer: Viewer) -> list[str]:
    return [use.prompt for use in history.recent(viewer)]


def test_a_prompt_used_again_is_one_row_that_comes_first(alice_viewer: Viewer) -> None:
    for prompt in ("a fox", "a lake", " a fox\x00 ", "", "   "):
        history.note_use(viewer=alice_viewer, prompt=prompt)

    assert texts(alice_viewer) == ["a fox", "a lake"]
    assert history.recent(alice_viewer)[0].count == 2


def test_noting_is_one_statement(alice_viewer: Viewer) -> None:
    with CaptureQueriesContext(connection) as asked:
        history.note_use(viewer=alice_viewer, prompt="a fox")

    assert len(asked) == 1


def test_the_newest_five_hundred_of_a_person_and_company_are_kept(alice_viewer: Viewer, bob_viewer: Viewer) -> None:
    history.note_use(viewer=bob_viewer, prompt="of Bob, older than all")
    start = timezone.now() - timedelta(days=1)
    PromptUse.objects.bulk_create(
        PromptUse(
            company=alice_viewer.company,
            user=alice_viewer.user,
            prompt=f"number {number}",
            digest=f"{number:064}",
            last_used_at=start + timedelta(seconds=number),
        )
        for number in range(505)
    )

    history.note_use(viewer=alice_viewer, prompt="the newest")

    kept = list(history.uses_of(alice_viewer).values_list("prompt", flat=True))
    assert kept == ["the newest", *(f"number {number}" for number in range(504, 5, -1))]
    assert texts(bob_viewer) == ["of Bob, older than all"]


def test_completions_begin_as_typed_before_those_that_hold_the_words(alice_viewer: Viewer, bob_viewer: Viewer) -> None:
    for prompt in ("Red fox at dawn", "snow and a red fox", "red barn", "a 100% red fox_hound", "blue fox"):
        history.note_use(viewer=alice_viewer, prompt=prompt)
    history.note_use(viewer=bob_viewer, prompt="red fox of Bob")

    assert history.completions(alice_viewer, "red fo") == [
        "Red fox at dawn",
        "a 100% red fox_hound",
        "snow and a red fox",
    ]
    assert history.completions(alice_viewer, "fox red") == [
        "a 100% red fox_hound",
        "snow and a red fox",
        "Red fox at dawn",
    ]
    assert history.completions(alice_viewer, "100%") == ["a 100% red fox_hound"]
    assert history.completions(alice_viewer, "%%") == []
    assert history.completions(alice_viewer, "r") == []
    assert history.completions(alice_viewer, "red barn") == []
    assert len(history.completions(alice_viewer, "re", limit=1)) == 1


def test_completions_reach_the_rows_by_the_index(alice_viewer: Viewer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = history.uses_of(alice_viewer).filter(prompt__icontains="fox").explain()

    assert "Seq Scan" not in plan
    assert "user_id = " in plan.split("Filter")[0]


def test_forgetting_reaches_own_prompts_of_this_company_only(alice_viewer: Viewer, bob_viewer: Viewer) -> None:
    team = Company.objects.create(name="Team", slug="team-of-words", kind=Company.Kind.TEAM)
    Membership.objects.create(company=team, user=alice_viewer.user, role=Membership.Role.MEMBER)
    elsewhere = Viewer(user=alice_viewer.user, company=team, role=Membership.Role.MEMBER)
    for of in (alice_viewer, bob_viewer, elsewhere):
        history.note_use(viewer=of, prompt="a fox")
        history.note_use(viewer=of, prompt="a lake")
    own, foreign = history.recent(alice_viewer)[0], history.recent(bob_viewer)[0]

    assert history.forget(alice_viewer, foreign.pk) is False
    assert history.forget(alice_viewer, history.recent(elsewhere)[0].pk) is False
    assert history.forget(alice_viewer, own.pk) is True
    assert texts(alice_viewer) == ["a fox"]
    assert history.forget_all(alice_viewer) == 1
    assert texts(bob_viewer) == texts(elsewhere) == ["a lake", "a fox"]


# --- Styles -----------------------------------------------------------------------------------------------------------


def test_a_style_puts_its_words_around_the_prompt(db: None) -> None:
    style = chosen("watercolour")

    assert style is not None
    assert wording_of(style, "A fox.").startswith("A fox, watercolour painting, loose")
    assert wording_of(style, "").startswith("watercolour painting, loose")
    assert wording_of(None, " a fox ") == "a fox"
    assert chosen("") is None


@pytest.mark.parametrize(
    ("template", "prompt", "wording"),
    [
        ("{prompt}, oil", "a {prompt} on {0}", "a {prompt} on {0}, oil"),
        ("an oil painting of {prompt}, thick", "a fox", "an oil painting of a fox, thick"),
        ("an oil painting of {prompt}, thick", "", "an oil painting, thick"),
        ("oil, {prompt}, thick", "", "oil, thick"),
        ("oil, {prompt}", "", "oil"),
        ("{prompt}", "", ""),
        ("oil, thick", "a fox", "a fox, oil, thick"),
        ("{prompt} and again {prompt}", "a fox", "a fox and again a fox"),
    ],
)
def test_no_comma_and_no_word_is_left_hanging(template: str, prompt: str, wording: str) -> None:
    assert wording_of(Preset(template=template), prompt) == wording


@pytest.mark.parametrize("slug", ["made-up", "watercolour\x00x", "a" * 5000], ids=["unknown", "nul", "long"])
def test_an_unknown_style_is_refused(db: None, slug: str) -> None:
    with pytest.raises(UnknownPreset) as refused:
        chosen(slug)

    assert refused.value.field == "preset"


def test_a_style_that_is_switched_off_is_refused(db: None) -> None:
    Preset.objects.filter(slug="fantasy").update(is_active=False)

    with pytest.raises(UnknownPreset):
        chosen("fantasy")


def test_every_style_of_the_installation_is_sound(db: None) -> None:
    assert Preset.objects.count() >= len(PRESETS) >= 14
    for row in PRESETS:
        preset = Preset(**{"position": 1, **row})
        preset.clean_fields()
        assert row["template"].count("{prompt}") == 1


def test_seeding_again_renews_what_nobody_changed_and_leaves_the_rest(db: None) -> None:
    Preset.objects.filter(slug="fantasy").update(template="{prompt}, dragons", is_active=False)
    old = Preset.objects.get(slug="low-poly")
    Preset.objects.filter(slug="low-poly").update(
        template="{prompt}, as it was seeded once", seeded=old.seeded | {"template": "{prompt}, as it was seeded once"}
    )
    Preset.objects.filter(slug="line-art").delete()

    assert seed_presets() == f"Styles: 1 added, 1 renewed, {len(PRESETS) - 2} left as they are."

    changed = Preset.objects.get(slug="fantasy")
    assert (changed.template, changed.is_active) == ("{prompt}, dragons", False)
    assert Preset.objects.get(slug="low-poly").template == old.template
    assert Preset.objects.filter(slug="line-art").exists()
    assert seed_presets() == f"Styles: 0 added, 0 renewed, {len(PRESETS)} left as they are."
