"""The development mailbox: readable where it should be, absent everywhere else."""

import pytest
from django.core.mail import send_mail
from django.test import Client

from accounts.mailbox import newest_mails

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailbox(settings, tmp_path):
    settings.DEBUG = settings.LOOPBACK_ONLY = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    settings.ALLOWED_HOSTS = ["testserver", "evil.example.com"]
    return tmp_path


def test_the_newest_mail_comes_first_and_its_link_can_be_followed(client, mailbox):
    send_mail("First", "one", None, ["a@example.com"])
    client.post("/register", {"email": "new@example.com", "password1": "a-dark-and-quiet-room"})
    page = client.get("/dev/mail").content.decode()
    assert page.index("Confirm your address") < page.index("First")
    mail = newest_mails()[0]
    message = client.get(f"/dev/mail/{mail.file}/{mail.number}").content.decode()
    assert mail.to == "new@example.com"
    assert '<a href="http://testserver/verify-email/' in message


def test_an_empty_mailbox_says_what_will_land_there(client, mailbox):
    assert "No mail yet" in client.get("/dev/mail").content.decode()
    mailbox.rmdir()
    assert client.get("/dev/mail").status_code == 200


def test_what_a_mail_says_is_text_not_markup(client, mailbox):
    send_mail("<b>Bold</b>", "<script>alert(1)</script>", None, ["a@example.com"])
    mail = newest_mails()[0]
    assert "<script>alert" not in client.get(f"/dev/mail/{mail.file}/0").content.decode()


@pytest.mark.parametrize("path", ["/dev/mail/../0", "/dev/mail/..%2F..%2Fetc%2Fpasswd/0", "/dev/mail/none.log/0"])
def test_only_mails_can_be_opened(client, mailbox, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("switch", ["DEBUG", "LOOPBACK_ONLY"])
def test_elsewhere_there_is_no_mailbox(client, mailbox, settings, switch):
    send_mail("Secret", "one", None, ["a@example.com"])
    mail = newest_mails()[0]
    setattr(settings, switch, False)
    assert client.get("/dev/mail").status_code == 404
    assert client.get(f"/dev/mail/{mail.file}/{mail.number}").status_code == 404


def test_a_real_mail_server_has_no_mailbox(client, mailbox, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert client.get("/dev/mail").status_code == 404


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "", "2001:db8::1"])
def test_visitors_from_elsewhere_find_no_mailbox(mailbox, address):
    assert Client(REMOTE_ADDR=address).get("/dev/mail").status_code == 404


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_does(mailbox, address):
    assert Client(REMOTE_ADDR=address).get("/dev/mail").status_code == 200


def test_who_just_signed_up_is_led_to_the_mailbox_here_and_nowhere_else(client, mailbox, settings):
    client.post("/register", {"email": "new@example.com", "password1": "a-dark-and-quiet-room"})
    assert 'href="/dev/mail"' in client.get("/verify-email").content.decode()
    settings.LOOPBACK_ONLY = False
    assert "/dev/mail" not in client.get("/verify-email").content.decode()
