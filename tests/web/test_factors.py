"""The fear that a stolen password is enough, or that a lost phone shuts somebody out for good."""

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from django.test import Client

from rollbook.actions import factors, passkeys, passwords
from rollbook.actions.actor import Actor
from rollbook.domain.errors import NotAllowed
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store.models import Account, AuditEntry, Factor, Letter, RecoveryCode
from tests.district import Clock, Grove
from tests.signing_in import PASSWORD, account, of, tries


def shown(secret: str) -> str:
    return pyotp.TOTP(secret).at(clock.now())


def with_app(one: Account) -> tuple[str, list[str]]:
    """Give an account an app, some while ago; return its secret and the recovery codes."""
    secret, _ = factors.begin_app(one)
    codes = factors.confirm_app(one, shown(secret), "my phone", since=clock.now())
    Factor.objects.filter(account=one).update(last_step=0)
    return secret, codes


def at_the_door(one: Account) -> Client:
    """Return a browser in which somebody has typed the password."""
    client = Client()
    assert tries(one.username or "", PASSWORD, client) == 302
    return client


def gives(client: Client, code: str) -> int:
    return client.post("/sign-in/second-factor/", {"code": code}).status_code


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def test_an_app_is_asked_for_after_the_password(tess: Account) -> None:
    secret, _ = with_app(tess)
    client = at_the_door(tess)
    assert client.get("/me/").headers["Location"] == "/sign-in/second-factor/"
    assert gives(client, "000000") == 401
    assert not is_in(client)
    assert gives(client, shown(secret)) == 302
    assert is_in(client)


def test_one_ends_where_one_wanted_to_go(tess: Account) -> None:
    secret, _ = with_app(tess)
    client = at_the_door(tess)
    client.get("/me/sessions/")
    answer = client.post("/sign-in/second-factor/", {"code": shown(secret)})
    assert answer.headers["Location"] == "/me/sessions/"


def test_the_session_gets_another_key_with_the_second_factor(tess: Account) -> None:
    secret, _ = with_app(tess)
    client = at_the_door(tess)
    before = client.session.session_key
    gives(client, shown(secret))
    assert client.session.session_key != before
    assert "this browser" in client.get("/me/sessions/").content.decode()


def test_a_code_works_once(tess: Account, time: Clock) -> None:
    secret, _ = with_app(tess)
    code = shown(secret)
    assert gives(at_the_door(tess), code) == 302
    assert gives(at_the_door(tess), code) == 401
    time.at += timedelta(seconds=30)
    assert gives(at_the_door(tess), shown(secret)) == 302


def test_the_code_that_confirmed_an_app_does_not_open_the_door(tess: Account, time: Clock) -> None:
    secret, _ = factors.begin_app(tess)
    factors.confirm_app(tess, shown(secret), since=clock.now())
    assert gives(at_the_door(tess), shown(secret)) == 401


@pytest.mark.parametrize(("off", "status"), [(-30, 302), (30, 302), (-90, 401), (90, 401)])
def test_a_clock_may_be_half_a_minute_off(tess: Account, time: Clock, off: int, status: int) -> None:
    secret, _ = with_app(tess)
    code = pyotp.TOTP(secret).at(time.at + timedelta(seconds=off))
    assert gives(at_the_door(tess), code) == status


def test_ten_wrong_codes_and_the_right_one_has_to_wait(tess: Account, time: Clock) -> None:
    secret, codes = with_app(tess)
    client = at_the_door(tess)
    for _ in range(factors.WRONG):
        gives(client, "000000")
    assert gives(client, shown(secret)) == 401
    assert gives(client, codes[0]) == 302, "recovery codes cannot be guessed, so they do not wait"
    for _ in range(factors.WRONG):
        gives(at_the_door(tess), "000000")
    time.at += timedelta(minutes=16)
    assert gives(at_the_door(tess), shown(secret)) == 302


def test_a_recovery_code_works_once_however_it_is_written(tess: Account) -> None:
    _, codes = with_app(tess)
    assert len(set(codes)) == factors.CODES
    assert gives(at_the_door(tess), f" {codes[0].upper().replace('-', ' ')} ") == 302
    assert gives(at_the_door(tess), codes[0]) == 401
    assert factors.codes_left(tess) == factors.CODES - 1


def test_recovery_codes_are_kept_as_hashes_and_secrets_encrypted(tess: Account) -> None:
    secret, codes = with_app(tess)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM store_factor UNION SELECT digest FROM store_recoverycode")
        kept = " ".join(each for (each,) in cursor.fetchall())
    assert secret not in kept
    assert not [each for each in codes if each in kept or each.replace("-", "") in kept]


def test_the_code_of_somebody_else_is_no_code(tess: Account) -> None:
    vera = account(tess.district, "vera")
    secret, codes = with_app(vera)
    with_app(tess)
    client = at_the_door(tess)
    assert [gives(client, shown(secret)), gives(client, codes[0])] == [401, 401]


@pytest.mark.parametrize("right", list(Right))
def test_who_holds_a_right_has_to_set_one_up_before_anything_else(tess: Account, right: Right) -> None:
    accounts.give(tess, {right}, 0 if right is not Right.ROSTER else 7)
    client = at_the_door(tess)
    for path in ("/", "/me/", "/me/password/", "/imports/", "/people/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers.get("Location")) in ((302, "/sign-in/first-factor/"), (403, None)), path
    page = client.get("/me/second-factor/app/").content.decode()
    secret = re.search(r'class="id">([A-Z2-7 ]+)<', page)
    assert secret is not None
    answer = client.post("/me/second-factor/app/", {"code": shown(secret[1].replace(" ", ""))})
    assert len(re.findall(r'class="id">[a-z2-7-]{19}<', answer.content.decode())) == factors.CODES
    assert is_in(client)


def test_a_right_that_is_given_during_a_session_asks_for_the_factor_at_once(tess: Account) -> None:
    client = at_the_door(tess)
    assert is_in(client)
    accounts.give(tess, {Right.ROSTER})
    assert client.get("/people/").headers["Location"] == "/sign-in/first-factor/"


def test_nothing_is_done_without_the_factor_either(tess: Account) -> None:
    with_app(tess)
    client = at_the_door(tess)
    for path in ("/me/password/", "/me/second-factor/codes/", "/me/sessions/end/", "/me/second-factor/app/"):
        assert client.post(path, {"password": PASSWORD}).headers["Location"] == "/sign-in/second-factor/"


def test_a_password_thief_cannot_add_a_factor_beside_the_one_that_is_asked_for(tess: Account) -> None:
    with_app(tess)
    client = at_the_door(tess)
    assert client.get("/me/second-factor/app/").headers["Location"] == "/sign-in/second-factor/"
    assert client.get("/sign-in/first-factor/").headers["Location"] != "/me/second-factor/app/"
    assert Factor.objects.filter(account=tess).count() == 1


def test_a_short_password_will_do_beside_a_factor_and_no_longer_without(tess: Account) -> None:
    short = "odd words"
    assert passwords.complaint(tess, short)
    with_app(tess)
    assert not passwords.complaint(tess, short)
    client = of(tess)
    assert client.post("/me/password/", {"old": PASSWORD, "new": short, "again": short}).status_code == 302
    factor = factors.of(tess)[0]
    assert client.post("/me/second-factor/remove/", {"factor": factor.pk, "password": short}).status_code == 302
    again = Client()
    tries("tess", short, again)
    assert again.get("/me/").headers["Location"] == "/me/password/"


def test_removing_asks_for_the_password_and_says_so_by_mail(tess: Account) -> None:
    with_app(tess)
    client, factor = of(tess), factors.of(tess)[0]
    page = client.post("/me/second-factor/remove/", {"factor": factor.pk, "password": "wrong"})
    assert "Your password is not right" in page.content.decode()
    assert factors.of(tess)
    client.post("/me/second-factor/remove/", {"factor": factor.pk, "password": PASSWORD})
    assert not factors.of(tess)
    assert not RecoveryCode.objects.filter(account=tess).exists()
    assert Letter.objects.filter(subject__contains="was removed from").count() == 1


def test_other_sessions_end_with_the_last_factor(tess: Account) -> None:
    """They have passed with something that is gone; given a right, they would be in without any."""
    with_app(tess)
    here, there = of(tess), of(tess)
    here.post("/me/second-factor/remove/", {"factor": factors.of(tess)[0].pk, "password": PASSWORD})
    assert not is_in(there)
    accounts.give(tess, {Right.ROSTER})
    assert here.get("/people/").headers["Location"] == "/sign-in/first-factor/"


def test_new_codes_void_the_old_ones(tess: Account) -> None:
    _, codes = with_app(tess)
    page = of(tess).post("/me/second-factor/codes/", {"password": PASSWORD}).content.decode()
    assert gives(at_the_door(tess), codes[0]) == 401
    fresh = re.findall(r'class="id">([a-z2-7-]{19})<', page)
    assert gives(at_the_door(tess), fresh[0]) == 302


def test_nobody_removes_the_factor_of_somebody_else(tess: Account, ben: Client) -> None:
    with_app(tess)
    account_of_ben = Account.objects.get(email="ben@maple.example")
    account_of_ben.set_password(PASSWORD)
    account_of_ben.save()
    answers = {"factor": factors.of(tess)[0].pk, "password": PASSWORD}
    assert of(account_of_ben).post("/me/second-factor/remove/", answers).status_code == 404
    assert factors.of(tess)


def test_an_administrator_takes_a_lost_one_away_with_a_letter_and_an_entry(district: Grove, tess: Account) -> None:
    with_app(tess)
    open_session = of(tess)
    assert factors.take_away(district.ada, tess) > 0
    assert not factors.of(tess)
    assert open_session.get("/me/").status_code == 302
    assert AuditEntry.objects.get(act="second-factor.taken-away").concerns == tess.pk
    assert Letter.objects.filter(to=tess.email, subject__contains="was removed").exists()
    with pytest.raises(NotAllowed):
        factors.take_away(Actor("eve", district.row.pk, {Right.ROSTER: None}), tess)


def test_an_app_that_never_showed_a_code_counts_for_nothing(tess: Account) -> None:
    factors.begin_app(tess)
    assert not factors.of(tess)
    assert is_in(at_the_door(tess))


def test_passkeys_are_offered_where_browsers_allow_them(settings: Any) -> None:
    offered = {}
    for address in ("https://rollbook.example", "http://localhost:8000", "http://127.0.0.1:8000", "http://rollbook.example"):
        settings.PUBLIC_URL = address
        offered[address] = passkeys.usable()
    assert list(offered.values()) == [True, True, False, False]


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"id": "x", "rawId": "x", "response": {}}'])
def test_a_passkey_s_answer_that_is_none_opens_nothing(tess: Account, answer: str) -> None:
    with_app(tess)
    client = at_the_door(tess)
    assert client.post("/sign-in/second-factor/passkey/", {"answer": answer}).status_code == 401
    assert not is_in(client)


def test_the_demo_does_not_ask_for_one(tess: Account, settings: Any) -> None:
    settings.DEMO = True
    accounts.give(tess, {Right.ROSTER})
    assert is_in(at_the_door(tess))


def test_a_session_that_was_found_open_adds_no_second_factor_without_the_password(tess: Account, time: Clock) -> None:
    """Else whoever sits down there shuts its holder out."""
    thief = of(tess)
    assert "Your Rollbook password" not in thief.get("/me/second-factor/app/").content.decode()
    time.at += timedelta(minutes=11)
    assert "Your Rollbook password" in thief.get("/me/second-factor/app/").content.decode()
    right = {"code": shown(Factor.objects.get().secret), "name": ""}
    for password in ("", "a guess"):
        answer = thief.post("/me/second-factor/app/", right | {"password": password})
        assert (answer.status_code, factors.of(tess)) == (400, [])
        assert "is not right" in answer.content.decode()
    assert thief.post("/me/second-factor/passkey/", {"answer": "{}", "password": "a guess"}).status_code in (302, 400)
    assert factors.of(tess) == []
    thief.post("/me/second-factor/app/", right | {"password": PASSWORD})
    assert len(factors.of(tess)) == 1
