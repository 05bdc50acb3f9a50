"""The fear that somebody stays signed in where nobody knows of it."""

from datetime import timedelta

import pytest
from django.test import Client

from rollbook.actions import sessions
from rollbook.actions.actor import Actor, of_account
from rollbook.domain.errors import NotAllowed, NotFound
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store.models import Account, AuditEntry, District, Session
from tests.district import Clock, Grove
from tests.signing_in import of
from tests.web.test_signing import PASSWORD, account, tries

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def tess(district: Grove) -> Account:
    return account(district.row, "tess")


def test_one_sees_where_one_is_signed_in_and_which_is_this_browser(tess: Account) -> None:
    client = Client(headers={"user-agent": FIREFOX})
    tries("tess", PASSWORD, client)
    of(tess)
    page = client.get("/me/sessions/").content.decode()
    assert "Firefox on Linux" in page
    assert "198.51.100.7" in page
    assert page.count("this browser") == 1
    assert page.count("End this session") == 1


def test_ending_one_session_ends_it_with_the_next_click(tess: Account) -> None:
    here, there = of(tess), of(tess)
    other = Session.objects.get(key=there.session.session_key)
    here.post("/me/sessions/end/", {"session": other.pk})
    assert there.get("/me/").status_code == 302
    assert here.get("/me/").status_code == 200


def test_ending_all_others_leaves_this_one(tess: Account) -> None:
    here, one, two = of(tess), of(tess), of(tess)
    here.post("/me/sessions/end/")
    assert [each.get("/me/").status_code for each in (here, one, two)] == [200, 302, 302]
    assert Session.objects.filter(account=tess).count() == 1


def test_nobody_ends_a_session_of_somebody_else(tess: Account, ben: Client) -> None:
    hers = of(tess)
    session = Session.objects.get(account=tess)
    assert ben.post("/me/sessions/end/", {"session": session.pk}).status_code == 404
    assert hers.get("/me/").status_code == 200


def test_an_administrator_ends_all_of_an_account_and_it_is_written_down(district: Grove, tess: Account) -> None:
    clients = [of(tess), of(tess)]
    assert sessions.end_all(district.ada, tess) == 2
    assert [each.get("/me/").status_code for each in clients] == [302, 302]
    assert AuditEntry.objects.get(act="session.ended", concerns=tess.pk).by == district.account.email


def test_without_the_right_nobody_ends_sessions(district: Grove, tess: Account) -> None:
    of(tess)
    rights = {right: None for right in Right if right is not Right.ACCOUNTS}
    with pytest.raises(NotAllowed):
        sessions.end_all(Actor("eve", district.row.pk, rights), tess)
    with pytest.raises(NotFound):
        sessions.end_all(Actor("eve", District.objects.create(name="Else").pk, dict.fromkeys(Right)), tess)
    with pytest.raises(NotAllowed):
        sessions.end_all(Actor("eve", district.row.pk, {Right.ACCOUNTS: frozenset({1})}), tess)
    assert Session.objects.filter(account=tess).exists()


def test_nobody_touches_an_account_that_holds_rights_which_one_lacks(district: Grove, tess: Account) -> None:
    accounts.give(tess, {Right.EXPORT})
    with pytest.raises(NotAllowed):
        sessions.end_all(Actor("coach", district.row.pk, {Right.ACCOUNTS: None}), tess)
    sessions.end_all(of_account(district.account), tess)


def test_signing_out_takes_the_session_off_the_list(tess: Account) -> None:
    client = of(tess)
    client.post("/sign-out/")
    assert not Session.objects.filter(account=tess).exists()


def test_last_used_is_written_at_most_every_five_minutes(tess: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Clock(clock.now())
    monkeypatch.setattr(clock, "now", time)
    client = of(tess)
    client.get("/me/")
    first = Session.objects.get(account=tess).seen
    time.at += timedelta(minutes=4)
    client.get("/me/")
    assert Session.objects.get(account=tess).seen == first
    time.at += timedelta(minutes=2)
    client.get("/me/")
    assert Session.objects.get(account=tess).seen == time.at


def test_a_session_that_ran_out_is_not_listed(tess: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    of(tess)
    monkeypatch.setattr(clock, "now", Clock(clock.now() + timedelta(hours=13)))
    assert not sessions.of(tess)
