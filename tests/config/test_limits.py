"""Limits: who is counted by what, what the refusal looks like, and what happens without Redis."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from billing.models import Plan
from config.base import client_address, limits, realtime, registry
from gallery.models import Asset
from generation.models import Job
from tests.factories.gallery import tiny
from tests.factories.teams import acting, make_team, put_on
from tests.personas import key_of, program_with

HOUR = 60 * 60


@pytest.fixture
def limit(settings: Any) -> Callable[..., None]:
    """A function: set figures by name, `limit(address=3)`."""

    def to(**figures: int) -> None:
        settings.RATE_LIMITS = settings.RATE_LIMITS | {name: (figure, HOUR) for name, figure in figures.items()}

    return to


def _decide(who: str = "user:1", name: str = "uploads") -> limits.Decision:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    decision = limits.take(request, name=name, who=who)
    assert decision is not None
    return decision


def _take(who: str = "user:1", name: str = "uploads") -> bool:
    return _decide(who, name).is_allowed


def test_a_limit_lets_its_number_through_and_counts_everybody_alone(limit: Callable[..., None]) -> None:
    limit(uploads=3)

    assert [_take() for _ in range(5)] == [True, True, True, False, False]
    assert _take("user:2")


def test_racing_requests_never_pass_a_limit_together(limit: Callable[..., None]) -> None:
    limit(uploads=20)

    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: _take(), range(80)))

    assert sum(allowed) == 20


def test_the_last_window_still_counts_by_its_share(limit: Callable[..., None]) -> None:
    limit(uploads=10)
    connection = limits.connection()
    seconds, _micros = connection.time()
    window, passed = divmod(seconds, HOUR)
    connection.hset("limit:uploads:user:1", mapping={str(window - 1): 10})
    still_counting = 10 * (HOUR - passed) / HOUR

    allowed = sum(_take() for _ in range(12))

    # The window may turn over while this runs; a use more or less is the share of those seconds.
    assert abs(allowed - int(10 - still_counting)) <= 1


def test_a_refusal_says_when_the_next_request_passes(limit: Callable[..., None]) -> None:
    limit(uploads=1)
    assert _take()

    decision = _decide()

    assert 1 <= decision.retry_after <= 2 * HOUR
    assert decision.remaining == 0


def test_too_many_requests_from_one_address_are_a_problem_document(db: None, limit: Callable[..., None]) -> None:
    limit(address=2)
    program = APIClient()
    first = program.get("/api/v1/models")
    program.get("/api/v1/models")

    refused = program.get("/api/v1/models")

    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert int(first["RateLimit-Reset"]) <= HOUR
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert refused.json()["code"] == "too_many_requests"
    assert int(refused["Retry-After"]) >= 1
    assert (refused["RateLimit-Remaining"], refused["RateLimit-Reset"]) == ("0", refused["Retry-After"])


def test_a_page_beyond_the_limit_is_friendly(db: None, limit: Callable[..., None]) -> None:
    limit(address=1)
    browser = Client()
    browser.get("/login")

    page = browser.get("/login")
    fragment = browser.get("/login", headers={"HX-Request": "true"})

    assert page.status_code == fragment.status_code == 429
    assert "came from your network" in page.content.decode()
    assert "Content-Security-Policy" in page.headers
    assert "RateLimit-Limit" not in page.headers
    assert fragment.content == b""
    assert '"toast"' in fragment["HX-Trigger"]


def test_what_open_pages_ask_for_by_themselves_does_not_count(alice_client: Client, limit: Callable[..., None]) -> None:
    limit(address=1, person=1)
    fragment = {"HX-Request": "true"}
    after = "01234567-89ab-7def-8123-456789abcdef"

    for _ in range(3):
        assert alice_client.get("/jobs/tray", headers=fragment).status_code == 200
        assert alice_client.get("/credits/pill", headers=fragment).status_code == 200
        assert alice_client.get(f"/gallery?after={after}", headers=fragment).status_code == 200
        assert alice_client.get("/health/live").status_code == 200
        assert alice_client.get("/f/no/such.png").status_code == 404
    assert alice_client.get("/gallery").status_code == 200
    assert alice_client.get("/gallery").status_code == 429
    assert alice_client.get("/gallery", headers=fragment).status_code == 429
    # What changes something is never free, whatever it calls itself.
    assert alice_client.post("/jobs/tray", headers=fragment).status_code == 429


def test_a_person_is_counted_on_pages_and_in_the_api_together(
    alice_client: Client, alice_api: APIClient, bob_api: APIClient, limit: Callable[..., None]
) -> None:
    limit(person=2)

    assert alice_client.get("/gallery").status_code == 200
    assert alice_api.get("/api/v1/jobs").status_code == 200
    page, answer = alice_client.get("/gallery"), alice_api.get("/api/v1/jobs")

    assert page.status_code == answer.status_code == 429
    assert int(page["Retry-After"]) >= 1
    assert "very often in the last hour" in page.content.decode()
    assert answer.json()["code"] == "too_many_requests"
    assert bob_api.get("/api/v1/jobs").status_code == 200


def test_a_plan_multiplies_what_its_people_and_keys_may_ask(
    alice: User,
    alice_client: Client,
    alice_api: APIClient,
    viewer: Callable[[User], Viewer],
    limit: Callable[..., None],
) -> None:
    limit(person=2, key=1)
    Plan.objects.filter(slug="enterprise").update(rate_factor=3)
    company = viewer(alice).company
    put_on(company, "enterprise")
    _key, secret = key_of(acting(alice, company))
    program = program_with(secret)

    asked = [program.get("/api/v1/jobs") for _ in range(4)]
    pages = [alice_client.get("/gallery").status_code for _ in range(4)]

    assert [answer.status_code for answer in asked] == [200, 200, 200, 429]
    assert asked[0]["RateLimit-Limit"] == "3"
    # The key's three counted for the person as well, whose six are 2 × 3.
    assert pages == [200, 200, 200, 429]
    # It ends with the plan.
    put_on(company, "free")
    assert alice_api.get("/api/v1/jobs").status_code == 429


def test_a_plans_factor_does_not_follow_its_people_to_other_companies(
    alice: User, alice_client: Client, limit: Callable[..., None]
) -> None:
    limit(person=2)
    put_on(make_team(alice), "enterprise")
    assert [alice_client.get("/gallery").status_code for _ in range(3)] == [200, 200, 429]


def test_within_the_ordinary_limit_no_plan_is_asked_for(alice_client: Client, limit: Callable[..., None]) -> None:
    limit(person=2)
    asked: list[HttpRequest] = []

    def spy(request: HttpRequest) -> int:
        asked.append(request)
        return 1

    registry.rate_factor.register(spy)
    codes = [alice_client.get("/profile").status_code for _ in range(3)]
    registry.rate_factor.listeners.remove(spy)
    assert (codes[-1], len(asked)) == (429, 1)


def test_uploads_beyond_the_limit_leave_nothing(alice: User, alice_api: APIClient, limit: Callable[..., None]) -> None:
    limit(uploads=1)

    def upload() -> Any:
        file = SimpleUploadedFile("fox.png", tiny("PNG", "red"), content_type="image/png")
        return alice_api.post("/api/v1/uploads", {"file": file}, format="multipart")

    assert upload().status_code == 201
    refused = upload()

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused["RateLimit-Limit"] == "1"
    assert Asset.objects.filter(user=alice).count() == 1


def test_jobs_beyond_the_limit_are_not_made_nor_paid(
    alice: User, alice_client: Client, alice_api: APIClient, limit: Callable[..., None]
) -> None:
    limit(processing=1)
    asked = {"model": "studio-scenes", "prompt": "red fox", "seed": 3}
    assert alice_api.post("/api/v1/jobs", asked).status_code == 201
    before = alice_api.get("/api/v1/credits/balance").json()

    assert alice_api.post("/api/v1/jobs", asked | {"dry_run": True}).status_code == 200
    refused = alice_api.post("/api/v1/jobs", asked)
    page = alice_client.post("/generate", {"model": "studio-scenes", "task": "text-to-image", "prompt": "red fox"})

    assert refused.status_code == page.status_code == 429
    assert "started very many jobs" in page.content.decode()
    assert Job.objects.filter(user=alice).count() == 1
    assert alice_api.get("/api/v1/credits/balance").json() == before


def test_downloads_have_their_own_limit_and_looking_has_none(
    alice_client: Client, alice_api: APIClient, limit: Callable[..., None]
) -> None:
    limit(downloads=1, address=0)
    file = SimpleUploadedFile("fox.png", tiny("PNG", "red"), content_type="image/png")
    made = alice_api.post("/api/v1/uploads", {"file": file}, format="multipart").json()

    def download() -> Any:
        return alice_client.get(f"/a/{made['id']}/download", follow=True)

    first, refused = download(), download()
    looked = [alice_client.get(made["url"].removeprefix("http://testserver")) for _ in range(3)]

    assert (first.status_code, refused.status_code) == (200, 429)
    assert "downloaded very many files" in refused.content.decode()
    assert [answer.status_code for answer in looked] == [200, 200, 200]
    # Closing a file's answer also ends the request's database connection, so it comes last.
    for answer in (first, *looked):
        answer.close()


def test_without_redis_everything_passes(
    db: None, limit: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limit(address=1)
    nobody = redis.Redis(port=1, socket_connect_timeout=1)
    monkeypatch.setattr(limits, "connection", lambda: nobody)

    answers = [APIClient().get("/api/v1/models").status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    assert caplog.text.count("limits are not counted") == 1
    monkeypatch.setattr(limits, "connection", realtime.connection)
    monkeypatch.setattr(limits._Sight, "_until", 0.0)
    assert _take(name="address")
    assert "limits are counted again" in caplog.text


@pytest.mark.parametrize(
    ("proxies", "forwarded", "name"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "nonsense", "10.0.0.1"),
        (1, "2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_visitor_is_seen_past_our_own_proxies_only(settings: Any, proxies: int, forwarded: str, name: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="10.0.0.1")

    assert client_address.visitor_name(request) == name
