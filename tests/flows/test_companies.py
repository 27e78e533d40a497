"""Another company at the same time: it hears, sees and reaches nothing."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser import NewPage
from tests.flows.people import Person, eventually

# The stream as it comes over the wire, not as the page understands it.
LISTEN = """
() => {
  window.wire = "";
  fetch("/events/").then(async (answer) => {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) window.wire += decoder.decode(chunk, { stream: true });
  });
}
"""


def test_nothing_of_a_job_reaches_another_company(new_page: NewPage, alice: Person, bob: Person) -> None:
    her_page, his_page = _listening(new_page(), alice), _listening(new_page(), bob)
    hers = alice.make("A secret garden behind a wall")
    # When his own job has been heard of, all that came before it has passed.
    his = bob.make("Dunes at noon")
    eventually(lambda: his["id"] in _wire(his_page), "word of Bob's job")

    assert hers["id"] in _wire(her_page)
    for secret in _ids_of(hers):
        assert secret not in _wire(his_page)
    for secret in _ids_of(his):
        assert secret not in _wire(her_page)


def test_nobody_else_can_open_a_job_or_its_picture(new_page: NewPage, alice: Person, bob: Person) -> None:
    hers = alice.make("A secret garden behind a wall")
    asset = hers["outputs"][0]["id"]
    paths = [f"/jobs/{hers['id']}", f"/a/{asset}", f"/a/{asset}/download"]
    api = [f"/api/v1/jobs/{hers['id']}", f"/api/v1/jobs/{hers['id']}/result", f"/api/v1/assets/{asset}"]
    assert [alice.client.get(path).status_code for path in paths + api] == [200] * 6
    assert [bob.client.get(path).status_code for path in paths + api] == [404] * 6

    page = new_page()
    for path in ("/generate", "/gallery"):
        bob.enter(page, path)
        assert "secret garden" not in page.content()


def _listening(page: Page, person: Person) -> Page:
    person.enter(page, "/billing")
    page.evaluate(LISTEN)
    eventually(lambda: _wire(page), "the beginning of a stream")
    return page


def _wire(page: Page) -> str:
    text: str = page.evaluate("window.wire")
    return text


def _ids_of(job: dict[str, Any]) -> list[str]:
    return [job["id"], *(output["id"] for output in job["outputs"])]
