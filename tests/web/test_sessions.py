"""The fear that somebody stays signed in where nobody knows of it."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.sessions.models import Session as Kept
from django.test import Client

from rollbook.actions import sessions
from rollbook.actions.actor import Actor, of_account
from rollbook.domain.errors import NotAllowed, NotFound
from rollbook.domain.rights import Right
from rollbook.store import accounts
from rollbook.store.models import Account, AuditEntry, District, Run, Session
from tests.district import Clock, Grove
from tests.signing_in import PASSWORD, account, of, tries

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


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
    with pytest.raises(NotFound):
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


def test_last_used_is_written_at_most_every_five_minutes(tess: Account, time: Clock) -> None:
    client = of(tess)
    client.get("/me/")
    first = Session.objects.get(account=tess).seen
    time.at += timedelta(minutes=4)
    client.get("/me/")
    assert Session.objects.get(account=tess).seen == first
    time.at += timedelta(minutes=2)
    client.get("/me/")
    assert Session.objects.get(account=tess).seen == time.at


def test_a_session_that_ran_out_is_not_listed(tess: Account, time: Clock) -> None:
    of(tess)
    time.at += timedelta(hours=13)
    assert not sessions.of(tess)


def uses(client: Client, time: Clock, every: timedelta, times: int) -> list[int]:
    """Return what one gets who comes by again and again."""
    found = []
    for _ in range(times):
        time.at += every
        found.append(client.get("/me/").status_code)
    return found


def test_with_rights_a_session_ends_after_twelve_hours_however_busy(district: Grove, time: Clock) -> None:
    client = of(district.account)
    assert uses(client, time, timedelta(minutes=50), 14) == [200] * 14
    assert uses(client, time, timedelta(minutes=50), 1) == [302]
    page = client.get("/sign-in/").content.decode()
    assert "You were signed out" in page
    assert not Session.objects.filter(account=district.account).exists()


def test_with_rights_an_hour_away_is_too_long(district: Grove, tess: Account, time: Clock) -> None:
    ada, other = of(district.account), of(tess)
    time.at += timedelta(minutes=61)
    assert ada.get("/imports/").headers["Location"] == "/sign-in/?next=/imports/"
    assert other.get("/me/").status_code == 200, "who sees nothing but their own classes may have a lesson without it"


def test_who_gets_rights_meanwhile_has_the_shorter_session_at_once(tess: Account, time: Clock) -> None:
    client = of(tess)
    assert uses(client, time, timedelta(hours=11), 2) == [200, 200]
    accounts.give(tess, {Right.EXPORT})
    assert client.get("/me/").status_code == 302


def test_without_rights_a_session_ends_after_a_week_however_busy(tess: Account, time: Clock) -> None:
    client = of(tess)
    assert uses(client, time, timedelta(hours=8), 20) == [200] * 20
    assert uses(client, time, timedelta(hours=8), 1) == [302]


def test_changing_between_own_accounts_does_not_make_a_session_longer(tess: Account, time: Clock) -> None:
    other = account(tess.district, "tessa")
    Account.objects.filter(pk__in=[tess.pk, other.pk]).update(one=7)
    client = of(tess)
    for number in range(20):
        time.at += timedelta(hours=8)
        client.post("/sign-in/switch/", {"account": (other, tess)[number % 2].pk})
    assert client.get("/me/").status_code == 200
    time.at += timedelta(hours=8)
    assert client.get("/me/").status_code == 302


def test_a_page_that_asks_by_itself_does_not_keep_a_session_alive(imported: Grove, time: Clock) -> None:
    client = of(imported.account)
    progress = f"/imports/{Run.objects.latest('pk').pk}/progress/"
    for _ in range(5):
        time.at += timedelta(minutes=10)
        assert client.get(progress).status_code != 302
    time.at += timedelta(minutes=11)
    assert client.get("/imports/").status_code == 302


def test_sessions_that_ended_by_themselves_are_not_kept(tess: Account, time: Clock) -> None:
    left, alive = of(tess), of(tess)
    key = left.session.session_key
    Kept.objects.filter(session_key=key).update(expire_date=time.at - timedelta(seconds=1))
    Session.objects.filter(key=key).update(seen=time.at - timedelta(hours=12, minutes=6))
    sessions.clear()
    assert not Kept.objects.filter(session_key=key).exists()
    assert [each.key for each in Session.objects.filter(account=tess)] == [alive.session.session_key]
    assert alive.get("/me/").status_code == 200


def test_what_was_sent_after_the_session_had_ended_leads_back_to_its_page_and_says_that_it_was_not_done(held: Run) -> None:
    browser, page = Client(), f"/imports/{held.pk}/?page=2"
    for address in (f"/imports/{held.pk}/again/", f"/manage/{held.source_id}/start/"):
        sent = browser.post(address, headers={"referer": f"http://testserver{page}"})
        assert sent.headers["Location"] == f"/sign-in/?{urlencode({'next': page}, safe='/')}"
        said = browser.get(sent.headers["Location"]).content.decode()
        assert "What you sent was not done" in said
    for elsewhere in ({}, {"referer": "https://evil.example/imports/"}):
        assert browser.post(f"/imports/{held.pk}/again/", headers=elsewhere).headers["Location"] == "/sign-in/?next=/"
    assert Run.objects.latest("pk") == held


def test_an_address_that_only_takes_what_a_button_sends_says_so_in_words(held: Run, ada: Client) -> None:
    answer = ada.get(f"/imports/{held.pk}/again/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    for part in ("What happened", "What was left untouched", "What to do next"):
        assert part in answer.content.decode()
