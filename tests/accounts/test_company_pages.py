"""The company's pages: what each role sees and may do, and what is told when something is refused."""

import io
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts import companies
from accounts.colours import contrast_on_black, nearest_readable, parse_colour
from accounts.models import AuditEntry, Company, Invitation, Membership, User
from accounts.viewer import SESSION_KEY
from gallery.sweeping import sweep_files
from tests.factories.accounts import PASSWORD, PersonFactory
from tests.factories.teams import acting, join, make_team, place_of, put_on
from tests.personas import browser_of

pytestmark = pytest.mark.django_db
PAGE = "/company"


def browser_in(company, person):
    client = browser_of(person)
    session = client.session
    session[SESSION_KEY] = str(company.pk)
    session.save()
    return client


def text_of(answer):
    return answer.content.decode()


def picture(colour="#0b3d2e", size=(600, 400)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return SimpleUploadedFile("logo.png", buffer.getvalue(), "image/png")


@pytest.fixture
def team(alice, bob):
    return make_team(alice, bob)


def test_a_new_company_is_made_and_acted_for_at_once(alice, alice_client):
    answer = alice_client.post("/company/new", {"name": "  Fox &\tSons "}, follow=True)
    company = Company.objects.get(memberships__user=alice, kind=Company.Kind.TEAM)
    assert company.name == "Fox & Sons"
    assert answer.redirect_chain[-1][0] == PAGE
    assert "Fox &amp; Sons" in text_of(answer)
    assert alice_client.post("/company/new", {"name": " "}).status_code == 422


def test_owners_and_admins_see_usage_invitations_and_settings_and_members_do_not(alice, bob, team):
    for person, sees in ((alice, True), (bob, False)):
        text = text_of(browser_in(team, person).get(PAGE))
        assert ("Send invitation" in text) is sees
        assert ("Save settings" in text) is sees
        assert ("Delete company" in text) is sees
        assert text.count("person-use") == (2 if sees else 1)
        assert alice.email in text
        assert "Leave company" in text
        assert "2</span> of <span" in text


def test_a_personal_company_shows_its_settings_and_no_people(alice_client):
    text = text_of(alice_client.get(PAGE))
    assert "Your personal company" in text
    assert "Save settings" in text
    assert "Send invitation" not in text
    assert "Leave company" not in text


@pytest.mark.parametrize("path", [PAGE, "/generate"])
def test_the_page_costs_the_same_for_one_member_and_for_fifty(path, alice):
    company = make_team(alice, plan="enterprise")
    client = browser_in(company, alice)
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        assert client.get(path).status_code == 200
    for number in range(49):
        join(company, PersonFactory())
        Invitation.objects.create(
            company=company,
            email=f"{number}@example.com",
            token_digest=uuid4().hex,
            invited_by=alice,
            expires_at=timezone.now() + timedelta(days=1),
        )
    with CaptureQueriesContext(connection) as many:
        text = text_of(client.get(path))
    assert len(many) == len(few)
    if path == PAGE:
        assert text.count('id="member-') == 50


def test_switching_goes_only_where_one_belongs(alice, bob, team):
    client = browser_of(bob)
    assert client.post("/company/switch", {"company": str(team.pk)}, follow=True).status_code == 200
    assert client.session[SESSION_KEY] == str(team.pk)
    elsewhere = make_team(alice)
    for wrong in (str(elsewhere.pk), "", "x", str(uuid4())):
        assert client.post("/company/switch", {"company": wrong}).status_code == 403
    assert client.session[SESSION_KEY] == str(team.pk)
    menu = text_of(client.get(PAGE))
    assert team.name.replace("&", "&amp;") in menu
    assert "Bob Brown" in menu


def test_settings_are_saved_and_what_is_wrong_is_told_at_its_field(alice, team):
    client = browser_in(team, alice)
    good = {"name": "Vulpes", "slug": f"vulpes-{uuid4().hex[:6]}", "email": "Pay@Example.com", "domain": ""}
    assert client.post("/company/settings", good).status_code == 302
    team.refresh_from_db()
    assert (team.name, team.email, team.domain) == ("Vulpes", "pay@example.com", None)
    for change, sentence in (
        ({"domain": "gmail.com"}, "Anybody can have an address"),
        ({"domain": "nobody.example"}, "confirmed address"),
        ({"slug": alice.username}, "This short name is taken"),
        ({"slug": "No Spaces"}, "Use letters a to z"),
        ({"name": ""}, "This field is required"),
    ):
        answer = client.post("/company/settings", good | change)
        assert answer.status_code == 422
        assert sentence in text_of(answer)
    team.refresh_from_db()
    assert (team.name, team.slug) == ("Vulpes", good["slug"])


def test_a_member_is_changed_capped_and_removed(alice, bob, team):
    client, member = browser_in(team, alice), place_of(bob, team)
    path = reverse("member-change", args=[member.pk])
    assert client.post(path, {"role": "admin", "credit_cap": "7", "cap_period": "day"}).status_code == 302
    member.refresh_from_db()
    assert (member.role, member.credit_cap, member.cap_period) == ("admin", 7, "day")
    assert client.post(path, {"role": "admin", "credit_cap": "-1", "cap_period": "day"}).status_code == 422

    his = browser_in(team, bob)
    assert his.get(PAGE).status_code == 200
    assert client.post(reverse("member-remove", args=[member.pk])).status_code == 302
    assert team.name.replace("&", "&amp;") not in text_of(his.get(PAGE))


def test_a_refusal_is_told_on_the_page_and_changes_nothing(alice, bob, team):
    mine = place_of(alice, team)
    answer = browser_in(team, alice).post(
        reverse("member-change", args=[mine.pk]), {"role": "member", "credit_cap": "5", "cap_period": "day"}
    )
    assert answer.status_code == 409
    assert "A company needs an owner" in text_of(answer)
    mine.refresh_from_db()
    assert (mine.role, mine.credit_cap) == ("owner", None)
    for path in ("deactivate", "delete", "keep", "settings", "look", "invitations"):
        assert browser_in(team, bob).post(f"/company/{path}", {"password": PASSWORD}).status_code == 403
    team.refresh_from_db()
    assert team.is_active
    assert team.delete_after is None


def test_whoever_leaves_acts_for_the_personal_company(bob, team):
    client = browser_in(team, bob)
    assert client.post("/company/leave").status_code == 302
    assert "Your personal company" in text_of(client.get(PAGE))


def test_a_company_is_handed_over(alice, bob, team):
    client = browser_in(team, alice)
    assert client.post("/company/transfer", {"member": str(place_of(bob, team).pk)}).status_code == 302
    assert (place_of(alice, team).role, place_of(bob, team).role) == ("admin", "owner")
    assert client.post("/company/transfer", {"member": "x"}).status_code == 403


def test_a_company_that_is_switched_off_says_so_everywhere_until_its_owner_switches_it_on(alice, bob, team):
    hers, his = browser_in(team, alice), browser_in(team, bob)
    hers.post("/company/deactivate")
    for client, offered in ((hers, True), (his, False)):
        for path in ("/company", "/generate", "/gallery", "/billing", "/api/v1/jobs"):
            answer = client.get(path)
            assert answer.status_code == 403, path
            assert "is not active" in text_of(answer)
        assert ("Switch it on again" in text_of(client.get(PAGE))) is offered
    assert his.get("/api/v1/jobs").json()["code"] == "company_inactive"
    assert his.post(reverse("company-reactivate", args=[team.pk])).status_code == 403
    assert his.post("/company/switch", {"company": str(bob.memberships.earliest("id").company_id)}).status_code == 302
    assert his.get("/gallery").status_code == 200
    assert hers.post(reverse("company-reactivate", args=[team.pk])).status_code == 302
    assert hers.get("/gallery").status_code == 200


def test_what_an_operator_suspended_shows_the_reason_and_no_button(alice, team):
    companies.suspend_company(company=team, operator=PersonFactory(is_operator=True), reason="Chargebacks.")
    client = browser_in(team, alice)
    text = text_of(client.get(PAGE))
    assert "Chargebacks." in text
    assert "Switch it on again" not in text
    assert client.post(reverse("company-reactivate", args=[team.pk])).status_code == 403
    team.refresh_from_db()
    assert not team.is_active


def test_deleting_needs_the_password_shows_a_banner_and_can_be_taken_back(alice, bob, team):
    client = browser_in(team, alice)
    answer = client.post("/company/delete", {"password": "wrong"})
    assert answer.status_code == 422
    assert "This is not your password" in text_of(answer)
    assert client.post("/company/delete", {"password": PASSWORD}).status_code == 302
    for person in (alice, bob):
        assert "will be deleted on" in text_of(browser_in(team, person).get("/gallery"))
    assert client.post("/company/keep").status_code == 302
    assert "will be deleted on" not in text_of(client.get("/gallery"))
    actions = AuditEntry.objects.filter(company=team).values_list("action", flat=True)
    assert {"company.deletion_requested", "company.deletion_cancelled"} <= set(actions)


def test_a_look_of_its_own_is_judged_cropped_and_shown(alice, bob, team):
    client = browser_in(team, alice)
    refused = client.post("/company/look", {"accent": "#ebc647"})
    assert refused.status_code == 403
    assert "not part of your plan" in text_of(refused)
    put_on(team, "enterprise")

    assert client.post("/company/look", {"accent": "#3DDC97", "logo": picture()}).status_code == 302
    team.refresh_from_db()
    with default_storage.open(team.logo_key) as file, Image.open(file) as logo:
        assert (logo.format, logo.size) == ("WEBP", (256, 256))
    his = browser_in(team, bob)
    page = text_of(his.get("/gallery"))
    address = re.search(r'src="(/company/logo\?v=[^"]+)"', page)[1]
    assert his.get(address).headers["Content-Type"] == "image/webp"
    style = re.search(r'href="(/company/brand\.css\?v=[^"]+)"', page)[1]
    assert "--amber: #3ddc97" in text_of(his.get(style))
    assert "style=" not in page
    elsewhere = browser_of(bob)
    assert elsewhere.get("/company/logo").status_code == 404
    assert text_of(elsewhere.get("/company/brand.css")) == ""

    sweep_files(older_than=timedelta(seconds=-60))
    assert default_storage.exists(team.logo_key)
    old = team.logo_key
    put_on(team, "pro")
    assert "/company/logo" not in text_of(his.get("/gallery"))
    assert default_storage.exists(old)


def test_a_dark_accent_and_a_file_that_is_no_picture_change_nothing(alice, team):
    put_on(team, "enterprise")
    client = browser_in(team, alice)
    answer = client.post("/company/look", {"accent": "#000080", "logo": picture()})
    assert answer.status_code == 422
    assert nearest_readable("#000080") in text_of(answer)
    fake = SimpleUploadedFile("logo.png", b"<svg onload=alert(1)>", "image/png")
    assert client.post("/company/look", {"accent": "#ebc647", "logo": fake}).status_code == 422
    team.refresh_from_db()
    assert (team.accent, team.logo_key) == ("", "")


@pytest.mark.parametrize("colour", ["#000000", "#0000ff", "#614b00", "#8b0000", "#123456", "#757474"])
def test_the_suggested_colour_can_be_read_and_one_step_darker_could_not(colour):
    found = nearest_readable(colour)
    assert 4.5 <= contrast_on_black(found) < 4.6
    assert nearest_readable(found) == found


def test_colours_are_written_in_several_ways():
    assert parse_colour(" #AbC ") == "#aabbcc"
    assert parse_colour("EBC647") == "#ebc647"
    assert parse_colour("red; }") is None


@pytest.fixture
def token(alice, team, django_capture_on_commit_callbacks):
    """A function: invite an address through the page and read the token in the mail."""

    def to(email):
        with django_capture_on_commit_callbacks(execute=True):
            answer = browser_in(team, alice).post("/company/invitations", {"email": email, "role": "member"})
        assert answer.status_code == 302, text_of(answer)
        return re.search(r"/invitations/([\w-]+)", mail.outbox[-1].body)[1]

    return to


def test_an_invited_person_accepts_and_acts_for_the_company(team, token):
    carol = PersonFactory()
    path = f"/invitations/{token(carol.email)}"
    client = browser_of(carol)
    assert "invites you" in text_of(client.get(path))
    assert "Sign up and join" in text_of(Client().get(path))
    assert not Membership.objects.filter(user=carol, company=team).exists(), "looking is not accepting"
    assert client.post(f"{path}/accept").status_code == 302
    assert client.session[SESSION_KEY] == str(team.pk)
    assert "You belong to" in text_of(client.get(path)) or client.get(path).status_code == 410


def test_each_state_of_an_invitation_has_its_page(alice, bob, team, token):
    carol = PersonFactory()
    path = f"/invitations/{token(carol.email)}"
    row = Invitation.objects.filter(company=team).latest("id")
    wrong = browser_of(PersonFactory())
    assert wrong.get(path).status_code == 403
    assert wrong.post(f"{path}/accept").status_code == 403
    client = browser_of(carol)
    put_on(team, "free")
    answer = client.post(f"{path}/accept")
    assert answer.status_code == 409
    assert "is full" in text_of(answer)
    put_on(team, "pro")
    Invitation.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert "too old" in text_of(client.get(path))
    Invitation.objects.filter(pk=row.pk).update(expires_at=timezone.now() + timedelta(days=1))
    assert Client().post(f"{path}/decline").status_code == 200
    assert "taken back" in text_of(client.get(path))
    assert client.get("/invitations/made-up").status_code == 404
    assert Membership.objects.filter(company=team).count() == 2


def test_whoever_signs_up_by_the_invitation_belongs_to_the_company_once_the_address_is_proved(
    team, token, django_capture_on_commit_callbacks
):
    email = f"new-{uuid4().hex[:8]}@example.com"
    path = f"/invitations/{token(email)}"
    client = Client()
    sign_up = re.search(r'href="(/register\?[^"]+)"', text_of(client.get(path)))[1].replace("&amp;", "&")
    form = text_of(client.get(sign_up))
    assert f'value="{email}"' in form
    with django_capture_on_commit_callbacks(execute=True):
        client.post(sign_up, {"email": email, "password1": PASSWORD, "next": path})
    link = re.search(r"http://testserver(/verify-email/\S+)", mail.outbox[-1].body)[1]
    person = User.objects.get(email=email)
    assert not Membership.objects.filter(user=person, company=team).exists(), "before the address is proved"
    answer = client.post(link, {"next": path}, follow=True)
    assert Membership.objects.filter(user=person, company=team).exists()
    assert answer.redirect_chain[-1][0] == path
    assert "You belong to" in text_of(answer)
    assert client.session[SESSION_KEY] == str(team.pk)


def test_companies_open_to_ones_address_are_offered_and_joined(alice, bob):
    domain = f"{uuid4().hex[:8]}.example"
    EmailAddress.objects.create(user=alice, email=f"a@{domain}", verified=True)
    company = make_team(alice)
    companies.update_company(viewer=acting(alice, company), domain=domain, joins_by_domain=True)
    client = browser_of(bob)
    assert text_of(client.get("/company/offers")).strip() == ""
    assert client.post(reverse("company-join", args=[company.pk])).status_code == 404
    EmailAddress.objects.create(user=bob, email=f"b@{domain}", verified=True)
    assert "Join Fox" in text_of(client.get("/company/offers"))
    assert "Join" in text_of(client.get("/company/new"))
    assert client.post(reverse("company-join", args=[company.pk])).status_code == 302
    assert client.session[SESSION_KEY] == str(company.pk)
