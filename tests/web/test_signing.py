"""The fear that a guesser gets in, or that a guesser keeps somebody else out."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from rollbook.actions import signing
from rollbook.lib import clock
from rollbook.store import failures
from rollbook.store.models import Account, AuditEntry, District
from tests.district import Clock
from tests.signing_in import OTHER, PASSWORD, account, tries


def from_everywhere(name: str, times: int) -> list[int]:
    return [tries(name, address=f"203.0.113.{number}") for number in range(times)]


@pytest.mark.parametrize("name", ["tess", "TESS ", "Tess@Maple.example"])
def test_username_and_email_both_lead_in_however_they_are_written(tess: Account, name: str) -> None:
    client = Client()
    assert tries(name, PASSWORD, client) == 302
    assert client.get("/me/").status_code == 200


def test_the_same_username_in_two_districts_is_told_apart_by_the_password(tess: Account) -> None:
    other = account(District.objects.create(name="Elm Hollow"), "tess", OTHER)
    assert signing.sign_in("tess", PASSWORD, "") == tess
    assert signing.sign_in("tess", OTHER, "") == other


def test_a_name_that_eleven_districts_have_leads_in_where_the_district_is_known(tess: Account) -> None:
    others = [account(District.objects.create(name=f"Elm {number}"), "tess", OTHER) for number in range(10)]
    Account.objects.exclude(pk=tess.pk).filter(username="tess").update(email="")
    eleventh = others[-1]
    browser = Client()
    answer = browser.post("/sign-in/", {"email": "tess", "password": OTHER})
    assert answer.status_code == 401
    assert "the sign-in address that your school gives you" in answer.content.decode()
    assert AuditEntry.objects.filter(act="sign-in.failed").count() == 0, "nobody has guessed wrong"
    address = Client().get(f"/start/?district={eleventh.district_id}").headers["Location"]
    page = browser.get(address).content.decode()
    assert f'name="district" value="{eleventh.district_id}"' in page
    assert f"/sign-in/forgot/?district={eleventh.district_id}" in page
    assert browser.post("/sign-in/", {"email": "tess", "password": OTHER, "district": eleventh.district_id}).status_code == 302
    assert int(browser.session["_auth_user_id"]) == eleventh.pk
    assert tries("tess@maple.example", PASSWORD) == 302, "an email is one human's, so it needs no district"


@pytest.mark.parametrize("state", ["pending", "inactive"])
def test_who_is_not_active_hears_what_strangers_hear(tess: Account, state: str) -> None:
    Account.objects.filter(pk=tess.pk).update(state=state)
    assert tries("tess", PASSWORD) == tries("nobody") == 401


def test_each_answer_costs_one_hash_whoever_is_asked_for(tess: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.hashers import Argon2PasswordHasher

    hashed: list[str] = []
    encode, verify = Argon2PasswordHasher.encode, Argon2PasswordHasher.verify
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda *given: hashed.append("made") or encode(*given))
    monkeypatch.setattr(Argon2PasswordHasher, "verify", lambda *given: hashed.append("compared") or verify(*given))
    without = account(tess.district, "unset")
    Account.objects.filter(pk=without.pk).update(password="!unusable")
    resting = account(tess.district, "resting")
    Account.objects.filter(pk=resting.pk).update(locked_until=clock.now() + timedelta(hours=1))
    counts = {}
    for name in ("tess", "nobody", "unset", "resting"):
        hashed.clear()
        tries(name)
        counts[name] = len(hashed)
    assert set(counts.values()) == {1}, counts


def test_ten_failures_in_a_row_from_wherever_let_the_account_rest(tess: Account, time: Clock) -> None:
    assert set(from_everywhere("tess", signing.ACCOUNT)) == {401}
    assert Account.objects.get(pk=tess.pk).locked_until == time.at + timedelta(minutes=15)
    assert tries("tess", PASSWORD) == 401, "and the right password gets the same answer as a wrong one"
    assert AuditEntry.objects.get(act="account.locked").concerns == tess.pk
    time.at += timedelta(minutes=16)
    assert tries("tess", PASSWORD) == 302
    assert Account.objects.get(pk=tess.pk).locked_until is None


def test_each_failure_after_a_rest_doubles_it_up_to_a_day(tess: Account, time: Clock) -> None:
    from_everywhere("tess", signing.ACCOUNT)
    rests = []
    for _ in range(8):
        time.at = Account.objects.get(pk=tess.pk).locked_until + timedelta(seconds=1)
        tries("tess")
        rests.append(Account.objects.get(pk=tess.pk).locked_until - time.at)
    assert rests[:3] == [timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)]
    assert max(rests) == timedelta(days=1)


def test_failures_while_it_rests_do_not_prolong_the_rest(tess: Account) -> None:
    from_everywhere("tess", signing.ACCOUNT)
    until = Account.objects.get(pk=tess.pk).locked_until
    from_everywhere("tess", 5)
    assert Account.objects.get(pk=tess.pk).locked_until == until


def test_the_page_does_not_say_whether_an_account_rests(tess: Account) -> None:
    def page(name: str) -> str:
        said = Client().post("/sign-in/", {"email": name, "password": PASSWORD}).content.decode().replace(name, "")
        return "\n".join(line for line in said.splitlines() if "csrf" not in line.lower())

    from_everywhere("tess", signing.ACCOUNT)
    assert page("tess") == page("nobody")


def test_an_administrator_ends_the_rest(tess: Account) -> None:
    from_everywhere("tess", signing.ACCOUNT)
    signing.unlock(Account.objects.get(pk=tess.pk))
    assert tries("tess", PASSWORD) == 302


def test_a_device_that_the_account_knows_gets_in_while_it_rests(tess: Account) -> None:
    own = Client()
    assert tries("tess", PASSWORD, own) == 302
    own.post("/sign-out/")
    from_everywhere("tess", signing.ACCOUNT)
    assert tries("tess", PASSWORD, Client()) == 401
    assert tries("tess", PASSWORD, own) == 302


def test_a_guesser_in_the_same_building_does_not_keep_a_known_device_out(tess: Account) -> None:
    own = Client()
    tries("tess", PASSWORD, own)
    own.post("/sign-out/")
    for number in range(signing.ADDRESS):
        failures.add("from 198.51.100.7", f"somebody{number} 198.51.100.7")
    assert tries("tess", PASSWORD) == 429
    assert tries("tess", PASSWORD, own) == 302


def test_a_known_device_has_ten_tries_and_is_a_stranger_then(tess: Account) -> None:
    thief = Client()
    tries("tess", PASSWORD, thief)
    thief.post("/sign-out/")
    assert [tries("tess", "wrong", thief) for _ in range(signing.DEVICE)] == [401] * signing.DEVICE
    assert Account.objects.get(pk=tess.pk).locked_until is None
    from_everywhere("tess", signing.ACCOUNT)
    assert tries("tess", PASSWORD, thief) == 401


def test_what_a_device_carries_cannot_be_made_up_or_used_for_another_account(tess: Account) -> None:
    account(tess.district, "vera")
    own = Client()
    tries("vera", PASSWORD, own)
    from_everywhere("tess", signing.ACCOUNT)
    own.post("/sign-out/")
    assert tries("tess", PASSWORD, own) == 401
    own.cookies["rollbook_device"] = own.cookies["rollbook_device"].value.replace("e", "f", 1)
    assert tries("tess", PASSWORD, own) == 401


def test_one_address_has_a_hundred_tries_whatever_the_names(tess: Account) -> None:
    failures.add(*["from 198.51.100.7"] * signing.ADDRESS)
    assert tries("vera", PASSWORD) == 429
    assert tries("tess", PASSWORD, address="203.0.113.1") == 302


@pytest.mark.parametrize(
    ("header", "said", "counts_for"),
    [
        (("HTTP_X_FORWARDED_PROTO", "https"), "203.0.113.66, 198.51.100.7", "198.51.100.7"),  # the first one is made up
        (("HTTP_X_FORWARDED_PROTO", "https"), "", "127.0.0.1"),
        (("HTTP_X_FORWARDED_PROTO", "https"), "198.51.100.7:50311", "127.0.0.1"),  # with a port it would be new each time
        (None, "203.0.113.66", "127.0.0.1"),  # no proxy in front: whoever asks could write anything
    ],
)
def test_behind_a_proxy_it_is_the_address_that_the_proxy_saw(
    tess: Account, settings: Any, header: tuple[str, str] | None, said: str, counts_for: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = header
    failures.add(*[f"from {counts_for}"] * signing.ADDRESS)
    client = Client(headers={"X-Forwarded-For": said})
    assert client.post("/sign-in/", {"email": "tess", "password": PASSWORD}).status_code == 429


def test_a_password_longer_than_any_is_wrong_and_costs_no_more(tess: Account) -> None:
    assert tries("tess", PASSWORD + "x" * 100_000) == 401


def test_what_was_typed_as_a_name_is_not_kept_for_ever(tess: Account) -> None:
    tries("tess", "wrong")
    entry = AuditEntry.objects.get(act="sign-in.failed")
    assert (entry.by, entry.concerns) == ("somebody", tess.pk)
    assert "tess" not in str(entry.detail)


def test_a_new_sign_in_replaces_the_session_of_the_browser(tess: Account) -> None:
    account(tess.district, "vera")
    client = Client()
    tries("tess", PASSWORD, client)
    first = client.session.session_key
    tries("vera", PASSWORD, client)
    stale = Client()
    stale.cookies["rollbook_session"] = first or ""
    assert stale.get("/me/").status_code == 302
    assert "vera" in client.get("/me/").content.decode()


@pytest.mark.parametrize("path", ["/", "/me/", "/imports/"])
def test_a_password_that_was_given_has_to_be_changed_first(tess: Account, path: str) -> None:
    Account.objects.filter(pk=tess.pk).update(must_change_password=True)
    client = Client()
    tries("tess", PASSWORD, client)
    if path != "/imports/":
        assert client.get(path).headers["Location"] == "/me/password/"
    answers = {"old": PASSWORD, "new": OTHER, "again": OTHER}
    assert client.post("/me/password/", answers).status_code == 302
    assert client.get("/me/").status_code == 200


def test_counting_forgets_after_two_days(tess: Account, time: Clock) -> None:
    from_everywhere("tess", signing.ACCOUNT - 1)
    time.at += failures.MEMORY
    from_everywhere("tess", 1)
    assert Account.objects.get(pk=tess.pk).locked_until is None
