"""Where a person is signed in, and ending that at once."""

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from accounts.sessions import note_session, sessions_of
from config.base import realtime
from config.event_ticket import session_mark
from tests.factories.accounts import PASSWORD
from tests.personas import browser_of

pytestmark = pytest.mark.usefixtures("committed_db")

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)


def sign_in(user: User, agent: str) -> Client:
    client = Client(headers={"user-agent": agent})
    assert client.post("/login", {"login": user.email, "password": PASSWORD}).headers["Location"] == "/generate"
    return client


def is_in(client: Client) -> bool:
    return client.get("/profile").status_code == 200


def row_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def test_each_browser_is_listed_in_words(alice):
    here, elsewhere = sign_in(alice, FIREFOX), sign_in(alice, IPHONE)

    page = here.get("/profile/sessions").content.decode()

    assert page.index("Firefox on Linux") < page.index("this one") < page.index("Safari on iPhone")
    assert "127.0.0.1" in page
    assert here.session.session_key not in page
    assert elsewhere.session.session_key not in page


def test_an_ended_session_is_out_at_its_next_request(alice):
    here, elsewhere = sign_in(alice, FIREFOX), sign_in(alice, IPHONE)
    key = elsewhere.session.session_key
    assert is_in(elsewhere)

    answer = here.post(f"/profile/sessions/{row_of(elsewhere).pk}/end")

    assert answer.headers["Location"] == "/profile/sessions"
    assert not is_in(elsewhere)
    assert is_in(here)
    assert realtime.connection().exists(realtime.session_bar_key(session_mark(key)))
    assert "Safari" not in here.get("/profile/sessions").content.decode()
    entry = AuditEntry.objects.get(actor=alice.email, action="sessions.ended")
    assert entry.detail == {"devices": ["Safari on iPhone"]}


def test_all_others_end_and_this_one_stays(alice):
    here, *others = sign_in(alice, FIREFOX), sign_in(alice, IPHONE), browser_of(alice)
    others[1].get("/profile")

    here.post("/profile/sessions/end")

    assert is_in(here)
    assert not any(is_in(other) for other in others)


def test_nobody_ends_a_session_of_another(alice, bob, bob_client):
    hers = sign_in(alice, FIREFOX)

    assert bob_client.post(f"/profile/sessions/{row_of(hers).pk}/end").status_code == 404
    bob_client.post("/profile/sessions/end")

    assert is_in(hers)
    assert UserSession.objects.filter(user=alice).count() == 1


def test_a_program_is_a_session_too_and_its_tokens_end_with_it(alice, alice_api: APIClient):
    here = sign_in(alice, FIREFOX)
    listed = alice_api.get("/api/v1/users/me/sessions").json()
    assert [one["is_current"] for one in listed] == [True, False]
    assert listed[1]["device"] == "Firefox on Linux"

    assert alice_api.delete(f"/api/v1/users/me/sessions/{listed[1]['id']}").status_code == 204
    assert not is_in(here)
    again = sign_in(alice, FIREFOX)
    again.post("/profile/sessions/end")

    assert alice_api.get("/api/v1/users/me").status_code == 401


def test_all_others_end_by_api(alice, alice_api: APIClient):
    here = sign_in(alice, FIREFOX)

    assert alice_api.delete("/api/v1/users/me/sessions").status_code == 204

    assert not is_in(here)
    assert alice_api.get("/api/v1/users/me").status_code == 200


def test_a_session_that_is_over_is_not_listed(alice, rf):
    here = sign_in(alice, FIREFOX)
    UserSession.objects.create(user=alice, session_key="gone", ip="127.0.0.1", user_agent=IPHONE)

    assert [one.device for one in sessions_of(alice, current_key=here.session.session_key)] == ["Firefox on Linux"]
    assert not UserSession.objects.filter(session_key="gone").exists()


def test_behind_a_socket_the_address_is_left_out(alice, rf):
    here = sign_in(alice, FIREFOX)
    request = rf.get("/", REMOTE_ADDR="")
    request.session = here.session

    note_session(request, user=alice)

    assert sessions_of(alice, current_key=None)[0].address == ""


def test_a_changed_password_ends_the_others_and_they_are_not_listed(alice):
    here, elsewhere = sign_in(alice, FIREFOX), sign_in(alice, IPHONE)

    here.post("/profile/password", {"oldpassword": PASSWORD, "password1": "another-quiet-room"})

    assert not is_in(elsewhere)
    assert is_in(here)
    assert "Safari" not in here.get("/profile/sessions").content.decode()
