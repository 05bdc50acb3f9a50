"""The fear that somebody gets in by what a provider says about somebody else: every attack goes the whole way, and fails."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import oidc_provider_mock
import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from rollbook.actions import identities, providers
from rollbook.actions.identities import Proven
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store import providers as reads
from rollbook.store.models import Account, AuditEntry, Identity
from rollbook.store.models import SignInProvider as Provider
from rollbook.web.accounts.providers import back_address
from tests.district import Clock, Grove
from tests.issuer import Issuer
from tests.signing_in import PASSWORD, account, of

TENANT, PERSON = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CLEVER = "4fd43cc56d11340000000005"


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.ALLOWED_NETWORKS = ["127.0.0.0/8", "localhost"]
    providers.openid()._kept.clear()  # another test's provider may have had the same port


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(sub="s-1", email="mia@maple.example", email_verified=True) as made:
        yield made


@pytest.fixture
def mia(district: Grove) -> Account:
    return person(district, "mia")


@pytest.fixture
def openid(district: Grove, issuer: Issuer) -> Provider:
    return provider(district, issuer.url, "openid")


@pytest.fixture
def google(district: Grove, issuer: Issuer) -> Provider:
    issuer.claims |= {"hd": "maple.example"}
    return provider(district, issuer.url, "google")


@pytest.fixture
def microsoft(district: Grove, issuer: Issuer) -> Provider:
    issuer.claims |= {"tid": TENANT, "oid": PERSON, "preferred_username": "mia@maple.example", "email_verified": None}
    return provider(district, issuer.url, "microsoft", tenant=TENANT)


@pytest.fixture
def clever(district: Grove, issuer: Issuer) -> Provider:
    issuer.claims |= {"district": CLEVER, "email_verified": False}
    return provider(district, issuer.url, "clever", tenant=CLEVER)


def provider(district: Grove, issuer: str, kind: str, **more: Any) -> Provider:
    """Make a provider that is here, whatever its kind: the real addresses are tried by nobody."""
    values = {"title": kind.capitalize(), "client_id": "rollbook", "client_secret": "s", "domains": ["maple.example"]} | more
    return Provider.objects.create(district=district.row, kind=kind, issuer=issuer, **values)


def person(district: Grove, name: str, **more: Any) -> Account:
    values = {"email": f"{name}@maple.example", "name": name.capitalize(), "kind": "student", "by_hand": False} | more
    return Account.objects.create(district=district.row, **values)


def leaves(browser: Client, to: Provider, **asked: str) -> str:
    """Press the button; return where the browser is led."""
    response = browser.get(f"/sign-in/with/{to.pk}/", asked)
    assert response.status_code == 302, response.content
    return str(response.headers["Location"])


def comes_back(browser: Client, issuer: Issuer, to: Provider, **asked: str) -> HttpResponse:
    """Go there, sign in, and come back."""
    return browser.get("/sign-in/back/", issuer.agrees(leaves(browser, to, **asked)))


def who(browser: Client) -> int | None:
    number = browser.session.get("_auth_user_id")
    return int(number) if number else None


def refused(browser: Client, response: HttpResponse, words: str = "") -> None:
    assert response.status_code == 403
    assert "Nobody was signed in." in response.content.decode()
    assert words in response.content.decode()
    assert who(browser) is None


def acts(*, but: str = "session.began") -> list[str]:
    return [
        each for each in AuditEntry.objects.order_by("pk").values_list("act", flat=True) if each.startswith(("sign-in", "prov"))
    ]


# --- those who may ---


@pytest.mark.parametrize("kind", ["openid", "google", "microsoft", "clever"])
def test_a_person_of_the_roster_gets_in_and_nothing_is_made(
    kind: str, mia: Account, issuer: Issuer, request: pytest.FixtureRequest, client: Client
) -> None:
    to = request.getfixturevalue(kind)
    before = Account.objects.count()
    response = comes_back(client, issuer, to, next="/me/")
    assert (response.status_code, response.headers["Location"]) == (302, "/me/")
    assert who(client) == mia.pk
    assert Account.objects.count() == before
    assert AuditEntry.objects.get(act="sign-in.provider").concerns == mia.pk


def test_what_is_asked_for_first_is_what_openid_asks_for(openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    asked = dict(parse_qsl(urlsplit(leaves(client, openid)).query))
    assert asked["redirect_uri"] == back_address() == "http://127.0.0.1:8000/sign-in/back/"
    assert (asked["scope"], asked["code_challenge_method"]) == ("openid email profile", "S256")
    assert min(len(asked["state"]), len(asked["nonce"]), len(asked["code_challenge"])) >= 43


def test_capital_letters_do_not_make_another_person(openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    issuer.claims["email"] = "Mia@Maple.EXAMPLE"
    comes_back(client, issuer, openid)
    assert who(client) == mia.pk


def test_who_is_known_stays_known_when_the_address_changes_here_and_there(
    openid: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    comes_back(client, issuer, openid)
    Account.objects.filter(pk=mia.pk).update(email="mia.married@maple.example")
    issuer.claims |= {"email": "another@elsewhere.example", "email_verified": False}
    again = Client()
    comes_back(again, issuer, openid)
    assert who(again) == mia.pk
    assert Identity.objects.get().account == mia


def test_the_new_holder_of_an_address_does_not_inherit_the_account(
    openid: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    comes_back(client, issuer, openid)
    issuer.claims["sub"] = "s-2"
    stranger = Client()
    refused(stranger, comes_back(stranger, issuer, openid), "not clear which account")
    assert Identity.objects.get().subject == "s-1"


def test_a_new_sign_in_takes_the_place_of_whoever_was_there(
    openid: Provider, mia: Account, district: Grove, issuer: Issuer
) -> None:
    shared = of(person(district, "noah"))
    shared.get("/me/")
    before = shared.session.session_key
    comes_back(shared, issuer, openid)
    assert who(shared) == mia.pk
    assert shared.session.session_key != before
    assert not Client(headers={"cookie": f"rollbook_session={before}"}).session.get("_auth_user_id")


def test_one_human_with_two_accounts_is_asked_which(
    openid: Provider, mia: Account, district: Grove, issuer: Issuer, client: Client
) -> None:
    person(district, "mia", kind="guardian", one=7, email="mia@maple.example")
    Account.objects.filter(pk=mia.pk).update(one=7)
    comes_back(client, issuer, openid)
    assert who(client) == mia.pk
    assert client.get("/me/").headers["Location"] == "/sign-in/choose/"


# --- those who may not ---

NOT_TRUE = ["false", "true", 1, 0, "", None, False, [], {}, ["true"], {"verified": True}]


@pytest.mark.parametrize("kind", ["openid", "google"])
@pytest.mark.parametrize("said", NOT_TRUE, ids=str)
def test_only_true_is_true(
    said: Any, kind: str, mia: Account, issuer: Issuer, request: pytest.FixtureRequest, client: Client
) -> None:
    to = request.getfixturevalue(kind)
    issuer.claims["email_verified"] = said
    refused(client, comes_back(client, issuer, to))
    assert not Identity.objects.exists()


@pytest.mark.parametrize(
    "hosted", [None, "", "evil.example", "Maple.example", "maple.example.evil.example", ["maple.example"], True]
)
def test_a_private_google_account_with_a_schools_address_stays_out(
    hosted: Any, google: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    issuer.claims["hd"] = hosted
    refused(client, comes_back(client, issuer, google), "does not belong to your school")
    assert AuditEntry.objects.get(act="sign-in.refused").detail["because"] in ("of the domain none", f"of the domain {hosted}")


def test_who_left_the_workspace_stays_out_although_known(google: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    comes_back(client, issuer, google)
    issuer.claims["hd"] = None
    again = Client()
    refused(again, comes_back(again, issuer, google))


def test_what_somebody_calls_himself_at_google_says_nothing(
    google: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    issuer.claims |= {"email": "stranger@maple.example", "preferred_username": "mia@maple.example", "upn": "mia@maple.example"}
    refused(client, comes_back(client, issuer, google), "There is no account here")


@pytest.mark.parametrize("tenant", [None, "", "common", "9188040d-6c67-4c5b-b112-36a304b66dad", TENANT.upper(), [TENANT]])
def test_a_stranger_with_a_tenant_of_his_own_stays_out(
    tenant: Any, microsoft: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    issuer.claims["tid"] = tenant
    refused(client, comes_back(client, issuer, microsoft), "does not belong to your school")


@pytest.mark.parametrize(
    "more",
    [
        {"oid": None},
        {"oid": ["x"]},
        {"idp": "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/"},
        {"idp": "mail"},
        {"acct": 1},
        {"xms_edov": False},
        {"xms_edov": "false"},
    ],
    ids=str,
)
def test_a_guest_of_the_tenant_is_not_believed_about_his_address(
    more: dict[str, Any], microsoft: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    issuer.claims |= more
    refused(client, comes_back(client, issuer, microsoft))


def test_a_microsoft_person_is_known_by_tenant_and_number(
    microsoft: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    comes_back(client, issuer, microsoft)
    assert (Identity.objects.get().issuer, Identity.objects.get().subject) == (TENANT, PERSON)
    issuer.claims |= {"sub": "another application's", "preferred_username": "x@y.example", "email": None}
    again = Client()
    comes_back(again, issuer, microsoft)
    assert who(again) == mia.pk


@pytest.mark.parametrize("said", [None, "4fd43cc56d11340000000006", [CLEVER]])
def test_people_of_another_district_at_clever_stay_out(
    said: Any, clever: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    issuer.claims["district"] = said
    refused(client, comes_back(client, issuer, clever), "does not belong to your school")


@pytest.mark.parametrize(
    "address",
    [
        "mia@evil.example",
        "mia@maple.example.evil.example",
        "mia@maple.example\n",
        " mia@maple.example",
        "evil@evil.example,mia@maple.example",
        "mi\u0430@maple.example",  # a letter of another alphabet
        "m\u0131a@maple.example",
        "mia@maple\u3002example",
        "\u212aate@maple.example",  # which becomes a plain k in lower case
        ["mia@maple.example"],
        7,
        None,
    ],
    ids=ascii,
)
def test_an_address_of_elsewhere_or_a_look_alike_opens_nothing(
    address: Any, openid: Provider, mia: Account, district: Grove, issuer: Issuer, client: Client
) -> None:
    person(district, "kate")
    issuer.claims["email"] = address
    refused(client, comes_back(client, issuer, openid))


@pytest.mark.parametrize(("state", "words"), [("pending", "not open yet"), ("inactive", "is closed")])
def test_an_account_that_is_not_active_is_told_so_and_nothing_is_kept(
    state: str, words: str, openid: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    Account.objects.filter(pk=mia.pk).update(state=state)
    refused(client, comes_back(client, issuer, openid), words)
    assert not Identity.objects.exists()


def test_who_has_left_stays_out_although_known(openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    comes_back(client, issuer, openid)
    Account.objects.filter(pk=mia.pk).update(state="inactive")
    again = Client()
    refused(again, comes_back(again, issuer, openid), "is closed")


def test_two_people_with_one_address_are_not_told_apart_by_chance(
    openid: Provider, mia: Account, district: Grove, issuer: Issuer, client: Client, ada: Client
) -> None:
    other = person(district, "two", email=mia.email)
    response = comes_back(client, issuer, openid)
    refused(client, response, "not clear which account")
    assert "Mia" not in response.content.decode()
    assert AuditEntry.objects.get(act="sign-in.unclear").detail["accounts"] == [mia.pk, other.pk]
    assert f'<a href="/accounts/{other.pk}/"><bdi>Two</bdi></a>' in ada.get("/settings/sign-in/").content.decode()


def test_people_of_another_district_are_not_found(openid: Provider, issuer: Issuer, client: Client, cleo: Client) -> None:
    elsewhere = Account.objects.exclude(district=openid.district).get()
    Account.objects.filter(pk=elsewhere.pk).update(email="mia@maple.example")
    refused(client, comes_back(client, issuer, openid), "There is no account here")


def test_a_provider_of_another_district_knows_nobody_of_ours(
    openid: Provider, mia: Account, district: Grove, issuer: Issuer, client: Client, cleo: Client
) -> None:
    comes_back(client, issuer, openid)
    elsewhere = Account.objects.exclude(district=district.row).get().district
    theirs = Provider.objects.create(
        district=elsewhere, kind="openid", title="T", issuer=issuer.url, client_id="rollbook", domains=["maple.example"]
    )
    stranger = Client()
    refused(stranger, comes_back(stranger, issuer, theirs), "There is no account here")


# --- accounts with rights ---


def test_an_address_alone_never_opens_an_account_with_rights(
    openid: Provider, mia: Account, issuer: Issuer, client: Client, ada: Client
) -> None:
    accounts.give(mia, [Right.ROSTER])
    refused(client, comes_back(client, issuer, openid), "rights over others")
    waiting = Identity.objects.get()
    assert not waiting.confirmed
    asked = ada.get("/settings/sign-in/").content.decode().partition("Waiting for an administrator")[2]
    assert f"<bdi>{mia}</bdi>" in asked.partition(f'action="/settings/sign-in/waiting/{waiting.pk}/"')[0]
    assert ada.post(f"/settings/sign-in/waiting/{waiting.pk}/", {"do": "confirm"}).status_code == 302
    comes_back(client, issuer, openid)
    assert who(client) == mia.pk


def test_nor_one_that_is_linked_to_an_account_with_rights(
    openid: Provider, mia: Account, district: Grove, issuer: Issuer, client: Client
) -> None:
    Account.objects.filter(pk=mia.pk).update(one=3)
    accounts.give(person(district, "boss", one=3, kind="staff"), [Right.RIGHTS])
    refused(client, comes_back(client, issuer, openid), "rights over others")


def test_nobody_confirms_the_own_account(openid: Provider, district: Grove, issuer: Issuer, client: Client, ada: Client) -> None:
    issuer.claims["email"] = district.account.email
    openid.domains = [district.account.email.partition("@")[2]]
    openid.save()
    refused(client, comes_back(client, issuer, openid), "rights over others")
    assert ada.post(f"/settings/sign-in/waiting/{Identity.objects.get().pk}/", {"do": "confirm"}).status_code == 403
    assert not Identity.objects.get().confirmed


def test_nobody_confirms_an_account_with_rights_that_one_lacks(
    openid: Provider, mia: Account, district: Grove, issuer: Issuer, client: Client
) -> None:
    accounts.give(mia, [Right.EXPORT])
    comes_back(client, issuer, openid)
    lesser = person(district, "lesser", kind="staff")
    accounts.give(lesser, [Right.RIGHTS])
    assert of(lesser).post(f"/settings/sign-in/waiting/{Identity.objects.get().pk}/", {"do": "confirm"}).status_code == 403
    assert not Identity.objects.get().confirmed


def test_who_waits_is_whoever_has_the_address_now(
    openid: Provider, mia: Account, district: Grove, issuer: Issuer, client: Client
) -> None:
    accounts.give(mia, [Right.ROSTER])
    comes_back(client, issuer, openid)
    other = person(district, "noah")
    accounts.give(other, [Right.ROSTER])
    issuer.claims["email"] = other.email
    refused(client, comes_back(client, issuer, openid), "rights over others")
    assert Identity.objects.get().account == other
    other.accountright_set.all().delete()
    comes_back(client, issuer, openid)
    assert who(client) == other.pk
    assert Identity.objects.get().confirmed


def test_what_was_turned_down_has_to_be_asked_again(
    openid: Provider, mia: Account, issuer: Issuer, client: Client, ada: Client
) -> None:
    accounts.give(mia, [Right.ROSTER])
    comes_back(client, issuer, openid)
    ada.post(f"/settings/sign-in/waiting/{Identity.objects.get().pk}/", {"do": "no"})
    assert not Identity.objects.exists()


def test_who_is_signed_in_connects_what_is_shown_and_only_when_asked(
    openid: Provider, district: Grove, issuer: Issuer, ada: Client
) -> None:
    response = comes_back(ada, issuer, openid, connect="yes")
    assert response.headers["Location"] == "/me/sign-in/"
    assert not Identity.objects.exists()
    assert "mia@maple.example" in ada.get("/me/sign-in/").content.decode()  # as whom one is signed in there
    ada.post("/me/sign-in/", {"do": "connect"})
    assert Identity.objects.get().account == district.account
    browser = Client()
    comes_back(browser, issuer, openid)
    assert who(browser) == district.account.pk


def test_a_stolen_session_connects_nothing_without_the_password(openid: Provider, issuer: Issuer, district: Grove) -> None:
    tess = account(district.row, "tess")
    thief = of(tess)
    comes_back(thief, issuer, openid, connect="yes")
    page = thief.post("/me/sign-in/", {"do": "connect", "password": "a guess"})
    assert (page.status_code, Identity.objects.count()) == (400, 0)
    assert "is not right" in page.content.decode()
    assert thief.post("/me/sign-in/", {"do": "connect", "password": PASSWORD}).status_code == 302
    assert Identity.objects.get().account == tess


def test_without_a_password_only_who_has_just_signed_in_connects(
    openid: Provider, issuer: Issuer, mia: Account, time: Clock
) -> None:
    browser = of(mia)
    time.at += timedelta(minutes=11)
    comes_back(browser, issuer, openid, connect="yes")
    page = browser.post("/me/sign-in/", {"do": "connect"})
    assert (page.status_code, Identity.objects.count()) == (400, 0)
    assert "sign in again" in page.content.decode()
    browser = of(mia)
    comes_back(browser, issuer, openid, connect="yes")
    browser.post("/me/sign-in/", {"do": "connect"})
    assert Identity.objects.get().account == mia


def test_saying_no_connects_nothing_later_either(openid: Provider, issuer: Issuer, ada: Client) -> None:
    comes_back(ada, issuer, openid, connect="yes")
    ada.post("/me/sign-in/", {"do": "no"})
    ada.post("/me/sign-in/", {"do": "connect"})
    assert not Identity.objects.exists()


def test_nobody_can_be_made_to_connect_a_strangers_account_by_a_link(openid: Provider, issuer: Issuer, district: Grove) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = of(district.account).cookies
    comes_back(strict, issuer, openid, connect="yes")  # as a picture on a strange page could make it happen
    assert strict.post("/me/sign-in/", {"do": "connect"}).status_code == 403
    assert not Identity.objects.exists()


def test_what_belongs_to_another_account_is_not_taken_over(
    openid: Provider, mia: Account, issuer: Issuer, client: Client, ada: Client
) -> None:
    comes_back(client, issuer, openid)
    comes_back(ada, issuer, openid, connect="yes")
    assert ada.post("/me/sign-in/", {"do": "connect"}).status_code == 409
    assert Identity.objects.get().account == mia


def test_the_only_way_in_is_not_thrown_away(openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    comes_back(client, issuer, openid)
    mine = {"do": "disconnect", "identity": Identity.objects.get().pk}
    assert client.post("/me/sign-in/", mine).status_code == 409
    mia.set_password("four odd words together")
    mia.save()
    browser = of(mia)
    assert browser.post("/me/sign-in/", mine).status_code == 302
    assert not Identity.objects.exists()


def test_nobody_disconnects_somebody_else(openid: Provider, mia: Account, issuer: Issuer, client: Client, ben: Client) -> None:
    comes_back(client, issuer, openid)
    assert ben.post("/me/sign-in/", {"do": "disconnect", "identity": Identity.objects.get().pk}).status_code == 404


# --- the way there and back ---


def test_what_one_browser_began_no_other_one_ends(openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    brought = issuer.agrees(leaves(client, openid))
    victim = Client()
    refused(victim, victim.get("/sign-in/back/", brought), "another window")


def test_an_answer_counts_once(openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    brought = issuer.agrees(leaves(client, openid))
    assert client.get("/sign-in/back/", brought).status_code == 302
    client.post("/sign-out/")
    refused(client, client.get("/sign-in/back/", brought), "another window")


def test_an_answer_to_a_failed_sign_in_counts_once_too(openid: Provider, issuer: Issuer, client: Client) -> None:
    brought = issuer.agrees(leaves(client, openid))
    refused(client, client.get("/sign-in/back/", brought | {"code": "guessed"}))
    refused(client, client.get("/sign-in/back/", brought), "another window")


def test_a_sign_in_is_not_left_open_for_ever(
    openid: Provider, mia: Account, issuer: Issuer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = issuer.agrees(leaves(client, openid))
    later = clock.now() + timedelta(minutes=10, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    refused(client, client.get("/sign-in/back/", brought), "ten minutes")


def test_two_windows_of_one_browser_do_not_disturb_each_other(
    openid: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    first = issuer.agrees(leaves(client, openid))
    leaves(client, openid)
    assert client.get("/sign-in/back/", first).status_code == 302
    assert who(client) == mia.pk


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\x00"])
def test_nobody_is_led_elsewhere_afterwards(then: str, openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    assert comes_back(client, issuer, openid, next=then).headers["Location"] == "/"


def test_who_says_no_there_is_told_so_here(openid: Provider, issuer: Issuer, client: Client) -> None:
    brought = issuer.agrees(leaves(client, openid))
    said = {"state": brought["state"], "error": "access_denied", "error_description": "<b>You won</b>"}
    response = client.get("/sign-in/back/", said)
    refused(client, response, "You did not sign in at Openid")
    assert "You won" not in response.content.decode()


def test_an_answer_of_another_provider_is_not_taken_for_this_one(
    openid: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    brought = issuer.agrees(leaves(client, openid))
    refused(client, client.get("/sign-in/back/", brought | {"iss": "https://evil.example"}))
    assert not issuer.forms  # the code went nowhere


def test_a_provider_that_names_itself_has_to(openid: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    issuer.more = {"authorization_response_iss_parameter_supported": True}
    brought = issuer.agrees(leaves(client, openid))
    refused(client, client.get("/sign-in/back/", brought))
    brought = issuer.agrees(leaves(client, openid))
    assert client.get("/sign-in/back/", brought | {"iss": issuer.url}).status_code == 302


def test_a_provider_that_was_stopped_lets_nobody_in_any_more(
    openid: Provider, mia: Account, issuer: Issuer, client: Client
) -> None:
    brought = issuer.agrees(leaves(client, openid))
    Provider.objects.update(enabled=False)
    refused(client, client.get("/sign-in/back/", brought))
    assert client.get(f"/sign-in/with/{openid.pk}/").headers["Location"] == "/sign-in/"


def test_a_provider_that_is_down_leaves_people_with_words(openid: Provider, client: Client) -> None:
    Provider.objects.update(issuer="http://127.0.0.1:9")
    response = client.get(f"/sign-in/with/{openid.pk}/")
    refused(client, response, "did not come to an end")
    assert "127.0.0.1" not in response.content.decode()


# --- from a portal ---


def test_a_tile_leads_to_the_provider_at_once(google: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    response = client.get("/start/", {"district": google.district_id, "with": "google"})
    asked = dict(parse_qsl(urlsplit(response.headers["Location"]).query))
    assert asked["hd"] == "maple.example"
    assert "prompt" not in asked
    client.get("/sign-in/back/", issuer.agrees(response.headers["Location"]))
    assert who(client) == mia.pk


def test_a_tile_without_a_provider_lets_people_choose(google: Provider, microsoft: Provider, client: Client) -> None:
    page = client.get("/start/", {"district": google.district_id}).content.decode()
    assert "Sign in with Google" in page
    assert "Sign in with Microsoft" in page
    assert "username and password" in page


def test_a_tile_for_a_way_that_is_gone_still_leads_in(google: Provider, client: Client) -> None:
    assert "Sign in with Google" in client.get("/start/?with=microsoft").content.decode()
    Provider.objects.update(enabled=False)
    assert client.get("/start/?with=google").headers["Location"] == "/sign-in/"


def test_clevers_own_start_is_begun_anew_with_a_state(clever: Provider, mia: Account, issuer: Issuer, client: Client) -> None:
    response = client.get("/sign-in/back/", {"code": "of-an-attacker"})
    assert response.headers["Location"].startswith(f"{issuer.url}/authorize?district_id={CLEVER}&")
    assert not issuer.forms  # the code was dropped
    client.get("/sign-in/back/", issuer.agrees(response.headers["Location"]))
    assert who(client) == mia.pk


def test_an_answer_without_a_state_is_none_where_nobody_has_clever(openid: Provider, issuer: Issuer, client: Client) -> None:
    assert client.get("/sign-in/back/", {"code": "of-an-attacker"}).headers["Location"] == "/start/"
    assert not issuer.forms


# --- a provider that we did not write ---


@pytest.fixture
def real(district: Grove) -> Iterator[Callable[[Client, str], HttpResponse]]:
    """Give what signs somebody in at an OpenID provider that others wrote, in plain requests, and comes back."""
    people = [
        oidc_provider_mock.User(sub="s-mia", claims={"email": "mia@maple.example", "email_verified": True}),
        oidc_provider_mock.User(sub="s-evil", claims={"email": "mia@maple.example", "email_verified": "false"}),
    ]
    with oidc_provider_mock.run_server_in_thread(require_nonce=True, user_claims=people) as server:
        to = provider(district, f"http://localhost:{server.server_port}", "openid")

        def sign_in(browser: Client, subject: str) -> HttpResponse:
            answer = httpx2.post(leaves(browser, to), data={"sub": subject}, trust_env=False)
            assert answer.status_code == 302, answer.text
            return browser.get("/sign-in/back/", dict(parse_qsl(urlsplit(answer.headers["location"]).query)))

        yield sign_in


def test_a_real_provider_lets_people_in(real: Callable[[Client, str], HttpResponse], mia: Account, client: Client) -> None:
    response = real(client, "s-mia")
    assert response.status_code == 302, response.content.decode()
    assert who(client) == mia.pk
    again = Client()
    real(again, "s-mia")
    assert who(again) == mia.pk


def test_the_word_false_of_a_real_provider_is_not_true(
    real: Callable[[Client, str], HttpResponse], mia: Account, client: Client
) -> None:
    refused(client, real(client, "s-evil"))
    assert not Identity.objects.exists()


# --- many at once ---


def test_who_begins_again_and_again_from_one_address_waits_and_a_school_does_not(
    openid: Provider, mia: Account, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities, "BEGUN", 3)
    for _ in range(5):
        comes_back(Client(), issuer, openid)  # a school: all of them come to an end
    for _ in range(3):
        leaves(Client(), openid)
    browser = Client()
    answer = browser.get(f"/sign-in/with/{openid.pk}/")
    assert answer.status_code == 429
    assert "Wait a quarter of an hour" in answer.content.decode()
    assert Client().get(f"/sign-in/with/{openid.pk}/", REMOTE_ADDR="203.0.113.9").status_code == 302
    later = clock.now() + identities.WINDOW
    monkeypatch.setattr(clock, "now", lambda: later)
    leaves(browser, openid)


def test_a_browser_that_does_not_come_back_is_soon_forgotten(openid: Provider, client: Client) -> None:
    leaves(client, openid)
    assert client.session.get_expiry_age() <= 600


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("other", "outcomes"), [("s-1", ["in", "in"]), ("s-2", ["Unclear", "in"])])
def test_two_first_sign_ins_to_one_account_at_the_same_moment(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str, outcomes: list[str]
) -> None:
    """One human in two browsers gets in twice and is known once; of two humans with one address the second stays outside."""
    settings.DATA_DIR = tmp_path / "kept"
    district = Grove(tmp_path)
    mia, to = person(district, "mia"), provider(district, "https://login.maple.example", "openid")
    both, read, found = threading.Barrier(2), reads.reached_at, []

    def read_by_both(number: int, emails: Any) -> list[Account]:
        seen = read(number, emails)
        both.wait(20)  # each has looked before the other has written
        return seen

    def comes(subject: str) -> None:
        try:
            entered = identities.enter(Proven(to, to.issuer, subject, ("mia@maple.example",)))
            found.append("in" if entered.pk == mia.pk else "as somebody else")
        except identities.SignInRefused as error:
            found.append(type(error).__name__)
        finally:
            connection.close()

    monkeypatch.setattr(reads, "reached_at", read_by_both)
    threads = [threading.Thread(target=comes, args=(subject,)) for subject in ("s-1", other)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sorted(found) == outcomes
    assert Identity.objects.filter(account=mia, confirmed=True).count() == 1
