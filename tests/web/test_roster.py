"""The fear that somebody in the roster cannot be found, or is shown as something that they are not."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts, reads
from rollbook.store.models import Account, Override, Run
from rollbook.store.reads import Wanted
from tests.district import Files, Grove, as_1_2, edited, minus, plus, section, small, user
from tests.signing_in import of

HEBREW = "נועה"


def many(people: int) -> Files:
    """Return a package of so many students, some of whom share a family name, in forty classes."""
    files = small(people)
    names = {f"p{n}": {"familyName": f"Family{n % 7}", "givenName": f"Given{n:04}"} for n in range(1, people + 1)}
    files["users"] = [each | names.get(each["sourcedId"], {}) for each in files["users"]]
    return plus(files, classes=[section(f"x{n}") for n in range(40)])


def names_in(page: str) -> list[str]:
    return re.findall(r'href="/people/\d+/[^"]+/"><bdi>([^<]+)</bdi>', page)


def get(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


def person(grove: Grove, key: str) -> str:
    return f"/people/{grove.source.pk}/{key}/"


# --- lists ---


def test_paging_shows_everybody_once_in_order_and_back_again(district: Grove, ada: Client) -> None:
    district.applies(many(130))
    address, pages = "/people/", []
    while address:
        page = get(ada, address)
        pages.append(names_in(page))
        after = re.search(r'href="([^"]+)" rel="next"', page)
        before = re.search(r'href="([^"]+)" rel="prev"', page)
        address = f"/people/{after[1].replace('&amp;', '&')}" if after else ""
    everybody = [name for page in pages for name in page]
    assert len(everybody) == len(set(everybody)) == 133
    assert everybody == sorted(everybody)
    assert before
    assert names_in(get(ada, f"/people/{before[1].replace('&amp;', '&')}")) == pages[-2]
    assert names_in(get(ada, "/people/?order=down"))[0] == everybody[-1]


@pytest.mark.parametrize("words", ["Gp2", "fp2 gp2", "Fp2, Gp2", "p2@maple", "P2", "u.p2"])
def test_somebody_is_found_by_whatever_is_known_of_them(imported: Grove, ada: Client, words: str) -> None:
    assert names_in(get(ada, f"/people/?q={words}")) == ["Fp2, Gp2"]


def test_a_search_for_signs_of_the_database_finds_nobody_and_breaks_nothing(imported: Grove, ada: Client) -> None:
    for words in ("%", "_", "'", '"', "\\", "%00", "a" * 5000, ") OR 1=1 --"):
        assert not names_in(ada.get("/people/", {"q": words}).content.decode())
    for nonsense in (
        "school=x",
        "school=1.",
        "after=9.zz",
        "after=x",
        "kind=king",
        "source=99999999999999",
        "before=1.p1&after=1.p2",
    ):
        get(ada, f"/people/?{nonsense}")


def test_people_are_found_by_what_they_are_and_where(imported: Grove, ada: Client) -> None:
    source = imported.source.pk
    assert names_in(get(ada, "/people/?kind=teacher")) == ["Ft1, Gt1", "Ft2, Gt2"]
    assert names_in(get(ada, f"/people/?kind=teacher&school={source}.s2")) == ["Ft2, Gt2"]
    assert names_in(get(ada, "/people/?kind=guardian")) == ["Fg1, Gg1"]
    assert names_in(get(ada, "/people/?kind=staff")) == []
    assert len(names_in(get(ada, f"/people/?school={source}.s1"))) == 6


def test_who_has_left_is_not_hidden_in_silence(imported: Grove, ada: Client) -> None:
    imported.applies(minus(small(), "p3"))
    page = get(ada, "/people/")
    assert "Fp3, Gp3" not in page
    assert "1 inactive one is not shown." in page
    page = get(ada, "/people/?status=all")
    assert "Fp3, Gp3" in page
    assert '<span class="state">Inactive</span>' in page
    assert names_in(get(ada, "/people/?status=inactive&kind=student")) == ["Fp3, Gp3"]
    assert names_in(get(ada, f"/people/?status=inactive&school={imported.source.pk}.s1")) == ["Fp3, Gp3"]
    assert "Inactive since" in get(ada, person(imported, "p3"))


def test_who_changed_schools_is_found_at_the_new_one_alone(imported: Grove, ada: Client) -> None:
    files = small()
    imported.applies(files | {"users": edited(files["users"], "p4", orgSourcedIds="s2")})
    source = imported.source.pk
    assert "Fp4, Gp4" not in names_in(get(ada, f"/people/?school={source}.s1&status=all"))
    assert "Fp4, Gp4" in names_in(get(ada, f"/people/?school={source}.s2&status=all"))


def test_a_list_costs_the_same_however_long_it_is(district: Grove, ada: Client, django_assert_max_num_queries: Any) -> None:
    few = {}
    district.applies(many(60))
    get(ada, "/schools/")  # the first page of a session writes that it is in use
    for address in ("/people/", "/people/?q=g&kind=student&status=all", "/classes/", "/schools/"):
        with django_assert_max_num_queries(16) as asked:
            get(ada, address)
        few[address] = len(asked)
    district.applies(many(200))
    for address, most in few.items():
        with django_assert_max_num_queries(most, info=address):
            get(ada, address)


def test_every_statement_of_a_list_begins_with_the_district(district: Grove, django_assert_max_num_queries: Any) -> None:
    district.applies(many(60))
    source = district.source.pk
    with django_assert_max_num_queries(20) as asked:
        reads.people(district.row.pk, Wanted(words="g", school=(source, "s1"), kind="student", after=(source, "p1")), None)
        reads.classes(district.row.pk, Wanted(term=(source, "t1")), None)
        reads.schools(district.row.pk, None)
    for each in asked.captured_queries:
        for table in re.findall(r'(?:FROM|JOIN) "(roster_\w+)"', each["sql"]):
            assert re.search(rf'"?(?:{table}|U0)"?\."district_id" =', each["sql"]), each["sql"]


# --- one person ---


def test_each_value_says_where_it_came_from_and_when_it_last_changed(imported: Grove, ada: Client) -> None:
    files = small()
    changed = imported.applies(files | {"users": edited(files["users"], "p1", email="new@maple.example")})
    page = get(ada, person(imported, "p1"))
    row = re.search(r"<th[^>]*>Email</th>.*?</tr>", page, re.DOTALL)
    assert row
    assert "new@maple.example" in row[0]
    assert "lincoln" in row[0]
    assert f'href="/imports/{changed.pk}/"' in row[0]
    first = Run.objects.order_by("pk").first()
    assert first
    assert f'href="/imports/{first.pk}/"' in re.search(r"<th[^>]*>First name</th>.*?</tr>", page, re.DOTALL)[0]  # type: ignore[index]
    assert re.search(r"Not sent by <bdi>lincoln</bdi>:[^.]*Pronouns", page)
    assert "<del><bdi>p1@maple.example</bdi></del>" in page
    assert "<ins><bdi>new@maple.example</bdi></ins>" in page


def test_leaving_and_coming_back_are_both_in_the_history(imported: Grove, ada: Client) -> None:
    imported.applies(minus(small(), "p3"))
    imported.applies(small())
    page = get(ada, person(imported, "p3"))
    assert re.findall(r'<span class="tag \w+(?: \w+)?">([^<]+)</span>', page) == ["comes back", "leaves", "new"]


def test_a_value_set_by_hand_stands_over_the_source_s_and_says_so(imported: Grove, ada: Client) -> None:
    row = imported.one("person", "p1")
    Override.objects.create(
        district=imported.row, entity="person", row=row.pk, field="given_name", value="Gwen", by="ada@x.example", at=clock.now()
    )
    page = get(ada, person(imported, "p1"))
    assert "<h1><bdi>Gwen Fp1</bdi></h1>" in page
    assert "set by hand, ada@x.example" in page
    assert "<del><bdi>Gp1</bdi></del>" in page
    assert "Fp1, Gwen" in get(ada, "/people/")
    assert "set by hand: first name" in get(ada, f"/classes/{imported.source.pk}/k1/")


def test_families_are_linked_both_ways(imported: Grove, ada: Client) -> None:
    assert f'href="{person(imported, "g1")}"' in get(ada, person(imported, "p1"))
    assert f'href="{person(imported, "p1")}"' in get(ada, person(imported, "g1"))


def test_names_in_other_scripts_and_hostile_ones_are_shown_as_they_are(district: Grove, ada: Client) -> None:
    nasty = "<script>alert(1)</script>"
    files = small()
    users = edited(files["users"], "p1", givenName=HEBREW)
    users = edited(users, "p2", familyName=nasty)
    district.applies(files | {"users": [*users, user("odd/id ?&#%", givenName="Odd")]})
    page = get(ada, "/people/")
    assert f"<bdi>Fp1, {HEBREW}</bdi>" in page
    assert nasty not in page
    assert "&lt;script&gt;" in page
    odd = re.search(r'href="(/people/\d+/odd[^"]+)"', page)
    assert odd
    assert "Odd" in get(ada, unescape(odd[1]))


# --- classes and schools ---


def test_a_class_shows_who_teaches_it_and_who_learns_there(imported: Grove, ada: Client) -> None:
    page = get(ada, f"/classes/{imported.source.pk}/k1/")
    assert names_in(page) == ["Ft1, Gt1", "Fp1, Gp1", "Fp2, Gp2", "Fp3, Gp3", "Fp4, Gp4"]
    assert "Course c1" in page
    assert "1 August 2026 to 14 January 2027" in page, "an end date is the day after the last day"


def test_who_left_a_class_is_last_in_it_and_marked(imported: Grove, ada: Client) -> None:
    imported.applies(minus(small(), "p1"))
    page = get(ada, f"/classes/{imported.source.pk}/k1/")
    assert names_in(page)[-1] == "Fp1, Gp1"
    assert page.count(">Left<") == 1


def test_classes_are_found_by_school_and_term(imported: Grove, ada: Client) -> None:
    source = imported.source.pk
    assert "Class k2" not in get(ada, f"/classes/?school={source}.s1")
    assert "Class k1" in get(ada, f"/classes/?term={source}.t1")
    assert "No class matches." in get(ada, f"/classes/?term={source}.t2")
    assert "Class k1" in get(ada, "/classes/?q=k1")


def test_schools_count_each_kind_of_people(imported: Grove, ada: Client) -> None:
    page = get(ada, "/schools/")
    assert 'aria-label="4 students, 1 teachers, 1 parents and guardians, 0 staff"' in page
    assert "School s1" in get(ada, f"/schools/{imported.source.pk}/s1/")


def test_another_district_s_people_are_nowhere(imported: Grove, cleo: Client) -> None:
    for address in (
        "/people/?status=all",
        "/people/?q=Gp1",
        "/classes/",
        "/schools/",
    ):
        page = get(cleo, address)
        assert "Gp1" not in page.replace('value="Gp1"', "")
        assert "School s1" not in page
    get(cleo, f"/people/?school={imported.source.pk}.s1", 404)
    get(cleo, person(imported, "p1"), 404)
    get(cleo, f"/classes/{imported.source.pk}/k1/", 404)
    get(cleo, f"/schools/{imported.source.pk}/s1/", 404)


def test_who_administers_nothing_sees_nobody(imported: Grove, ben: Client) -> None:
    for address in ("/people/", person(imported, "p1"), "/classes/", "/schools/", f"/classes/{imported.source.pk}/k1/"):
        get(ben, address, 403)


def test_a_school_that_a_value_names_stands_there_with_its_name(district: Grove, ada: Client) -> None:
    files = as_1_2(small())
    district.applies(files | {"users": edited(files["users"], "p2", primaryOrgSourcedId="s1")})
    source = district.source.pk
    person = get(ada, f"/people/{source}/p2/").partition("What is known")[2]
    assert f'<a href="/schools/{source}/s1/"><bdi>School s1</bdi></a>' in person
    assert f'<a href="/schools/{source}/d1/"><bdi>Maple Grove</bdi></a>' in get(ada, f"/schools/{source}/s1/")


def test_the_page_of_a_person_leads_to_the_account_of_those_who_may_see_it(imported: Grove, ada: Client) -> None:
    account = Account.objects.get(person=imported.one("person", "p2").pk)
    page = f"/people/{imported.source.pk}/p2/"
    assert f'href="/accounts/{account.pk}/"' in get(ada, page)
    looks = Account.objects.create(district=imported.row, email="lee@maple.example", state="active")
    accounts.give(looks, {Right.ROSTER})
    assert f'href="/accounts/{account.pk}/"' not in get(of(looks), page)
