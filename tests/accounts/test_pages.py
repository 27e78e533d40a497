"""The sign-in family as a person meets it."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Company, User
from accounts.services import sign_up
from billing.selectors import credits_of
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db

NEW = {"email": "new@example.com", "password1": PASSWORD}


def _link(number: int = -1) -> str:
    """The path of the link in a mail; it must lead to the public address."""
    found = re.search(r"http://testserver(/\S+)", mail.outbox[number].body)
    assert found, mail.outbox[number].body
    return found[1]


def _signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_sign_up_mail_verify_and_in_with_the_way_onward_kept(client):
    onward = "/generate?prompt=red+fox%2C+snow"
    page = client.get(reverse("register"), {"next": onward})
    assert 'value="/generate?prompt=red+fox%2C+snow"' in page.content.decode()
    assert client.post(reverse("register"), {**NEW, "next": onward}).headers["Location"] == "/verify-email"
    assert "new@example.com" in client.get("/verify-email").content.decode()
    user = User.objects.get(email="new@example.com")
    company = Company.objects.get(memberships__user=user)
    assert user.username == "new"
    assert credits_of(company).balance == 0
    link = _link()
    assert "Yes, confirm" in client.get(link).content.decode()
    assert not EmailAddress.objects.get(user=user).verified
    answer = client.post(link)
    assert answer.headers["Location"] == onward
    assert _signed_in(client)
    assert credits_of(company).balance == 100


def test_a_link_opened_in_another_browser_leads_to_sign_in_and_then_onward(client):
    client.post(reverse("register"), {**NEW, "next": "/gallery"})
    elsewhere = Client()
    answer = elsewhere.post(_link())
    assert answer.headers["Location"] == "/login?next=%2Fgallery"
    assert not _signed_in(elsewhere)
    entered = elsewhere.post("/login", {"login": NEW["email"], "password": PASSWORD, "next": "/gallery"})
    assert entered.headers["Location"] == "/gallery"
    assert client.get("/verify-email").headers["Location"] == "/gallery"
    assert _signed_in(client)


def test_a_link_works_once(client):
    client.post(reverse("register"), NEW)
    link = _link()
    client.post(link)
    stranger = Client()
    assert "no longer works" in stranger.get(link).content.decode()
    assert "no longer works" in stranger.post(link).content.decode()
    assert not _signed_in(stranger)
    assert credits_of(Company.objects.get(memberships__user__email=NEW["email"])).balance == 100


def test_a_made_up_link_says_so(client):
    assert "no longer works" in client.get("/verify-email/MQ:made:up").content.decode()


def test_the_way_onward_never_leaves_the_site(client):
    client.post(reverse("register"), {**NEW, "next": "https://evil.example.com/"})
    assert "evil" not in mail.outbox[-1].body
    assert client.post(_link()).headers["Location"] == reverse("generate")


def test_another_mail_comes_when_asked_but_not_at_once(client):
    client.post(reverse("register"), {**NEW, "next": "/gallery"})
    client.post("/verify-email")
    assert len(mail.outbox) == 1


def test_another_mail_comes_after_a_minute(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": "10/m/key"}
    client.post(reverse("register"), {**NEW, "next": "/gallery"})
    client.post("/verify-email")
    assert len(mail.outbox) == 2
    assert client.post(_link()).headers["Location"] == "/gallery"


def test_without_a_sign_up_the_page_tells_what_to_do(client):
    assert "sign in and we send another one" in client.get("/verify-email").content.decode()
    client.post("/verify-email")
    assert mail.outbox == []


def test_a_known_address_looks_like_a_new_one_and_its_owner_is_told(client, alice):
    people = User.objects.count()
    known = client.post(reverse("register"), {"email": alice.email, "password1": PASSWORD})
    page = client.get("/verify-email").content.decode()
    stranger = Client()
    new = stranger.post(reverse("register"), NEW)
    assert (known.status_code, known.headers["Location"]) == (new.status_code, new.headers["Location"])
    csrf = re.compile(r'(value="|"X-CSRFToken": ")\w{64}')
    assert csrf.sub("", page).replace(alice.email, NEW["email"]) == csrf.sub(
        "", stranger.get("/verify-email").content.decode()
    )
    assert mail.outbox[0].to == [alice.email]
    assert "has an account already" in mail.outbox[0].body
    assert User.objects.count() == people + 1


def test_a_weak_password_is_refused_beside_the_field_and_nothing_is_made(client):
    page = client.post(reverse("register"), {**NEW, "password1": "password"}).content.decode()
    assert 'aria-invalid="true"' in page
    assert "too common" in page
    assert not User.objects.filter(email=NEW["email"]).exists()
    assert mail.outbox == []


def test_signing_in_and_out(client, alice):
    answer = client.post("/login", {"login": alice.email.upper(), "password": PASSWORD})
    assert answer.headers["Location"] == reverse("generate")
    assert _signed_in(client)
    assert client.get("/logout").status_code == 200
    assert _signed_in(client)
    assert client.post("/logout").headers["Location"] == "/"
    assert not _signed_in(client)


@pytest.mark.parametrize("address", ["alice", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_look_the_same(client, alice, address):
    email = alice.email if address == "alice" else address
    page = client.post("/login", {"login": email, "password": "wrong-password"}).content.decode()
    assert "do not match" in page
    assert 'role="alert"' in page
    assert not _signed_in(client)


def test_after_five_wrong_passwords_the_right_one_waits_too(client, alice):
    for _ in range(5):
        client.post("/login", {"login": alice.email, "password": "wrong-password"})
    page = client.post("/login", {"login": alice.email, "password": PASSWORD}).content.decode()
    assert "Too many failed sign-ins" in page
    assert not _signed_in(client)


def test_too_many_sign_ups_from_one_place_get_a_page_that_says_wait(client):
    for number in range(20):
        client.post(reverse("register"), {"email": f"n{number}@example.com", "password1": "short"})
    answer = client.post(reverse("register"), NEW)
    assert answer.status_code == 429
    assert "Wait a minute" in answer.content.decode()
    assert not User.objects.filter(email=NEW["email"]).exists()


def test_an_unproved_person_is_led_to_the_mail(client):
    client.post(reverse("register"), NEW)
    stranger = Client()
    answer = stranger.post("/login", {"login": NEW["email"], "password": PASSWORD})
    assert answer.headers["Location"] == "/verify-email"
    assert not _signed_in(stranger)


@pytest.mark.parametrize("who", ["person", "company"])
def test_an_inactive_person_or_company_does_not_get_in(client, alice, who):
    if who == "person":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    else:
        Company.objects.filter(memberships__user=alice).update(is_active=False)
    answer = client.post("/login", {"login": alice.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/account-inactive"
    assert "not active" in client.get("/account-inactive").content.decode()
    assert not _signed_in(client)


def test_reset_by_mail_signs_in_with_the_new_password(client, alice, alice_client):
    answer = client.post("/reset-password", {"email": alice.email})
    assert answer.headers["Location"] == "/reset-password/sent"
    assert "on its way" in client.get("/reset-password/sent").content.decode()
    link = _link()
    form = client.get(link)
    assert form.headers["Location"].endswith("-set-password")
    assert alice.email in client.get(form.headers["Location"]).content.decode()
    done = client.post(form.headers["Location"], {"password1": "another-quiet-room"})
    assert done.headers["Location"] == reverse("generate")
    assert _signed_in(client)
    assert alice_client.get("/profile").status_code == 302
    assert "no longer works" in Client().get(link).content.decode()
    assert AuditEntry.objects.filter(action="password.reset", target=alice.email).exists()
    alice.refresh_from_db()
    assert alice.check_password("another-quiet-room")


def test_a_weak_new_password_changes_nothing(client, alice):
    client.post("/reset-password", {"email": alice.email})
    form = client.get(_link()).headers["Location"]
    assert 'aria-invalid="true"' in client.post(form, {"password1": "12345678"}).content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_reset_of_an_unknown_address_looks_the_same(client):
    answer = client.post("/reset-password", {"email": "nobody@example.com"})
    assert answer.headers["Location"] == "/reset-password/sent"
    assert "There is none" in mail.outbox[0].body


@pytest.mark.parametrize("host", ["testserver", "127.0.0.1"])
def test_links_in_mails_lead_to_the_public_address(client, alice, host, settings):
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    settings.HEADLESS_FRONTEND_URLS = {
        name: url.replace("http://testserver", "https://darkroom.example")
        for name, url in settings.HEADLESS_FRONTEND_URLS.items()
    }
    client.post("/reset-password", {"email": alice.email}, headers={"host": host})
    client.post(reverse("register"), NEW, headers={"host": host})
    html = [str(content) for message in mail.outbox for content, _ in message.alternatives]
    for text in [message.body for message in mail.outbox] + html:
        assert "https://darkroom.example/" in text
    assert len(html) == 2


def test_a_mail_server_that_fails_is_told_and_the_person_is_kept(client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    client.post(reverse("register"), NEW)
    assert "could not send the mail" in client.get("/verify-email").content.decode()
    assert User.objects.filter(email=NEW["email"]).exists()


def test_the_profile_is_changed(alice, alice_client):
    change = {"full_name": "Alice B. Adams", "username": "Ali-Ce", "language": "en", "time_zone": "Europe/Kyiv"}
    assert alice_client.post("/profile", change).headers["Location"] == "/profile"
    alice.refresh_from_db()
    assert (alice.full_name, alice.username, alice.time_zone) == ("Alice B. Adams", "ali-ce", "Europe/Kyiv")


@pytest.mark.parametrize(
    "change", [{"username": "admin"}, {"username": "has space"}, {"time_zone": "Mars/Base"}, {"language": "xx"}]
)
def test_a_wrong_profile_changes_nothing(alice, alice_client, change):
    sent = {"full_name": "X", "username": alice.username, "language": "en", "time_zone": "UTC"} | change
    assert alice_client.post("/profile", sent).status_code == 422
    assert User.objects.get(pk=alice.pk).full_name == "Alice Adams"


def test_nobody_takes_the_user_name_of_another(alice, bob, alice_client):
    sent = {"full_name": "X", "username": bob.username.upper(), "language": "en", "time_zone": "UTC"}
    page = alice_client.post("/profile", sent)
    assert page.status_code == 422
    assert User.objects.get(pk=alice.pk).full_name == "Alice Adams"


def test_a_changed_password_keeps_this_browser_and_ends_the_others(alice, alice_client):
    other = Client()
    other.force_login(alice)
    sent = {"oldpassword": PASSWORD, "password1": "another-quiet-room"}
    assert alice_client.post("/profile/password", sent).headers["Location"] == "/profile"
    assert alice_client.get("/profile").status_code == 200
    assert other.get("/profile").status_code == 302


def test_a_wrong_current_password_changes_nothing(alice, alice_client):
    sent = {"oldpassword": "wrong-password", "password1": "another-quiet-room"}
    assert "not your current password" in alice_client.post("/profile/password", sent).content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize("path", ["/profile", "/profile/password"])
def test_strangers_sign_in_first(client, path):
    assert client.get(path).headers["Location"] == f"/login?next={path}"


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_who_is_in_already_goes_on(alice_client, path):
    assert alice_client.get(path).headers["Location"] == reverse("generate")


def test_a_signed_in_person_whose_company_was_switched_off_can_do_nothing(client):
    user = User(email="lone@example.com")
    user.set_password(PASSWORD)
    company = sign_up(user=user)
    client.force_login(user)
    Company.objects.filter(pk=company.pk).update(is_active=False)
    assert client.get(reverse("generate")).status_code == 403


def test_the_sign_in_pages_tell_password_managers_what_is_what(client):
    register, login = (client.get(path).content.decode() for path in ["/register", "/login"])
    assert 'autocomplete="username"' in register
    assert 'autocomplete="new-password"' in register
    assert 'autocomplete="current-password"' in login
