"""The fear that a password is poor, stays with a thief, or can be changed by whoever is not its holder."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from rollbook.actions import letters, links, passwords
from rollbook.lib import clock
from rollbook.store.models import Account, AuditEntry, Letter, MailedLink, Session
from tests.district import Clock, Grove
from tests.postbox import listening
from tests.signing_in import OTHER, PASSWORD, account, of, tries


@pytest.fixture
def tess(district: Grove) -> Account:
    return account(district.row, "tess", name="Tess Underhill")


def mailed(purpose: str = "new-password") -> str:
    """Return the address in the letter that waits, without the host."""
    texts = [each.text for each in Letter.objects.order_by("-pk")]
    return next(met[1] for text in texts if (met := re.search(rf"://[^/]+(/\S*{purpose}/\S+/)", text)))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("short", "15 characters"),
        ("fourteen lette", "15 characters"),
        ("x" * 257, "256 characters at most"),
        ("maplegrovemaplegrove", "others would try first"),
        ("Maple Grove 2026!", "others would try first"),
        ("tess.underhill.1", "others would try first"),
        ("rollbook-rollbook", "others would try first"),
        ("abababababababab", "same few"),
        ("123456789012345678", "others would try first"),
        ("1q2w3e4r5t6y7u8i9o", "everybody tries"),
    ],
)
def test_a_poor_password_is_refused_in_words(tess: Account, new: str, said: str) -> None:
    assert said in passwords.complaint(tess, new)


@pytest.mark.parametrize(
    "new", ["all lower case here", "ÄÖÜ äöü ßßß 漢字かな", "correct horse  battery", "y" + " plain words" * 20]
)
def test_a_long_one_of_any_letters_is_fine(tess: Account, new: str) -> None:
    assert not passwords.complaint(tess, new)


def test_a_change_ends_the_other_sessions_and_keeps_this_one(tess: Account) -> None:
    here, there = of(tess), of(tess)
    answer = here.post("/me/password/", {"old": PASSWORD, "new": OTHER, "again": OTHER})
    assert answer.headers["Location"] == "/me/"
    assert here.get("/me/").status_code == 200
    assert there.get("/me/").status_code == 302
    assert [each.key for each in Session.objects.filter(account=tess)] == [here.session.session_key]
    assert tries("tess", OTHER) == 302


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"old": "wrong", "new": OTHER, "again": OTHER}, "Your password now is not right"),
        ({"old": PASSWORD, "new": OTHER, "again": "else"}, "is not the same"),
        ({"old": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "is the old one"),
    ],
)
def test_a_change_that_does_not_fit_changes_nothing(tess: Account, given: dict[str, str], said: str) -> None:
    page = of(tess).post("/me/password/", given)
    assert page.status_code == 400
    assert said in page.content.decode()
    assert not any(each in page.content.decode() for each in given.values() if each != "else")
    assert tries("tess", PASSWORD) == 302


def test_an_open_browser_is_no_place_to_guess_the_password(tess: Account) -> None:
    client = of(tess)
    for _ in range(10):
        client.post("/me/password/", {"old": "wrong", "new": OTHER, "again": OTHER})
    page = client.post("/me/password/", {"old": PASSWORD, "new": OTHER, "again": OTHER})
    assert "too often" in page.content.decode()


def test_forgot_says_the_same_to_everybody_and_mails_the_holder_alone(tess: Account) -> None:
    account(tess.district, "pia", state="pending")
    said = {Client().post("/sign-in/forgot/", {"email": name}).content for name in ("tess", "nobody", "pia", "")}
    assert len({re.sub(rb"csrf\S+|[A-Za-z0-9]{64}", b"", each) for each in said}) == 1
    assert [each.to for each in Letter.objects.all()] == ["tess@maple.example"]


def test_the_link_works_once_and_then_the_new_password_does(tess: Account) -> None:
    open_session = of(tess)
    Client().post("/sign-in/forgot/", {"email": "tess"})
    link, client = mailed(), Client()
    there = client.get(link)
    assert there.headers["Location"] == "/sign-in/new-password/", "the secret does not stay in the address"
    answers = {"new": OTHER, "again": OTHER}
    assert client.post("/sign-in/new-password/", answers).headers["Location"] == "/sign-in/"
    assert tries("tess", OTHER) == 302
    assert open_session.get("/me/").status_code == 302
    assert Account.objects.get(pk=tess.pk).email_verified_at is not None
    client.get(link)
    assert client.post("/sign-in/new-password/", answers).status_code == 404


def test_a_link_that_was_only_looked_at_still_works(tess: Account) -> None:
    """Mail programs open links before people do."""
    Client().post("/sign-in/forgot/", {"email": "tess"})
    Client().get(mailed(), follow=True)
    client = Client()
    assert client.get(mailed(), follow=True).status_code == 200
    assert client.post("/sign-in/new-password/", {"new": OTHER, "again": OTHER}).status_code == 302


def test_a_poor_password_does_not_use_the_link_up(tess: Account) -> None:
    Client().post("/sign-in/forgot/", {"email": "tess"})
    client = Client()
    client.get(mailed())
    assert client.post("/sign-in/new-password/", {"new": "short", "again": "short"}).status_code == 400
    assert client.post("/sign-in/new-password/", {"new": OTHER, "again": OTHER}).status_code == 302


@pytest.mark.parametrize("what", ["an hour", "another link", "left", "another email", "made up"])
def test_a_link_is_void_after(tess: Account, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Client().post("/sign-in/forgot/", {"email": "tess"})
    link = mailed()
    if what == "an hour":
        monkeypatch.setattr(clock, "now", Clock(clock.now() + timedelta(hours=1, seconds=1)))
    elif what == "another link":
        links.make(tess, "password")
    elif what == "left":
        Account.objects.filter(pk=tess.pk).update(state="inactive")
    elif what == "another email":
        Account.objects.filter(pk=tess.pk).update(email="new@maple.example")
    else:
        link = "/sign-in/new-password/made-up/"
    client = Client()
    client.get(link)
    assert client.post("/sign-in/new-password/", {"new": OTHER, "again": OTHER}).status_code == 404
    assert tries("tess", PASSWORD) in (302, 401 if what == "left" else 302)


def test_nobody_is_buried_in_letters(tess: Account) -> None:
    for _ in range(passwords.A_NAME + 3):
        Client().post("/sign-in/forgot/", {"email": "tess"})
    assert Letter.objects.count() == passwords.A_NAME
    for number in range(passwords.AN_ADDRESS):
        Client().post("/sign-in/forgot/", {"email": f"nobody{number}"})
    account(tess.district, "vera")
    Client().post("/sign-in/forgot/", {"email": "vera"})
    assert not Letter.objects.filter(to="vera@maple.example").exists()


def test_what_is_kept_of_a_link_opens_nothing(tess: Account) -> None:
    """Whoever reads the database, or its back-up, finds no link in it."""
    Client().post("/sign-in/forgot/", {"email": "tess"})
    clear = mailed().rstrip("/").rpartition("/")[2]
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM store_mailedlink UNION SELECT text FROM store_letter")
        assert not [each for (each,) in cursor.fetchall() if clear in each]
    assert MailedLink.objects.count() == 1


def test_the_letters_go_out_by_mail_and_are_not_kept(tess: Account, settings: Any) -> None:
    Client().post("/sign-in/forgot/", {"email": "tess"})
    with listening(settings) as box:
        assert letters.send() == 1
        assert letters.send() == 0
    assert box.subjects("tess@maple.example") == ["A new password for Rollbook"]
    assert "/sign-in/new-password/" in box.letters[0].get_content()
    assert not Letter.objects.exists()


def test_a_letter_that_cannot_be_sent_is_tried_again_and_dropped_in_the_end(
    tess: Account, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.post("tess@maple.example", "Hello", "there")
    stopped = Clock(clock.now())
    monkeypatch.setattr(clock, "now", stopped)
    with listening(settings) as box:
        box.refuses = "tess"
        for _ in range(letters.TRIES):
            assert letters.send() == 0
            stopped.at += timedelta(days=1)
    assert not Letter.objects.exists()


def test_a_change_is_written_down_without_the_password(tess: Account) -> None:
    of(tess).post("/me/password/", {"old": PASSWORD, "new": OTHER, "again": OTHER})
    entry = AuditEntry.objects.get(act="password.changed")
    assert entry.concerns == tess.pk
    assert "words" not in str(entry.detail)
