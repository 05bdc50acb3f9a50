"""The fear that somebody's username changes without anybody having seen it before, or that two people get the same."""

import pytest
from django.test import Client

from rollbook.actions import usernames as rules
from rollbook.domain.rights import Right
from rollbook.store import accounts
from rollbook.store.models import Account, AuditEntry, District, Person
from tests.district import Grove, plus, small, user
from tests.web.conftest import of

PAGE = "/settings/usernames/"


def named(district: Grove) -> dict[str, str | None]:
    ids = dict(Person.objects.values_list("pk", "sourced_id"))
    found = Account.objects.filter(district=district.row, by_hand=False)
    return {ids[each.person]: each.username for each in found if each.person is not None}


def twins(district: Grove) -> None:
    """Let two more of the same name come."""
    same = {"givenName": "Gp1", "familyName": "Fp1"}
    district.applies(plus(small(), users=[user("p8", **same), user("p9", **same, username="")]))


def test_a_rule_says_what_it_would_do_and_does_nothing(imported: Grove, ada: Client) -> None:
    twins(imported)
    before = list(Account.objects.order_by("pk").values())
    page = ada.get(PAGE, {"rule": "name"}).content.decode()
    for text in ("<strong>9</strong> of 9 accounts", "<strong>2</strong> of them with a number", "gp1.fp1-2", "number added"):
        assert text in page, text
    assert page.index("gp1.fp1-2") < page.index("gt1.ft1"), "conflicts come first"
    assert list(Account.objects.order_by("pk").values()) == before
    assert District.objects.get(pk=imported.row.pk).username_rule == "source"


def test_a_saved_rule_names_everybody_nobody_twice_and_a_second_time_nobody(imported: Grove, ada: Client) -> None:
    twins(imported)
    ada.post(PAGE, {"rule": "name"})
    once = named(imported)
    assert (once["p1"], once["p8"], once["p9"], once["t1"]) == ("gp1.fp1", "gp1.fp1-2", "gp1.fp1-3", "gt1.ft1")
    assert b"gp1.fp1-3" in ada.get(PAGE).content, "who could not have the plain name is listed"
    assert "No username would change" in ada.get(PAGE, {"rule": "name"}).content.decode()
    ada.post(PAGE, {"rule": "name"})
    assert named(imported) == once
    entry = AuditEntry.objects.filter(act="usernames.rule").latest("pk")
    assert (entry.by, entry.detail) == (imported.account.email, {"was": "name", "now": "name", "changed": 0, "numbered": 0})


def test_a_rule_is_tried_on_some_of_many_and_says_so_and_saved_for_all(
    imported: Grove, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "TRIED", 3)
    page = ada.get(PAGE, {"rule": "name"}).content.decode()
    assert "7 accounts may be renamed. The rule was tried on 3 of them" in page
    assert "<strong>3</strong> of 3 accounts" in page
    assert "rename all of them" in page
    ada.post(PAGE, {"rule": "name"})
    assert named(imported)["g1"] == "gg1.fg1"
    assert all(name and name.startswith("g") for name in named(imported).values())


def test_two_who_change_places_do(imported: Grove, ada: Client) -> None:
    imported.applies(small() | {"users": [{**each, "username": each["username"]} for each in small()["users"]]})
    p1, p2 = (Account.objects.get(username=name) for name in ("u.p1", "u.p2"))
    Account.objects.filter(pk__in=(p1.pk, p2.pk)).update(username=None)
    Account.objects.filter(pk=p1.pk).update(username="p2")
    Account.objects.filter(pk=p2.pk).update(username="p1")
    ada.post(PAGE, {"rule": "email"})
    assert (named(imported)["p1"], named(imported)["p2"]) == ("p1", "p2")


def test_what_somebody_signs_in_with_stays_and_is_given_to_nobody_else(imported: Grove, ada: Client) -> None:
    Account.objects.filter(username="u.p1").update(state="active", username="p2")
    Account.objects.create(district=imported.row, username="p3")
    ada.post(PAGE, {"rule": "email"})
    found = named(imported)
    assert (found["p1"], found["p2"], found["p3"], found["p4"]) == ("p2", "p2-2", "p3-2", "p4")


def test_another_district_keeps_its_names(imported: Grove, cleo: Client) -> None:
    before = named(imported)
    assert cleo.post(PAGE, {"rule": "name"}).status_code == 302
    assert named(imported) == before


def test_only_who_may_change_all_accounts_chooses(imported: Grove, ben: Client) -> None:
    coach = Account.objects.create(district=imported.row, email="coach@maple.example")
    accounts.give(coach, [Right.ACCOUNTS], school=imported.one("org", "s1").pk)
    for client in (ben, of(coach)):
        assert client.get(PAGE, {"rule": "name"}).status_code == 403
        assert client.post(PAGE, {"rule": "name"}).status_code == 403
    assert District.objects.get(pk=imported.row.pk).username_rule == "source"


def test_a_rule_that_there_is_not_changes_nothing(imported: Grove, ada: Client) -> None:
    before = named(imported)
    assert ada.post(PAGE, {"rule": "no such rule"}).status_code == 400
    assert ada.get(PAGE, {"rule": "no such rule"}).status_code == 400
    assert named(imported) == before
