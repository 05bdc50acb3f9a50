"""The fear that a right opens nothing, or everything, and that one day nobody can give any."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from rollbook.actions import actor, people, rights, roster, sources
from rollbook.actions.actor import Actor, Where
from rollbook.actions.reach import AccountStays
from rollbook.domain.errors import NotAllowed, NotFound, RollbookError
from rollbook.domain.rights import ADMINISTRATOR, MEANINGS, TECH_COACH, Right
from rollbook.store import accounts, desk
from rollbook.store.models import Account, AccountRight, AuditEntry
from rollbook.web.access import who_may
from tests.district import Grove
from tests.web.conftest import of
from tests.web.test_access import ROUTES, asked, filled


def with_rights(grove: Grove, name: str, *given: Right, **values: Any) -> Account:
    made = Account.objects.create(district=grove.row, name=name, email=f"{name.lower()}@maple.example", **values)
    accounts.give(made, given)
    return made


def given_to(account: Account) -> dict[Right, Where]:
    return desk.given(account)


#: What only this right lets somebody do, where no page says so: an act, and what it is done to.
ACTS: dict[Right, Callable[[Actor, Grove, Account], object]] = {
    Right.IMPORTS: lambda who, grove, other: sources.set_told(who, grove.source, []),
    Right.ACCOUNTS: lambda who, grove, other: people.deactivate(who, other),
    Right.RIGHTS: lambda who, grove, other: rights.change(who, other, {}),
    Right.EXPORT: lambda who, grove, other: roster.rows(who, "person"),
}


@pytest.mark.parametrize("right", Right)
def test_every_right_is_needed(imported: Grove, right: Right) -> None:
    """Somebody with all rights but one opens no page of that one, and does none of its acts."""
    nearly = with_rights(imported, "Nearly", *(set(Right) - {right}))
    other = with_rights(imported, "Other", Right.AUDIT)
    client = of(nearly)
    pages = [address for address, route in ROUTES if who_may(route.callback) is right]
    for address in pages:
        for method, status, _ in asked(client, filled(address, imported)):
            assert status == 403, f"{method} /{address} without {right}"
    if right in ACTS:
        with pytest.raises(NotAllowed):
            ACTS[right](actor.of_account(nearly), imported, other)
        ACTS[right](imported.ada, imported, other)
    assert pages or right in ACTS, f"nothing needs the right {right}"


def test_every_right_says_what_it_means_on_the_page_where_it_is_given(imported: Grove, ada: Client) -> None:
    lee = with_rights(imported, "Lee")
    page = ada.get(f"/accounts/{lee.pk}/rights/").content.decode()
    for right in Right:
        assert MEANINGS[right].title in page
        assert MEANINGS[right].text.replace("'", "&#x27;") in page


def test_rights_are_given_for_the_district_or_for_schools_and_taken_away(imported: Grove, ada: Client) -> None:
    lee = with_rights(imported, "Lee")
    school = imported.one("org", "s1").pk
    typed = {"right-roster": "schools", "right-audit": "district", "school": [school]}
    assert ada.post(f"/accounts/{lee.pk}/rights/", typed).status_code == 302
    assert given_to(lee) == {Right.ROSTER: frozenset({school}), Right.AUDIT: None}
    assert ada.post(f"/accounts/{lee.pk}/rights/", {"right-roster": "schools", "school": [school]}).status_code == 302
    assert given_to(lee) == {Right.ROSTER: frozenset({school})}
    entries = AuditEntry.objects.filter(concerns=lee.pk, act__startswith="rights.").order_by("pk")
    assert [(each.act, each.detail["right"]) for each in entries] == [
        ("rights.given", "roster"),
        ("rights.given", "audit"),
        ("rights.taken", "audit"),
    ]


def test_a_set_ticks_and_saves_nothing(imported: Grove, ada: Client) -> None:
    lee = with_rights(imported, "Lee")
    for name, expected in (("administrator", ADMINISTRATOR), ("coach", TECH_COACH)):
        page = ada.post(f"/accounts/{lee.pk}/rights/", {"set": name})
        assert {line["right"] for line in page.context["lines"] if line["chosen"]} == expected
    assert given_to(lee) == {}


def test_a_right_at_no_school_is_a_mistake_and_not_a_right_everywhere(imported: Grove, ada: Client) -> None:
    lee = with_rights(imported, "Lee")
    page = ada.post(f"/accounts/{lee.pk}/rights/", {"right-roster": "schools"})
    assert "Tick at least one school" in page.content.decode()
    assert given_to(lee) == {}


def test_rights_at_other_schools_than_those_ticked_are_kept_as_they_are(imported: Grove, ada: Client) -> None:
    lee = with_rights(imported, "Lee")
    one, two = (imported.one("org", each).pk for each in ("s1", "s2"))
    accounts.give(lee, {Right.ROSTER}, one)
    accounts.give(lee, {Right.VIEW_AS}, two)
    page = ada.get(f"/accounts/{lee.pk}/rights/")
    typed = {f"right-{line['right']}": line["chosen"] for line in page.context["lines"]}
    assert ada.post(f"/accounts/{lee.pk}/rights/", typed).status_code == 302
    assert given_to(lee) == {Right.ROSTER: frozenset({one}), Right.VIEW_AS: frozenset({two})}


@pytest.mark.parametrize("wrong", [Right.IMPORTS, Right.RIGHTS])
def test_some_rights_hold_everywhere_or_not_at_all(imported: Grove, wrong: Right) -> None:
    lee = with_rights(imported, "Lee")
    with pytest.raises(AccountStays):
        rights.change(imported.ada, lee, {wrong: frozenset({imported.one("org", "s1").pk})})


def test_a_school_of_another_district_is_no_school(imported: Grove, cleo: Client) -> None:
    theirs = Account.objects.create(district=Account.objects.get(email__contains="elsewhere").district, username="x")
    school = imported.one("org", "s1").pk
    page = cleo.post(f"/accounts/{theirs.pk}/rights/", {"right-roster": "schools", "school": [school]})
    assert "One of these schools is not there" in page.content.decode()
    assert given_to(theirs) == {}


def test_nobody_gives_or_takes_a_right_that_he_does_not_hold(imported: Grove) -> None:
    giver = with_rights(imported, "Giver", Right.RIGHTS, Right.ROSTER)
    lee, mighty = with_rights(imported, "Lee"), with_rights(imported, "Mighty", Right.IMPORTS)
    who = actor.of_account(giver)
    with pytest.raises(NotAllowed):
        rights.change(who, lee, {Right.AUDIT: None})
    with pytest.raises(NotAllowed):
        rights.change(who, mighty, {})
    with pytest.raises(NotAllowed):
        rights.change(who, giver, dict.fromkeys(Right))
    client = of(giver)
    client.post(f"/accounts/{mighty.pk}/rights/", {"right-imports": "", "right-audit": "district", "right-roster": "district"})
    assert given_to(mighty) == {Right.IMPORTS: None, Right.ROSTER: None}, "a form that asks for more changes only what one may"


@pytest.mark.parametrize("kind", ["student", "guardian"])
def test_a_student_or_a_parent_is_given_no_right(imported: Grove, ada: Client, kind: str) -> None:
    nia = with_rights(imported, "Nia", kind=kind)
    assert "Only accounts of staff and teachers" in ada.get(f"/accounts/{nia.pk}/rights/").content.decode()
    assert ada.post(f"/accounts/{nia.pk}/rights/", {"right-audit": "district"}).status_code == 409
    assert given_to(nia) == {}


@pytest.mark.parametrize("act", ["take", "deactivate", "delete"])
def test_the_last_who_can_give_rights_stays(imported: Grove, act: str) -> None:
    """Somebody on the command line can ask for anything, and still cannot do this."""
    shell = actor.of_command_line(imported.row)
    with_rights(imported, "Inactive", Right.RIGHTS, state="inactive")
    does: Mapping[str, Callable[[], object]] = {
        "take": lambda: rights.change(shell, imported.account, {Right.AUDIT: None}),
        "deactivate": lambda: people.deactivate(shell, imported.account),
        "delete": lambda: people.delete(shell, imported.account),
    }
    with pytest.raises(AccountStays):
        does[act]()
    imported.account.refresh_from_db()
    assert (imported.account.state, len(given_to(imported.account))) == ("active", len(Right))
    second = with_rights(imported, "Second", *Right)
    if act != "delete":  # Ada has history
        does[act]()
        assert list(accounts.holders(imported.row.pk, Right.RIGHTS)) == [second]


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_take_the_right_from_each_other_at_once_do_not_both_succeed(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "kept"
    grove = Grove(tmp_path)
    bea = with_rights(grove, "Bea", *Right)
    pairs = [(actor.of_account(grove.account), bea), (actor.of_account(bea), grove.account)]
    ready, outcomes = threading.Barrier(2), []

    def take(who: Actor, whom: Account, way: str) -> None:
        try:
            ready.wait(20)
            if way == "take":
                rights.change(who, whom, {})
            else:
                people.deactivate(who, whom)
            outcomes.append("done")
        except RollbookError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    for way in ("take", "deactivate"):
        AccountRight.objects.filter(district=grove.row).delete()
        for each in (grove.account, bea):
            accounts.give(each, Right)
        outcomes.clear()
        threads = [threading.Thread(target=take, args=(*pair, way)) for pair in pairs]
        for each_thread in threads:
            each_thread.start()
        for each_thread in threads:
            each_thread.join(60)
        assert sorted(outcomes)[-1] == "done" and len(outcomes) == 2, outcomes
        assert outcomes.count("done") == 1, outcomes
        assert accounts.holders(grove.row.pk, Right.RIGHTS).count() == 1


def test_an_account_of_elsewhere_gets_no_rights_from_here(imported: Grove, cleo: Client) -> None:
    theirs = Account.objects.get(email__contains="elsewhere")
    with pytest.raises(NotFound):
        rights.change(imported.ada, theirs, {})
