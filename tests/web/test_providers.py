"""Sign-in by providers is set up by administrators: what they type is checked, what is secret stays so."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from rollbook.actions import providers
from rollbook.domain.errors import ConfigError
from rollbook.store.models import Account, AuditEntry, Identity, SignInProvider
from tests.district import Grove
from tests.issuer import Issuer

TENANT = "0f8fad5b-d9cb-469f-a165-70867728950e"
GOOGLE = {"title": "Google", "client_id": "1-a.apps.example", "client_secret": "s3cret-words", "domains": "maple.example"}
OPENID = GOOGLE | {"title": "School", "issuer": "https://login.maple.example"}


@pytest.fixture
def issuer(settings: Any) -> Iterator[Issuer]:
    settings.ALLOWED_NETWORKS = ["127.0.0.0/8"]
    providers.openid()._kept.clear()  # another test's provider may have had the same port
    with Issuer() as made:
        yield made


def test_a_provider_is_added_and_its_secret_is_never_shown_again(ada: Client) -> None:
    response = ada.post("/settings/sign-in/new/google/", GOOGLE)
    made = SignInProvider.objects.get()
    assert response.headers["Location"] == f"/settings/sign-in/{made.pk}/"
    assert (made.issuer, made.domains, made.client_secret) == ("https://accounts.google.com", ["maple.example"], "s3cret-words")
    page = ada.get(f"/settings/sign-in/{made.pk}/").content.decode()
    assert "s3cret-words" not in page
    assert "(stored)" in page
    assert "http://127.0.0.1:8000/sign-in/back/" in page
    assert "s3cret" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert "Sign in with Google" in Client().get("/sign-in/").content.decode()


def test_the_secret_lies_encrypted(ada: Client) -> None:
    from django.db import connection

    ada.post("/settings/sign-in/new/google/", GOOGLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM store_signinprovider")
        assert "s3cret" not in cursor.fetchone()[0]


def test_a_secret_that_is_left_empty_stays(ada: Client) -> None:
    ada.post("/settings/sign-in/new/openid/", OPENID)
    made = SignInProvider.objects.get()
    ada.post(f"/settings/sign-in/{made.pk}/", OPENID | {"client_secret": "", "title": "Schools"})
    made.refresh_from_db()
    assert (made.title, made.client_secret) == ("Schools", "s3cret-words")
    assert AuditEntry.objects.get(act="provider.changed").detail["settings"] == ["title"]


def test_a_secret_is_not_sent_to_another_place_than_it_was_entered_for(ada: Client) -> None:
    ada.post("/settings/sign-in/new/openid/", OPENID)
    made = SignInProvider.objects.get()
    response = ada.post(f"/settings/sign-in/{made.pk}/", OPENID | {"client_secret": "", "issuer": "https://evil.example"})
    assert response.status_code == 400
    assert "has to be entered again" in response.content.decode()
    made.refresh_from_db()
    assert made.issuer == "https://login.maple.example"


@pytest.mark.parametrize("tenant", ["", "common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad", "maple"])
def test_microsoft_is_set_up_for_the_own_tenant_only(tenant: str, ada: Client) -> None:
    response = ada.post("/settings/sign-in/new/microsoft/", GOOGLE | {"tenant": tenant})
    assert response.status_code == 400
    assert not SignInProvider.objects.exists()


def test_the_address_of_microsoft_is_made_of_the_tenant(district: Grove) -> None:
    made = providers.add(district.ada, "microsoft", GOOGLE | {"tenant": TENANT.upper()})
    assert made.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"


@pytest.mark.parametrize(
    "domains",
    ["", "maple", "*.example", "gmail.com", "maple.example, gmail.com", "maple.example/x", "a@b@maple.example", "mäple.example"],
)
def test_domains_are_those_of_a_school(domains: str, district: Grove) -> None:
    with pytest.raises(ConfigError) as caught:
        providers.add(district.ada, "google", GOOGLE | {"domains": domains})
    assert set(caught.value.fields) == {"domains"}


def test_domains_are_read_the_way_people_write_them(district: Grove) -> None:
    made = providers.add(district.ada, "google", GOOGLE | {"domains": "@Maple.example, students.maple.example\nmaple.example"})
    assert made.domains == ["maple.example", "students.maple.example"]


@pytest.mark.parametrize("issuer", ["", "http://login.maple.example", "https://a@b.example", "file:///etc/passwd"])
def test_an_address_has_to_be_one(issuer: str, district: Grove) -> None:
    with pytest.raises(ConfigError) as caught:
        providers.add(district.ada, "openid", OPENID | {"issuer": issuer})
    assert set(caught.value.fields) == {"issuer"}


def test_the_test_says_whether_a_provider_answers(ada: Client, district: Grove, issuer: Issuer) -> None:
    made = providers.add(district.ada, "openid", OPENID | {"issuer": issuer.url})
    page = ada.post(f"/settings/sign-in/{made.pk}/", {"do": "test"}).content.decode()
    assert f"School answers at {issuer.url} and signs by one key" in page
    issuer.more = {"issuer": "https://elsewhere.example"}
    assert "cannot be used yet" in ada.post(f"/settings/sign-in/{made.pk}/", {"do": "test"}).content.decode()


def test_the_test_does_not_look_around_in_our_own_network(ada: Client, district: Grove) -> None:
    made = providers.add(district.ada, "openid", OPENID | {"issuer": "https://169.254.169.254"})
    page = ada.post(f"/settings/sign-in/{made.pk}/", {"do": "test"}).content.decode()
    assert "leads into the network that this machine stands in" in page


def test_what_is_stopped_is_not_offered_and_what_is_removed_is_forgotten(ada: Client, district: Grove) -> None:
    made = providers.add(district.ada, "google", GOOGLE)
    Identity.objects.create(
        district=district.row, account=district.account, provider=made, issuer="i", subject="s", made_at=made.created_at
    )
    ada.post(f"/settings/sign-in/{made.pk}/", {"do": "disable"})
    assert "Sign in with Google" not in Client().get("/sign-in/").content.decode()
    ada.post(f"/settings/sign-in/{made.pk}/", {"do": "enable"})
    assert "Sign in with Google" in Client().get("/sign-in/").content.decode()
    assert "1 person signs in" in ada.get(f"/settings/sign-in/{made.pk}/remove/").content.decode()
    ada.post(f"/settings/sign-in/{made.pk}/remove/")
    assert not SignInProvider.objects.exists()
    assert not Identity.objects.exists()
    assert Account.objects.filter(pk=district.account.pk).exists()


def test_a_provider_of_another_district_is_out_of_reach(district: Grove, cleo: Client) -> None:
    made = providers.add(district.ada, "google", GOOGLE)
    for address in (f"/settings/sign-in/{made.pk}/", f"/settings/sign-in/{made.pk}/remove/"):
        assert cleo.get(address).status_code == 404
        assert cleo.post(address, GOOGLE | {"do": "disable"}).status_code == 404
    assert SignInProvider.objects.get().enabled


def test_clevers_page_names_the_addresses_of_this_district(ada: Client, district: Grove) -> None:
    providers.add(district.ada, "google", GOOGLE)
    page = ada.get("/settings/sign-in/clever/").content.decode()
    assert f"http://127.0.0.1:8000/start/?district={district.row.pk}&amp;with=google" in page
    assert "Publish Changes" in page


def test_only_the_providers_of_a_district_are_offered_where_it_is_known(ada: Client, district: Grove, cleo: Client) -> None:
    providers.add(district.ada, "google", GOOGLE)
    elsewhere = Account.objects.exclude(district=district.row).get().district
    SignInProvider.objects.create(
        district=elsewhere, kind="openid", title="Elm", issuer="https://x.example", client_id="r", domains=["elm.example"]
    )
    both = Client().get("/sign-in/").content.decode()
    assert "Sign in with Google, Maple Grove" in both
    assert "Sign in with Elm, Elsewhere" in both
    one = Client().get(f"/start/?district={elsewhere.pk}").content.decode()
    assert "Elm" in one
    assert "Google" not in one
