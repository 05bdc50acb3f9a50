"""The fear that somebody sees a child that is not theirs to see, or misses a class that is."""

import re
from typing import Any

import pytest
from django.test import Client

from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store.models import Account, Child, Guardianship, Override
from tests.district import Grove, enrollment, plus, section, small
from tests.web.conftest import of
from tests.web.persons import account


def home(grove: Grove, kind: str, key: str = "") -> str:
    return text(of(account(grove, kind, key)), "/")


def text(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


def size(page: str, key: str) -> str:
    """Return what a list of classes says of how many are in one."""
    found = re.search(rf"Class {key}</bdi>.*?<td class=.num.>(.*?)</td>", page, re.DOTALL)
    assert found
    return re.sub("<[^>]+>", "", found[1])


def klass(grove: Grove, key: str) -> str:
    return f"/my/classes/{grove.source.pk}/{key}/"


def test_a_teacher_sees_own_classes_and_their_size_and_no_others(imported: Grove) -> None:
    page = home(imported, "teacher", "t1")
    assert "Class k1" in page
    assert size(page, "k1") == "4 students"
    assert "School s1" in page
    assert "Course c1" in page
    assert "Class k2" not in page


def test_a_teacher_opens_the_roster_of_an_own_class_only(imported: Grove) -> None:
    client = of(account(imported, "teacher", "t1"))
    page = text(client, klass(imported, "k1"))
    assert re.findall(r"<bdi>(Fp\d, Gp\d)</bdi>", page) == ["Fp1, Gp1", "Fp2, Gp2", "Fp3, Gp3", "Fp4, Gp4"]
    text(client, klass(imported, "k2"), 404)
    text(client, klass(imported, "nowhere"), 404)


def test_a_student_sees_teachers_and_no_other_student(imported: Grove) -> None:
    client = of(account(imported, "student", "p1"))
    for address in ("/", klass(imported, "k1")):
        page = text(client, address)
        assert "Class k1" in page
        assert "Gt1 Ft1" in page
        assert not re.search(r"[FG]p[234]", page)
        assert "@maple.example</" not in page.replace("student.p1@maple.example</", "")
    text(client, klass(imported, "k2"), 404)


def test_a_guardian_sees_each_own_child_with_classes_and_teachers_and_no_other_child(imported: Grove) -> None:
    client = of(account(imported, "guardian", "g1"))
    page = text(client, "/")
    assert "Gp1 Fp1" in page
    assert "Class k1" in page
    assert "Gt1 Ft1" in page
    one = text(client, klass(imported, "k1"))
    assert "Gp1 Fp1" in one
    for shown in (page, one):
        assert not re.search(r"[FG]p[234]", shown)
    text(client, klass(imported, "k2"), 404)


def test_a_child_that_was_linked_by_hand_is_shown_like_any_other(imported: Grove) -> None:
    guardian = account(imported, "guardian")
    client = of(guardian)
    assert "No child is linked" in text(client, "/")
    text(client, klass(imported, "k1"), 404)
    Child.objects.create(district=imported.row, guardian=guardian, student=imported.one("person", "p2").pk)
    assert "Gp2 Fp2" in text(client, "/")
    assert "Gp2 Fp2" in text(client, klass(imported, "k1"))


def test_a_link_that_ended_shows_nothing_any_more(imported: Grove) -> None:
    client = of(account(imported, "guardian", "g1"))
    Guardianship.objects.filter(district=imported.row).update(status="inactive")
    assert "Gp1" not in text(client, "/")
    text(client, klass(imported, "k1"), 404)


def test_who_left_a_class_does_not_see_it_and_is_not_seen_in_it(imported: Grove) -> None:
    student, teacher = of(account(imported, "student", "p3")), of(account(imported, "teacher", "t1"))
    files = small()
    imported.applies(files | {"enrollments": [each for each in files["enrollments"] if each["userSourcedId"] != "p3"]})
    assert "Class k1" not in text(student, "/")
    text(student, klass(imported, "k1"), 404)
    assert "Fp3" not in text(teacher, klass(imported, "k1"))
    assert size(text(teacher, "/"), "k1") == "3 students"


def test_a_teacher_who_learns_and_a_student_who_teaches_see_what_their_kind_is_for(district: Grove) -> None:
    """The kind of the account decides: the second account of a human shows the other half."""
    files = small()
    district.applies(plus(files, enrollments=[enrollment("k2", "t1", "student", "s2"), enrollment("k2", "p1", "teacher", "s2")]))
    assert "Class k2" not in home(district, "teacher", "t1")
    text(of(account(district, "student", "p1")), klass(district, "k2"), 404)


def test_classes_of_today_come_first_and_the_others_are_set_apart(district: Grove, monkeypatch: pytest.MonkeyPatch) -> None:
    files = small()
    district.applies(plus(files, classes=[section("a0", termSourcedIds="t2")], enrollments=[enrollment("a0", "t1", "teacher")]))
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real.replace(year=2026, month=11, day=20))
    page = home(district, "teacher", "t1")
    assert page.index("Class k1") < page.index("Other terms") < page.index("Class a0")
    text(of(account(district, "teacher", "t1")), klass(district, "a0"))


def test_a_value_set_by_hand_is_shown_and_said(imported: Grove) -> None:
    row = imported.one("person", "p1")
    Override.objects.create(
        district=imported.row, entity="person", row=row.pk, field="given_name", value="Noor", by="ada", at=clock.now()
    )
    page = text(of(account(imported, "teacher", "t1")), klass(imported, "k1"))
    assert "Fp1, Noor" in page
    assert "set by hand: first name" in page
    assert "Noor Fp1" in home(imported, "guardian", "g1")


@pytest.mark.parametrize("kind", ["student", "teacher", "guardian"])
def test_an_account_that_the_roster_does_not_know_gets_a_plain_sentence(imported: Grove, kind: str) -> None:
    assert "There is nothing to show yet" in home(imported, kind)


def test_who_looks_after_imports_and_teaches_sees_both(imported: Grove) -> None:
    teacher = account(imported, "teacher", "t1")
    accounts.give(teacher, [Right.IMPORTS])
    page = text(of(teacher), "/")
    assert page.index("In the roster") < page.index("Your classes") < page.index("Class k1")
    assert "Your classes" not in text(of(imported.account), "/")


def test_staff_see_what_their_rights_allow_and_where(imported: Grove) -> None:
    coach = account(imported, "staff", "t1")
    assert "This account has no rights yet" in text(of(coach), "/")
    accounts.give(coach, [Right.ROSTER], imported.one("org", "s1").pk)
    page = text(of(coach), "/")
    assert 'href="/people/"' in page
    assert "at <bdi>School s1</bdi>" in page
    assert "Audit log" not in page


def test_people_of_another_district_are_nowhere(imported: Grove, tmp_path: Any) -> None:
    other = Grove(tmp_path / "far", "Elsewhere")
    stranger = Account.objects.create(
        district=other.row, kind="teacher", person=imported.one("person", "t1").pk, email="x@else.example"
    )
    assert "Class k1" not in text(of(stranger), "/")
    text(of(stranger), klass(imported, "k1"), 404)


def test_home_costs_the_same_however_many_classes_and_children(district: Grove, django_assert_max_num_queries: Any) -> None:
    files = small()
    more = [section(f"m{number}") for number in range(12)]
    taught = [enrollment(f"m{number}", "t1", "teacher") for number in range(12)]
    taken = [enrollment(f"m{number}", one) for number in range(12) for one in ("p1", "p2", "p3")]
    family = [each | {"agentSourcedIds": "g1"} if each["sourcedId"] in ("p2", "p3") else each for each in files["users"]]
    district.applies(plus(files | {"users": family}, classes=more, enrollments=[*taught, *taken]))
    for kind, key in (("teacher", "t1"), ("student", "p1"), ("guardian", "g1")):
        client = of(account(district, kind, key))
        client.get("/")
        with django_assert_max_num_queries(26):
            assert "Class m11" in text(client, "/")
