"""The fear that a right at one school shows another school: its people, its classes, its name."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from rollbook.domain.rights import TECH_COACH
from rollbook.store import accounts, reads, scope
from rollbook.store.models import Account, Person
from tests.district import Grove, edited, enrollment, plus, small, user
from tests.prepared import Past
from tests.web.conftest import of


def two_schools(district: Grove) -> None:
    """A child and a parent are at School s2 alone, and a teacher is at both."""
    files = small()
    far = [user("q1", orgs="s2", agentSourcedIds="h1"), user("h1", "parent", orgs="d1"), user("t3", "teacher", orgs="s1,s2")]
    here = edited(files["users"], "g1", orgSourcedIds="d1")
    places = [enrollment("k2", "q1", school="s2"), enrollment("k2", "t3", "teacher", "s2"), enrollment("k1", "q1")]
    district.applies(plus(files | {"users": here}, users=far, enrollments=places))


@pytest.fixture
def district(after: Callable[[Past], Grove]) -> Grove:
    return after(two_schools)


@pytest.fixture
def coach(district: Grove) -> Client:
    """A tech coach at School s1."""
    account = Account.objects.create(district=district.row, kind="staff", email="coach@maple.example")
    accounts.give(account, TECH_COACH, district.one("org", "s1").pk)
    return of(account)


def text(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, address
    return response.content.decode()


def test_lists_hold_people_of_the_own_school_and_their_parents_and_nobody_else(district: Grove, coach: Client) -> None:
    page = text(coach, "/people/?status=all")
    assert set(re.findall(r"<bdi>F(\w+), G", page)) == {"t1", "t3", "p1", "p2", "p3", "p4", "g1"}
    assert "School s2" not in page
    assert "Class k1" in text(coach, "/classes/")
    assert "Class k2" not in text(coach, "/classes/?status=all")
    assert "School s2" not in text(coach, "/schools/")


@pytest.mark.parametrize(
    "place", ["people/{}/q1/", "people/{}/h1/", "people/{}/t2/", "classes/{}/k2/", "schools/{}/s2/", "schools/{}/d1/"]
)
def test_the_address_of_somebody_or_something_elsewhere_is_not_there(district: Grove, coach: Client, place: str) -> None:
    text(coach, f"/{place.format(district.source.pk)}", 404)


@pytest.mark.parametrize(
    "place", ["people/?school={}.s2", "classes/?school={}.s2", "people/?school={}.d1", "people/?school={}.s9"]
)
def test_another_school_in_a_form_is_not_there(district: Grove, coach: Client, place: str) -> None:
    text(coach, f"/{place.format(district.source.pk)}", 404)


def test_a_place_in_a_list_that_is_elsewhere_tells_nothing(district: Grove, coach: Client) -> None:
    source = district.source.pk
    whole = text(coach, "/people/")
    for edge in ("after", "before"):
        page = text(coach, f"/people/?{edge}={source}.q1")
        assert re.findall(r"<bdi>(F\w+), G", page) == re.findall(r"<bdi>(F\w+), G", whole)


def test_somebody_of_two_schools_is_shown_as_far_as_they_are_of_the_own_one(district: Grove, coach: Client) -> None:
    page = text(coach, f"/people/{district.source.pk}/t3/")
    assert "School s1" in page
    assert "School s2" not in page
    assert "Class k2" not in page


def test_a_class_names_nobody_who_is_not_of_the_school_and_says_so(district: Grove, coach: Client) -> None:
    page = text(coach, f"/classes/{district.source.pk}/k1/")
    assert "Fp1, Gp1" in page
    assert "Fq1, Gq1" not in page
    assert "1 place is of people who are not at your schools" in page


def test_a_parent_s_page_shows_the_children_of_the_own_school_only(district: Grove) -> None:
    files = small()
    both = edited(files["users"], "p1", agentSourcedIds="g1")
    district.applies(plus(files | {"users": both}, users=[user("q1", orgs="s2", agentSourcedIds="g1")]))
    account = Account.objects.create(district=district.row, email="coach@maple.example")
    accounts.give(account, TECH_COACH, district.one("org", "s1").pk)
    page = text(of(account), f"/people/{district.source.pk}/g1/")
    assert "Gp1 Fp1" in page
    assert "Gq1 Fq1" not in page


def test_who_may_not_open_imports_is_not_led_to_them(district: Grove, coach: Client) -> None:
    for place in ("people/{}/p1/", "classes/{}/k1/", "schools/{}/s1/"):
        assert 'href="/imports/' not in text(coach, f"/{place.format(district.source.pk)}")


def test_a_school_that_is_taken_away_is_gone_with_the_next_request(district: Grove, coach: Client) -> None:
    address = f"/people/{district.source.pk}/p1/"
    text(coach, address)
    account = Account.objects.get(email="coach@maple.example")
    account.accountright_set.all().delete()
    text(coach, address, 403)


def test_a_right_at_a_school_of_another_district_shows_nothing(district: Grove, coach: Client, tmp_path: Any) -> None:
    other = Grove(tmp_path / "far", "Elsewhere")
    strange = Account.objects.create(district=other.row, email="coach@else.example")
    accounts.give(strange, TECH_COACH, district.one("org", "s1").pk)
    client = of(strange)
    assert "Fp1" not in text(client, "/people/")
    text(client, f"/people/{district.source.pk}/p1/", 404)
    text(client, f"/schools/{district.source.pk}/s1/", 404)


def test_a_list_of_a_school_costs_the_same_however_long_it_is(
    district: Grove, coach: Client, django_assert_max_num_queries: Any
) -> None:
    for address in ("/people/", "/classes/", "/schools/", f"/people/?school={district.source.pk}.s1"):
        with django_assert_max_num_queries(24):
            text(coach, address)


def test_a_list_of_schools_that_is_empty_is_nobody_and_not_everybody(imported: Grove) -> None:
    assert not scope.people_of(imported.row.pk, frozenset()).exists()
    assert not scope.seen(Person.objects.all(), imported.row.pk, frozenset({999_999})).exists()
    assert not reads.schools(imported.row.pk, frozenset())
