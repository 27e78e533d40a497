"""What is said at an address where nothing is."""

from django.test import Client


def test_a_program_gets_a_problem_document_at_an_address_of_the_api_that_is_none(db: None) -> None:
    answer = Client().get("/api/v1/no-such-thing")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"


def test_a_person_gets_our_page_also_in_development(db: None, settings: object) -> None:
    for debug in (False, True):
        settings.DEBUG = debug  # type: ignore[attr-defined]
        answer = Client().get("/no-such-thing")

        assert answer.status_code == 404
        assert b"urlconf" not in answer.content.lower()
        assert b"/gallery" in answer.content or b"Darkroom" in answer.content
