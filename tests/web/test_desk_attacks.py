"""The fear that a right at one school leads to another one by a way round: a link, a choice, a place in a list."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from rollbook.actions import actor, adopt, overrides, people, rights
from rollbook.actions.actor import Actor
from rollbook.domain.errors import NotAllowed, RollbookError
from rollbook.domain.rights import TECH_COACH, Right
from rollbook.store import accounts
from rollbook.store.models import Account, AccountRight, Override
from tests.district import Grove, edited, enrollment, plus, small, user
from tests.web.conftest import of
from tests.web.persons import account


@pytest.fixture
def grove(district: Grove) -> Grove:
    """A family with a child at each of two schools, whose father teaches at the first, and a child at the second alone."""
    files = small()
    here = edited(files["users"], "p1", agentSourcedIds="g1,t1")
    far = [user("q1", orgs="s2", agentSourcedIds="g1,t1"), user("q2", orgs="s2")]
    district.applies(plus(files | {"users": here}, users=far, enrollments=[enrollment("k2", "q1", school="s2")]))
    return district


@pytest.fixture
def coach(grove: Grove) -> Account:
    """A tech coach of the first school."""
    made = Account.objects.create(district=grove.row, email="coach@maple.example", name="Kim Coach")
    accounts.give(made, TECH_COACH, grove.one("org", "s1").pk)
    return made


def number(grove: Grove, key: str) -> int:
    return int(grove.one("person", key).pk)


def test_a_child_at_another_school_is_not_named_on_the_page_of_its_guardian(grove: Grove, coach: Account, ada: Client) -> None:
    both = people.make(grove.ada, "guardian", "Bo", "bo", "", [number(grove, "p1"), number(grove, "q1")])
    page = of(coach).get(f"/accounts/{both.pk}/").content.decode()
    assert "Gp1" in page
    assert "Gq1 Fq1" not in page
    assert "and 1 child at other schools" in page
    assert "Gq1" in ada.get(f"/accounts/{both.pk}/").content.decode()


def test_an_account_of_ones_own_making_is_not_adopted_into_a_guardian_with_a_child_elsewhere(
    grove: Grove, coach: Account
) -> None:
    """Its password stays: whoever made it would see the other school."""
    kim = actor.of_account(coach)
    mine = people.make(kim, "guardian", "Kim Again", "kim.again", "kim@maple.example", [number(grove, "p1")])
    with pytest.raises(NotAllowed, match="schools"):
        adopt.adopt(kim, mine, number(grove, "g1"))
    shown = of(coach).get(f"/accounts/{mine.pk}/adopt/?key=g1").context["found"][0]
    assert "schools" in shown.against
    adopt.adopt(grove.ada, mine, number(grove, "g1"))


@pytest.mark.parametrize("link", ["linked", "the same person"])
def test_an_account_that_leads_to_one_elsewhere_is_not_changed(grove: Grove, coach: Account, link: str) -> None:
    """Who is in one account of a human gets into the others: so a new email on this one opens those, too."""
    if link == "linked":
        harmless = account(grove, "student", "p2", one=7)
        account(grove, "student", "q2", one=7)
    else:
        harmless = account(grove, "teacher", "t1")
        account(grove, "guardian", "t1")
    kim = actor.of_account(coach)
    for attack in (
        lambda: overrides.change(kim, harmless, {"email": "evil@maple.example"}),
        lambda: people.deactivate(kim, harmless),
    ):
        with pytest.raises(NotAllowed, match="schools"):
            attack()
    overrides.change(grove.ada, harmless, {"email": "new@maple.example"})


def test_a_place_in_the_list_of_accounts_that_is_elsewhere_tells_nothing(grove: Grove, coach: Account) -> None:
    client, there = of(coach), account(grove, "student", "q2", name="Gp2a between two others")
    whole = [each.pk for each in client.get("/accounts/").context["page"].rows]
    assert there.pk not in whole
    for edge in ("after", "before"):
        assert [each.pk for each in client.get(f"/accounts/?{edge}={there.pk}").context["page"].rows] == whole


def test_an_override_lies_over_an_import_and_over_its_undo(grove: Grove) -> None:
    """Undo takes back what the import did, not what somebody typed; what is given back is what was there before the import."""
    pupil, files = account(grove, "student", "p2", by_hand=False), small()
    overrides.change(grove.ada, pupil, {"email": "typed@maple.example"})
    before = grove.one("person", "p2").email
    run = grove.applies(files | {"users": edited(files["users"], "p2", email="moved@maple.example", familyName="Moved")})
    pupil.refresh_from_db()
    assert (pupil.email, pupil.name) == ("typed@maple.example", "Gp2 Moved")
    grove.undoes(run)
    pupil.refresh_from_db()
    assert (pupil.email, pupil.name) == ("typed@maple.example", "Gp2 Fp2")
    overrides.give_back(grove.ada, pupil, "email")
    pupil.refresh_from_db()
    assert pupil.email == before
    assert not Override.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second", ["deactivate", "take"])
def test_the_last_two_who_give_rights_are_not_removed_in_two_ways_at_once(settings: Any, tmp_path: Path, second: str) -> None:
    """One loses the right while another, who removes that one, loses the account: somebody is left in every order."""
    settings.DATA_DIR = tmp_path / "kept"
    grove = Grove(tmp_path)
    bea = Account.objects.create(district=grove.row, name="Bea", email="bea@maple.example")
    accounts.give(bea, Right)
    ready, outcomes = threading.Barrier(3), []

    def at_once(act: Callable[[], object]) -> None:
        try:
            ready.wait(20)
            act()
            outcomes.append("done")
        except RollbookError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    def shell(act: Callable[[Actor], object]) -> Callable[[], object]:
        return lambda: act(actor.of_command_line(grove.row))

    attacks = [
        shell(lambda who: rights.change(who, bea, {})),
        shell(
            lambda who: people.deactivate(who, grove.account) if second == "deactivate" else rights.change(who, grove.account, {})
        ),
        shell(lambda who: people.delete(who, bea)),
    ]
    threads = [threading.Thread(target=at_once, args=(each,)) for each in attacks]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert len(outcomes) == 3, outcomes
    assert accounts.holders(grove.row.pk, Right.RIGHTS).count() >= 1, outcomes
    assert AccountRight.objects.filter(district=grove.row, right=Right.RIGHTS).exists()


def test_who_works_at_some_schools_is_offered_the_one_kind_that_can_be_made(grove: Grove, coach: Account) -> None:
    client = of(coach)
    assert 'value="staff"' not in client.get("/accounts/new/").content.decode()
    typed = {"name": "Nia", "username": "nia", "children": [number(grove, "p1")]}
    assert client.post("/accounts/new/", typed | {"kind": "staff"}).status_code == 200
    assert client.post("/accounts/new/", typed | {"kind": "guardian"}).status_code == 302
    assert Account.objects.get(username="nia").kind == "guardian"
