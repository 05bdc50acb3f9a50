"""The fear that a stranger takes over a new installation, or guesses a way into an old one."""

import pytest
from django.test import Client

from rollbook.actions import signing
from rollbook.actions.actor import of_account
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store.models import Account, AuditEntry, District
from tests.district import Grove
from tests.signing_in import passes

GIVEN = {
    "district": "Maple Grove",
    "email": "Ada@Maple.example",
    "time_zone": "America/Chicago",
    "password": "four odd words together",
    "again": "four odd words together",
}

pytestmark = pytest.mark.django_db


def failed(client: Client, email: str, times: int = 1) -> list[int]:
    return [client.post("/sign-in/", {"email": email, "password": "wrong"}).status_code for _ in range(times)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three failures be many: each costs as much as a password is worth."""
    monkeypatch.setattr(signing, "PAIR", 3)


@pytest.fixture
def started() -> Account:
    Client().post("/first-start/", GIVEN)
    return Account.objects.get()


def test_everything_leads_to_the_first_start_while_there_is_no_district() -> None:
    for address in ("/", "/imports/", "/sign-in/", "/people/"):
        assert Client().get(address).headers["Location"] == "/first-start/"


def test_the_first_start_makes_district_and_administrator_and_signs_in() -> None:
    client = Client()
    assert client.get("/first-start/").status_code == 200
    assert client.post("/first-start/", GIVEN).headers["Location"] == "/"

    account = Account.objects.get()
    assert (account.email, account.district.time_zone) == ("ada@maple.example", "America/Chicago")
    assert dict(of_account(account).rights) == dict.fromkeys(Right)
    assert client.get("/").headers["Location"] == "/sign-in/first-factor/"
    passes(client, account)
    assert "Add a source" in client.get("/").content.decode()


def test_the_first_start_is_refused_once_there_is_a_district(started: Account) -> None:
    thief = Client()
    assert thief.get("/first-start/").status_code == 302
    assert thief.post("/first-start/", GIVEN | {"email": "thief@elsewhere.example"}).headers["Location"] == "/sign-in/"
    assert (District.objects.count(), Account.objects.count()) == (1, 1)
    assert thief.get("/").status_code == 302


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("district", " ", "is required"),
        ("email", "ada", "is not an email address"),
        ("password", "short", "15 characters"),
        ("password", "Maple Grove maple grove 1", "mostly made of a name"),
        ("password", "abababababababababab", "the same few characters"),
        ("again", "another one", "is not the same"),
        ("time_zone", "Mars/Olympus", "is not a time zone"),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_made(name: str, value: str, said: str) -> None:
    wrong = GIVEN | ({"password": value, "again": value} if name == "password" else {name: value})
    page = Client().post("/first-start/", wrong)
    assert page.status_code == 400
    assert said in page.content.decode()
    assert not District.objects.exists()


def test_only_time_zones_that_people_know_are_offered() -> None:
    page = Client().get("/first-start/").content.decode()
    assert '<option value="Europe/Warsaw">Europe/Warsaw</option>' in page
    for machines in ("localtime", "Zulu", "ROC", "W-SU", "Etc/GMT"):
        assert f'value="{machines}' not in page


def test_a_password_is_never_sent_back() -> None:
    page = Client().post("/first-start/", GIVEN | {"email": "ada"})
    assert GIVEN["password"] not in page.content.decode()


def test_the_session_gets_a_new_key_when_somebody_signs_in(started: Account) -> None:
    client = Client()
    session = client.session
    session["before"] = True
    session.save()
    planted = session.session_key
    client.cookies["rollbook_session"] = planted

    client.post("/sign-in/", {"email": " ADA@maple.example", "password": GIVEN["password"]})

    assert client.session.session_key != planted
    assert "before" not in client.session
    assert client.get("/sign-in/first-factor/").status_code == 200


def test_signing_in_never_leads_to_another_host(started: Account) -> None:
    answers = {"email": GIVEN["email"], "password": GIVEN["password"]}
    assert Client().post("/sign-in/", answers | {"next": "https://evil.example/"}).headers["Location"] == "/"
    assert Client().post("/sign-in/", answers | {"next": "//evil.example/"}).headers["Location"] == "/"
    assert Client().post("/sign-in/", answers | {"next": "/imports/"}).headers["Location"] == "/imports/"


def test_signing_out_takes_a_post_and_ends_the_session(started: Account) -> None:
    client = Client()
    passes(client, started)
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert client.get("/").headers["Location"].startswith("/sign-in/")


def test_a_guesser_has_to_wait_and_the_right_password_does_not_help(started: Account) -> None:
    client = Client()
    assert failed(client, started.email, signing.PAIR) == [401] * signing.PAIR
    assert failed(client, started.email) == [429]
    assert client.post("/sign-in/", {"email": started.email, "password": GIVEN["password"]}).status_code == 429
    assert AuditEntry.objects.filter(act="sign-in.failed").count() == signing.PAIR


def test_a_guesser_cannot_lock_out_somebody_at_another_address(started: Account) -> None:
    failed(Client(REMOTE_ADDR="203.0.113.9"), started.email, signing.PAIR + 1)
    answers = {"email": started.email, "password": GIVEN["password"]}
    assert Client(REMOTE_ADDR="198.51.100.7").post("/sign-in/", answers).status_code == 302


def test_the_wait_is_over_after_a_quarter_of_an_hour(started: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    failed(Client(), started.email, signing.PAIR)
    later = clock.now() + signing.WINDOW
    monkeypatch.setattr(clock, "now", lambda: later)
    assert failed(Client(), started.email) == [401]


def test_an_account_that_is_none_is_not_told_apart(started: Account) -> None:
    def said(email: str) -> str:
        return Client().post("/sign-in/", {"email": email, "password": "wrong"}).content.decode().replace(email, "")

    def without_token(page: str) -> str:
        return "\n".join(line for line in page.splitlines() if "csrf" not in line.lower())

    assert without_token(said(started.email)) == without_token(said("nobody@maple.example"))


def test_who_has_left_cannot_sign_in(district: Grove) -> None:
    district.account.set_password(GIVEN["password"])
    district.account.state = "inactive"
    district.account.save()
    answers = {"email": district.account.email, "password": GIVEN["password"]}
    assert Client().post("/sign-in/", answers).status_code == 401
