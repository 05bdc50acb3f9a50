"""The fear that somebody becomes somebody else by typing their email."""

import re
from typing import Any

import pytest
from django.test import Client

from rollbook.actions import factors, linking
from rollbook.domain.rights import Right
from rollbook.lib import clock
from rollbook.store import accounts
from rollbook.store.models import Account, AuditEntry, District, Letter
from tests.district import Grove
from tests.signing_in import PASSWORD, account, of, tries
from tests.web.test_factors import shown

EMAIL = "tess@maple.example"
PERSON = 990_001  # of the roster


@pytest.fixture
def teacher(district: Grove) -> Account:
    return account(district.row, "tess")


@pytest.fixture
def parent(teacher: Account) -> Account:
    """Another account of hers, with the same email."""
    return second(teacher, "tess2")


def second(one: Account, called: str, **more: Any) -> Account:
    made = account(one.district, called, "and other odd words", kind="guardian", **more)
    Account.objects.filter(pk=made.pk).update(email=one.email)
    return Account.objects.get(pk=made.pk)


def mailed() -> str:
    text = Letter.objects.order_by("-pk")[0].text
    met = re.search(r"://[^/]+(/me/accounts/link/\S+/)", text)
    assert met is not None
    return met[1]


def linked(one: Account) -> set[int]:
    return {each.pk for each in linking.group(Account.objects.get(pk=one.pk))} - {one.pk}


def proves(one: Account) -> Client:
    """Have the letter sent, and use the link in it."""
    client = of(one)
    client.post("/me/accounts/mail/")
    assert client.post(mailed()).status_code == 302
    return client


def both(one: Account, other: Account) -> Client:
    """Link two accounts; return the browser of the first."""
    proves(other)
    return proves(one)


def test_an_email_that_was_typed_in_links_nothing(teacher: Account, parent: Account) -> None:
    assert not linked(teacher)
    assert of(teacher).post("/sign-in/switch/", {"account": parent.pk}).status_code == 404


def test_accounts_that_have_both_proved_the_email_are_linked(teacher: Account, parent: Account) -> None:
    proves(parent)
    client = of(teacher)
    client.post("/me/accounts/mail/")
    assert "Guardian, Maple Grove (tess2)" in client.get(mailed()).content.decode()
    assert not linked(teacher), "looking is not linking"
    client.post(mailed())
    assert linked(teacher) == {parent.pk}
    assert set(AuditEntry.objects.filter(act="account.linked").values_list("concerns", flat=True)) == {teacher.pk, parent.pk}


def test_an_account_into_which_the_email_was_typed_is_not_let_in_by_its_true_holder(teacher: Account) -> None:
    """Somebody makes an account with her email and a password that they know, and hopes that she links it with hers."""
    trap = second(teacher, "mallory")
    client = of(teacher)
    client.post("/me/accounts/mail/")
    assert "have not proved it" in client.get(mailed()).content.decode()
    client.post(mailed())
    assert not linked(teacher)
    assert of(trap).post("/sign-in/switch/", {"account": teacher.pk}).status_code == 404


def test_a_link_works_once_and_for_the_account_that_asked(teacher: Account, parent: Account) -> None:
    client = of(teacher)
    client.post("/me/accounts/mail/")
    link = mailed()
    thief = account(teacher.district, "mallory")
    assert of(thief).post(link).status_code == 404
    assert of(parent).post(link).status_code == 404
    assert client.post(link).status_code == 302
    assert client.post(link).status_code == 404


def test_a_thief_who_types_the_email_of_another_gets_nothing_by_asking(teacher: Account) -> None:
    thief = account(teacher.district, "mallory")
    Account.objects.filter(pk=thief.pk).update(email=EMAIL)
    client = of(Account.objects.get(pk=thief.pk))
    page = client.post("/me/accounts/mail/", follow=True).content.decode()
    assert "tess" not in page.replace(EMAIL, "")
    assert [each.to for each in Letter.objects.all()] == [EMAIL], "the letter goes to the mailbox, which is not the thief's"
    of(teacher).get(mailed())
    assert of(teacher).post(mailed()).status_code == 404
    assert not linked(thief)


def test_the_page_does_not_say_whether_others_have_the_email(teacher: Account) -> None:
    client = of(teacher)
    client.post("/me/accounts/mail/")
    alone = client.get("/me/accounts/").content
    second(teacher, "tess2")
    client.post("/me/accounts/mail/")
    assert re.sub(rb"[A-Za-z0-9]{64}", b"", client.get("/me/accounts/").content) == re.sub(rb"[A-Za-z0-9]{64}", b"", alone)


def test_accounts_of_one_person_in_the_roster_are_linked_by_themselves(district: Grove) -> None:
    teacher = account(district.row, "tess", person=PERSON)
    parent = second(teacher, "tess2", person=PERSON)
    assert linked(teacher) == {parent.pk}
    other = account(District.objects.create(name="Elm Hollow"), "else", person=PERSON)
    assert not linked(other), "the same number in another district is another person"


def test_the_chooser_comes_after_the_sign_in_and_leads_into_the_chosen_one(teacher: Account, parent: Account) -> None:
    both(teacher, parent)
    client = Client()
    tries("tess", PASSWORD, client)
    assert client.get("/me/").headers["Location"] == "/sign-in/choose/"
    page = client.get("/sign-in/choose/").content.decode()
    assert "Teacher, Maple Grove (tess)" in page and "Guardian, Maple Grove (tess2)" in page
    before = client.session.session_key
    assert client.post("/sign-in/switch/", {"account": parent.pk}).status_code == 302
    assert client.session.session_key != before
    assert "tess2" in client.get("/me/").content.decode()
    assert AuditEntry.objects.get(act="account.switched").concerns == parent.pk


def test_one_may_stay_who_one_is(teacher: Account, parent: Account) -> None:
    both(teacher, parent)
    client = Client()
    tries("tess", PASSWORD, client)
    client.post("/sign-in/switch/", {"account": teacher.pk})
    assert client.get("/me/").status_code == 200
    assert "Switch to Guardian" in client.get("/me/").content.decode()


def test_the_chosen_account_asks_for_its_own_second_factor(teacher: Account, parent: Account) -> None:
    both(teacher, parent)
    secret, _ = factors.begin_app(parent)
    factors.confirm_app(parent, shown(secret), since=clock.now())
    client = of(teacher)
    client.post("/sign-in/switch/", {"account": parent.pk})
    assert client.get("/me/").headers["Location"] == "/sign-in/second-factor/"


def test_nobody_skips_the_second_factor_by_switching(teacher: Account, parent: Account) -> None:
    both(teacher, parent)
    secret, _ = factors.begin_app(teacher)
    factors.confirm_app(teacher, shown(secret), since=clock.now())
    client = Client()
    tries("tess", PASSWORD, client)
    answer = client.post("/sign-in/switch/", {"account": parent.pk})
    assert answer.headers["Location"] == "/sign-in/second-factor/"


def test_an_account_with_rights_is_not_given_its_first_factor_by_another(teacher: Account, parent: Account) -> None:
    both(teacher, parent)
    accounts.give(parent, {Right.ROSTER})
    client = of(teacher)
    assert client.post("/sign-in/switch/", {"account": parent.pk}).status_code == 403
    assert client.get("/me/").status_code == 200


@pytest.mark.parametrize("state", ["pending", "inactive"])
def test_an_account_that_is_not_active_cannot_be_switched_to(teacher: Account, parent: Account, state: str) -> None:
    both(teacher, parent)
    Account.objects.filter(pk=parent.pk).update(state=state)
    assert of(teacher).post("/sign-in/switch/", {"account": parent.pk}).status_code == 404


def test_unlinked_is_unlinked_from_both_sides(teacher: Account, parent: Account) -> None:
    client = both(teacher, parent)
    client.post("/me/accounts/unlink/", {"account": parent.pk})
    assert not linked(teacher) and not linked(parent)
    assert "Switch to Guardian" not in client.get("/me/").content.decode()
    assert AuditEntry.objects.get(act="account.unlinked").concerns == parent.pk


def test_unlinked_of_one_person_stays_unlinked(district: Grove) -> None:
    teacher = account(district.row, "tess", person=PERSON)
    parent = second(teacher, "tess2", person=PERSON)
    linking.unlink(teacher, parent.pk)
    assert not linked(teacher) and not linked(parent)


def test_linking_a_third_keeps_the_first_two_together(district: Grove) -> None:
    teacher = account(district.row, "tess", person=PERSON)
    parent = account(district.row, "tess2", kind="guardian", person=PERSON)
    third = account(teacher.district, "tess3", kind="staff")
    Account.objects.filter(pk=third.pk).update(email=EMAIL)
    both(teacher, third)
    assert linked(teacher) == {parent.pk, third.pk}
    assert linked(third) == {teacher.pk, parent.pk}
