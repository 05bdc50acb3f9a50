"""The fear that somebody gets into an account, or loses one, because another person could change what was not theirs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from rollbook.actions import actor, adopt, factors, overrides, people, reach, sessions, usernames
from rollbook.actions.reach import AccountStays
from rollbook.domain.errors import ConfigError, NotAllowed, NotFound
from rollbook.domain.rights import ADMINISTRATOR, TECH_COACH, Right
from rollbook.domain.usernames import UsernameRule
from rollbook.store import accounts, desk
from rollbook.store.models import Account, AccountRight, AuditEntry, Child, District, Override, Person
from tests.district import Grove, edited, enrollment, plus, small, user
from tests.web.conftest import of


@pytest.fixture
def grove(imported: Grove) -> Grove:
    return imported


def username(account: Account) -> str | None:
    account.refresh_from_db()
    return account.username


def person(grove: Grove, sourced_id: str) -> Person:
    found: Person = grove.one("person", sourced_id)
    return found


def has_account(grove: Grove, sourced_id: str, kind: str = "student", **values: Any) -> Account:
    """Give somebody of the roster an account, unless an import has made it already."""
    row = person(grove, sourced_id)
    made, _ = Account.objects.get_or_create(district=grove.row, person=row.pk, kind=kind, defaults={"by_hand": False})
    given = {"state": "active", "email": row.email, "name": f"{row.given_name} {row.family_name}"} | values
    Account.objects.filter(pk=made.pk).update(**given)
    return Account.objects.get(pk=made.pk)


def by_hand(grove: Grove, name: str, kind: str = "staff", **values: Any) -> Account:
    return Account.objects.create(district=grove.row, name=name, kind=kind, username=name.lower(), **values)


def coach(grove: Grove, *schools: str, email: str = "coach@maple.example") -> Account:
    """Return a tech coach at these schools."""
    made = Account.objects.create(district=grove.row, email=email, name="Kim Coach")
    for each in schools:
        accounts.give(made, TECH_COACH, grove.one("org", each).pk)
    return made


def acts(account: Account) -> list[str]:
    """Return what was done at the desk; sign-ins are written down, too."""
    found = AuditEntry.objects.filter(concerns=account.pk).order_by("pk").values_list("act", flat=True)
    return [act for act in found if act.split(".")[0] in ("account", "override", "rights")]


def names_in(client: Client, address: str = "/accounts/") -> set[int]:
    return {each.pk for each in client.get(address).context["page"].rows}


# --- finding ---


def test_an_account_is_found_by_part_of_a_name_a_username_or_an_email(grove: Grove, ada: Client) -> None:
    zoe = by_hand(grove, "Zoë", email="z.angstrom@maple.example")
    for words in ("zoë", "ZOË", "angstrom", "Z.ANGSTROM@maple"):
        assert names_in(ada, f"/accounts/?q={words}") == {zoe.pk}, words
    assert not names_in(ada, "/accounts/?q=nobody+zoë")


def test_filters_show_what_they_say(grove: Grove, ada: Client) -> None:
    pupil = has_account(grove, "p1", state="pending")
    helper = by_hand(grove, "Lee", state="inactive")
    assert names_in(ada, "/accounts/?kind=student&state=pending&origin=source&q=Gp1") == {pupil.pk}
    assert names_in(ada, "/accounts/?origin=hand&state=inactive") == {helper.pk}
    assert names_in(ada, "/accounts/?right=audit") == {grove.account.pk}
    assert pupil.pk in names_in(ada, f"/accounts/?school={grove.one('org', 's1').pk}")
    assert pupil.pk not in names_in(ada, f"/accounts/?school={grove.one('org', 's2').pk}")


def test_a_long_list_is_paged_through_without_losing_anybody(grove: Grove, ada: Client) -> None:
    for n in range(130):
        Account.objects.create(district=grove.row, name=f"Same Name {n % 7}", username=f"many{n}", kind="staff")
    seen: list[int] = []
    address = "/accounts/?origin=hand"
    while True:
        page = ada.get(address).context["page"]
        seen += [each.pk for each in page.rows]
        if page.after is None:
            break
        address = f"/accounts/?origin=hand&after={page.after}"
    assert len(seen) == len(set(seen)) == Account.objects.filter(district=grove.row, by_hand=True).count()
    back = ada.get(f"/accounts/?origin=hand&before={seen[50]}").context["page"]
    assert [each.pk for each in back.rows] == seen[:50]


def test_the_list_costs_the_same_whatever_the_size(grove: Grove, ada: Client, django_assert_max_num_queries: Any) -> None:
    for n in range(120):
        Account.objects.create(district=grove.row, name=f"N {n}", username=f"many{n}")
    with django_assert_max_num_queries(14):
        ada.get("/accounts/?q=n")


# --- making ---


def test_an_account_of_each_kind_is_made_by_hand_and_no_import_touches_it(grove: Grove, ada: Client) -> None:
    child = person(grove, "p1").pk
    for kind in ("student", "teacher", "guardian", "staff"):
        typed = {"kind": kind, "name": f"Nia {kind}", "username": f"nia.{kind}", "email": "nia@maple.example"}
        assert ada.post("/accounts/new/", typed | {"children": [child]}).status_code == 302
    made = list(Account.objects.filter(district=grove.row, username__startswith="nia.").order_by("pk").values())
    assert [each["kind"] for each in made] == ["student", "teacher", "guardian", "staff"]
    assert {(each["state"], each["by_hand"], each["person"]) for each in made} == {("active", True, None)}
    assert list(Child.objects.values_list("guardian__username", "student")) == [("nia.guardian", child)]
    files = small()
    grove.applies(plus(files, users=[user("p9", username="nia.staff", email="nia@maple.example")]))
    assert list(Account.objects.filter(pk__in=[each["id"] for each in made]).order_by("pk").values()) == made


def test_two_kinds_for_one_account_are_refused(grove: Grove, ada: Client) -> None:
    page = ada.post("/accounts/new/", {"kind": ["staff", "teacher"], "name": "Two", "username": "two"})
    assert "An account has one kind" in page.content.decode()
    assert not Account.objects.filter(username="two").exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"username": "taken"}, "username"),
        ({"username": "ADA@maple-grove.example"}, "username"),  # reads as somebody else's email
        ({"username": "with space"}, "username"),
        ({"username": "", "email": ""}, "username"),
        ({"email": "not an address"}, "email"),
        ({"email": "Lee@maple.example"}, "email"),
        ({"name": " "}, "name"),
        ({"kind": "wizard"}, "kind"),
        ({"kind": "guardian"}, "children"),
    ],
)
def test_what_cannot_be_an_account_is_refused_with_the_field(grove: Grove, typed: dict[str, str], field: str) -> None:
    by_hand(grove, "Taken")
    by_hand(grove, "Lee", email="lee@maple.example")
    values = {"kind": "staff", "name": "Nia", "username": "nia", "email": ""} | typed
    with pytest.raises(ConfigError) as error:
        people.make(grove.ada, **values)
    assert list(error.value.fields) == [field]


def test_students_are_found_for_a_guardian_and_stay_chosen(grove: Grove, ada: Client) -> None:
    first, second = person(grove, "p1").pk, person(grove, "p2").pk
    page = ada.post("/accounts/new/", {"kind": "guardian", "name": "Nia", "children": [first], "words": "Fp2", "find": "yes"})
    assert [each.pk for each in page.context["chosen"]] == [first]
    assert [each.pk for each in page.context["found"]] == [second]
    assert 'value="Nia"' in page.content.decode()


def test_a_parent_s_child_cannot_be_somebody_of_another_district(grove: Grove, cleo: Client) -> None:
    page = cleo.post(
        "/accounts/new/", {"kind": "guardian", "name": "Nia", "username": "nia", "children": [person(grove, "p1").pk]}
    )
    assert page.status_code == 200
    assert not Child.objects.exists()


# --- states ---


def test_an_account_is_opened_shut_and_opened_again_and_each_is_written_down(grove: Grove, ada: Client) -> None:
    pupil = has_account(grove, "p1", state="pending")
    theirs = of(pupil)
    assert theirs.get("/me/history/").status_code == 302, "pending: nobody can sign in"
    for act, state in (("activate", "active"), ("deactivate", "inactive"), ("reactivate", "active")):
        theirs = of(Account.objects.get(pk=pupil.pk))
        assert ada.post(f"/accounts/{pupil.pk}/act/", {"act": act}).status_code == 302
        pupil.refresh_from_db()
        assert pupil.state == state
        if act == "deactivate":
            assert theirs.get("/me/history/").status_code == 302, "who was signed in is out at once"
    assert acts(pupil)[-3:] == ["account.activated", "account.deactivated", "account.reactivated"]


def test_a_button_pressed_twice_does_nothing_twice(grove: Grove, ada: Client) -> None:
    helper = by_hand(grove, "Lee")
    for status in (302, 409):
        assert ada.post(f"/accounts/{helper.pk}/act/", {"act": "deactivate"}).status_code == status
    assert acts(helper) == ["account.deactivated"]


def test_who_the_source_says_has_left_does_not_come_back_by_hand(grove: Grove) -> None:
    pupil = has_account(grove, "p1")
    Person.objects.filter(pk=pupil.person).update(status="inactive")
    Account.objects.filter(pk=pupil.pk).update(state="inactive")
    with pytest.raises(AccountStays, match="has left"):
        people.reactivate(grove.ada, pupil)


def test_nobody_shuts_oneself_out(grove: Grove, ada: Client) -> None:
    for address, typed in (("act", {"act": "deactivate"}), ("delete", {})):
        assert ada.post(f"/accounts/{grove.account.pk}/{address}/", typed).status_code == 409
    assert Account.objects.get(pk=grove.account.pk).state == "active"


# --- deleting ---


def test_an_account_that_never_was_of_use_can_be_deleted(grove: Grove, ada: Client) -> None:
    helper = by_hand(grove, "Lee")
    number = helper.pk
    assert ada.post(f"/accounts/{number}/delete/").status_code == 302
    assert not Account.objects.filter(pk=number).exists()
    assert AuditEntry.objects.get(act="account.deleted").concerns == number


@pytest.mark.parametrize("history", ["signed in", "enrolled", "follows"])
def test_an_account_with_history_is_not_deleted_and_deactivating_is_offered(grove: Grove, ada: Client, history: str) -> None:
    one = by_hand(grove, "Lee", email="lee@maple.example")
    match history:
        case "signed in":
            of(one)  # a client that signs in
        case "enrolled":
            one = has_account(grove, "p2")
        case "follows":
            one = has_account(grove, "g1", "guardian")
    assert ada.post(f"/accounts/{one.pk}/delete/").status_code == 409
    assert Account.objects.filter(pk=one.pk).exists()
    assert "Deactivate instead" in ada.get(f"/accounts/{one.pk}/delete/").content.decode()


def _with(account: Account, *rights: Right) -> Account:
    accounts.give(account, rights)
    return account


# --- the reach of a tech coach, and of anybody with fewer rights ---


def test_a_tech_coach_sees_only_accounts_of_the_own_schools(grove: Grove) -> None:
    here, there = has_account(grove, "t1", "teacher"), has_account(grove, "t2", "teacher")
    nowhere = by_hand(grove, "Lee")
    client = of(coach(grove, "s1"))
    seen = names_in(client)
    assert here.pk in seen
    assert not {there.pk, nowhere.pk, grove.account.pk} & seen
    for each in (there, nowhere, grove.account):
        for part in ("", "edit/", "delete/", "adopt/"):
            assert client.get(f"/accounts/{each.pk}/{part}").status_code == 404
        for part in ("edit/", "act/", "delete/", "adopt/"):
            assert client.post(f"/accounts/{each.pk}/{part}", {"act": "deactivate"}).status_code == 404
    assert client.get(f"/accounts/{here.pk}/").status_code == 200
    assert not names_in(client, f"/accounts/?school={grove.one('org', 's2').pk}")


def test_a_tech_coach_makes_guardians_of_own_students_and_nobody_else(grove: Grove) -> None:
    grove.applies(plus(small(), users=[user("p8", orgs="s2")], enrollments=[enrollment("k2", "p8", school="s2")]))
    kim = actor.of_account(coach(grove, "s1"))
    with pytest.raises(NotAllowed):
        people.make(kim, "staff", "Nia", "nia", "")
    with pytest.raises(ConfigError, match="children"):
        people.make(kim, "guardian", "Nia", "nia", "", [person(grove, "p8").pk])
    made = people.make(kim, "guardian", "Nia", "nia", "", [person(grove, "p1").pk])
    assert reach.get(kim, made.pk) == made
    with pytest.raises(NotFound):
        reach.get(actor.of_account(coach(grove, "s2", email="coach2@maple.example")), made.pk)
    both = people.make(grove.ada, "guardian", "Bo", "bo", "", [person(grove, "p1").pk, person(grove, "p8").pk])
    with pytest.raises(NotAllowed, match="schools"):
        people.edit(kim, both, "Bo", "bo", "taken.over@maple.example", [person(grove, "p1").pk])


def test_who_unlinked_two_accounts_has_two_and_an_email_alone_links_none(grove: Grove) -> None:
    clerk = actor.of_account(_with(by_hand(grove, "Clerk"), Right.ACCOUNTS))
    mighty = has_account(grove, "t1", "staff", one=5, email_verified_at=grove.row.created_at)
    accounts.give(mighty, ADMINISTRATOR)
    for apart in (
        has_account(grove, "t1", "teacher"),
        by_hand(grove, "Same", email=mighty.email, email_verified_at=grove.row.created_at),
    ):
        assert mighty not in desk.linked(apart)
        people.unlock(clerk, apart)


@pytest.mark.parametrize("link", ["itself", "one", "person", "elsewhere"])
def test_nobody_takes_over_an_account_with_more_rights_or_one_that_leads_to_it(grove: Grove, link: str) -> None:
    """Whoever may change an email may ask for a new password: so this is a way to become an administrator."""
    desk_clerk = actor.of_account(_with(by_hand(grove, "Clerk"), Right.ACCOUNTS))
    mighty = has_account(grove, "t1", "staff")
    accounts.give(mighty, ADMINISTRATOR)
    harmless = mighty
    if link == "one":
        harmless = by_hand(grove, "Same", one=7)
        Account.objects.filter(pk=mighty.pk).update(one=7)
    elif link == "person":
        harmless = has_account(grove, "t1", "guardian")
    elif link == "elsewhere":
        far = Account.objects.create(district=District.objects.create(name="Far"), email="far@maple.example", one=7)
        accounts.give(far, [Right.ACCOUNTS])  # the clerk has it, too, but not there
        harmless = by_hand(grove, "Same", one=7)
    attacks: list[Callable[[], object]] = [
        lambda: people.edit(desk_clerk, harmless, "X", "x", "evil@maple.example"),
        lambda: overrides.change(desk_clerk, harmless, {"email": "evil@maple.example"}),
        lambda: people.deactivate(desk_clerk, harmless),
        lambda: people.unlock(desk_clerk, harmless),
        lambda: sessions.end_all(desk_clerk, harmless),
        lambda: factors.take_away(desk_clerk, harmless),
        lambda: people.delete(desk_clerk, harmless),
    ]
    for attack in attacks:
        with pytest.raises(NotAllowed):
            attack()
    assert "evil" not in str(list(Account.objects.values_list("email", flat=True)))


def test_an_account_is_not_adopted_into_a_person_with_more_rights(grove: Grove) -> None:
    desk_clerk = actor.of_account(_with(by_hand(grove, "Clerk"), Right.ACCOUNTS))
    accounts.give(has_account(grove, "t1", "staff"), ADMINISTRATOR)
    evil = by_hand(grove, "Evil", "teacher")
    with pytest.raises(NotAllowed):
        adopt.adopt(desk_clerk, evil, person(grove, "t1").pk)


def test_a_new_email_is_not_a_proven_one(grove: Grove) -> None:
    lee = by_hand(grove, "Lee", email="lee@maple.example", email_verified_at=grove.row.created_at)
    people.edit(grove.ada, lee, "Lee", "lee", "new@maple.example")
    lee.refresh_from_db()
    assert (lee.email, lee.email_verified_at) == ("new@maple.example", None)


# --- values by hand over the source ---


def test_a_value_set_by_hand_is_kept_by_imports_shown_and_given_back(grove: Grove, ada: Client) -> None:
    pupil = has_account(grove, "p1")
    page = ada.get(f"/accounts/{pupil.pk}/edit/").content.decode()
    assert "owns these fields" in page
    typed = {"given_name": "Gp1", "family_name": "Fp1", "email": "Preferred@maple.example", "username": "u.p1"}
    assert ada.post(f"/accounts/{pupil.pk}/edit/", typed).status_code == 302
    pupil.refresh_from_db()
    assert pupil.email == "preferred@maple.example"
    override = Override.objects.get()
    assert (override.field, override.by) == ("email", grove.account.email)

    files = small()
    run = grove.applies(files | {"users": edited(files["users"], "p1", email="from.sis@maple.example", givenName="Newer")})
    said = [(each["sourced_id"], each["field"], each["level"]) for each in grove.findings(run, "set_by_hand_stays")]
    assert said == [("p1", "email", "note")]
    pupil.refresh_from_db()
    assert pupil.email == "preferred@maple.example"
    source = grove.source.pk
    assert "set by hand" in ada.get(f"/people/{source}/p1/").content.decode()
    assert "preferred@" in ada.get(f"/accounts/{pupil.pk}/").content.decode()

    assert ada.post(f"/accounts/{pupil.pk}/act/", {"act": "give-back", "field": "email"}).status_code == 302
    pupil.refresh_from_db()
    assert pupil.email == "from.sis@maple.example"
    assert not Override.objects.exists()
    assert acts(pupil)[-2:] == ["override.set", "override.given-back"]


def test_a_username_set_by_hand_is_kept_by_imports_and_rules_reported_and_given_back(grove: Grove, ada: Client) -> None:
    pupil = has_account(grove, "p1")
    assert 'value="u.p1"' in ada.get(f"/accounts/{pupil.pk}/edit/").content.decode()
    typed = {"given_name": "Gp1", "family_name": "Fp1", "email": pupil.email, "username": " Zora "}
    assert ada.post(f"/accounts/{pupil.pk}/edit/", typed).status_code == 302
    assert username(pupil) == "zora"

    files = small()
    run = grove.applies(files | {"users": edited(files["users"], "p1", username="u.other")})
    assert username(pupil) == "zora"
    assert [(each["sourced_id"], each["field"]) for each in grove.findings(run, "set_by_hand_stays")] == [("p1", "username")]
    Account.objects.filter(pk=pupil.pk).update(state="pending")
    usernames.save(grove.ada, UsernameRule.NAME)
    assert username(pupil) == "zora", "a rule may name those who are pending, but not over a hand"
    usernames.save(grove.ada, UsernameRule.SOURCE)
    Account.objects.filter(pk=pupil.pk).update(state="active")

    page = ada.get(f"/accounts/{pupil.pk}/").content.decode()
    assert "back to the rule" in page
    ada.post(f"/accounts/{pupil.pk}/act/", {"act": "give-back", "field": "username"})
    assert username(pupil) == "u.other"
    assert "back to the rule" not in ada.get(f"/accounts/{pupil.pk}/").content.decode()
    assert acts(pupil)[-2:] == ["override.set", "override.given-back"]
    with pytest.raises(ConfigError, match="is taken"):
        people.make(grove.ada, "staff", "Una", "zora", "una@maple.example")  # somebody could sign in with it


def test_a_username_that_is_given_back_and_taken_meanwhile_gets_a_number(grove: Grove) -> None:
    pupil = has_account(grove, "p1")
    overrides.change(grove.ada, pupil, {"username": "zora"})
    Account.objects.create(district=grove.row, username="una")
    files = small()
    grove.applies(files | {"users": edited(files["users"], "p1", username="una")})
    overrides.give_back(grove.ada, pupil, "username")
    assert username(pupil) == "una2"


@pytest.mark.parametrize(("typed", "said"), [("", "is needed"), ("u.p2", "is taken"), ("two words", "no spaces")])
def test_a_username_by_hand_is_one_that_the_account_can_have(grove: Grove, ada: Client, typed: str, said: str) -> None:
    pupil = has_account(grove, "p1")
    values = {"given_name": "Gp1", "family_name": "Fp1", "email": pupil.email, "username": typed}
    answer = ada.post(f"/accounts/{pupil.pk}/edit/", values)
    assert said in answer.content.decode()
    assert username(pupil) == "u.p1"
    assert not Override.objects.exists()


def test_typing_what_the_source_says_gives_it_back(grove: Grove) -> None:
    pupil = has_account(grove, "p1")
    assert overrides.change(grove.ada, pupil, {"family_name": "By Hand"}) == ["family_name"]
    assert overrides.change(grove.ada, pupil, {"family_name": "By Hand"}) == []
    assert overrides.change(grove.ada, pupil, {"family_name": "Fp1"}) == ["family_name"]
    assert not Override.objects.exists()


def test_no_name_and_no_address_of_a_person_comes_into_the_audit_log(grove: Grove) -> None:
    pupil = has_account(grove, "p1")
    overrides.change(grove.ada, pupil, {"family_name": "Xanthippe", "email": "xanthippe@maple.example"})
    adopt.adopt(grove.ada, by_hand(grove, "Gp9", "teacher"), person(grove, "t1").pk)
    people.make(grove.ada, "staff", "Quetzal", "quetzal", "quetzal@maple.example")
    for entry in AuditEntry.objects.all():
        said = f"{entry.about} {entry.detail}".lower()
        assert not any(private in said for private in ("xanthippe", "gp1", "gp9", "gt1", "quetzal"))


# --- adopting ---


def test_an_account_by_hand_is_adopted_by_id_after_a_preview(grove: Grove, ada: Client) -> None:
    pending = has_account(grove, "t1", "teacher", state="pending")
    mine = by_hand(grove, "Tee", "teacher", email="tee@maple.example", state="active")
    page = ada.get(f"/accounts/{mine.pk}/adopt/?key=t1")
    shown = page.context["found"][0].changes
    assert ("Email", "tee@maple.example", "t1@maple.example") in shown
    assert Account.objects.filter(pk=pending.pk).exists(), "looking changes nothing"
    assert Account.objects.get(pk=mine.pk).by_hand
    assert ada.post(f"/accounts/{mine.pk}/adopt/", {"person": person(grove, "t1").pk}).status_code == 302
    mine.refresh_from_db()
    assert (mine.by_hand, mine.person, mine.state) == (False, person(grove, "t1").pk, "active")
    assert {"Name": mine.name, "Username": mine.username, "Email": mine.email} == {what: after for what, _, after in shown}
    assert not Account.objects.filter(pk=pending.pk).exists()
    assert acts(mine) == ["account.adopted"]


@pytest.mark.parametrize("against", ["another kind", "left", "in use", "twice"])
def test_an_account_that_does_not_fit_a_person_is_not_adopted(grove: Grove, ada: Client, against: str) -> None:
    kind, whom = ("student", "t1") if against == "another kind" else ("teacher", "t1")
    mine = by_hand(grove, "Tee", kind)
    if against == "left":
        Person.objects.filter(sourced_id="t1").update(status="inactive")
    elif against == "in use":
        has_account(grove, "t1", "teacher", state="active")
    elif against == "twice":
        adopt.adopt(grove.ada, mine, person(grove, "t1").pk)
    assert ada.post(f"/accounts/{mine.pk}/adopt/", {"person": person(grove, whom).pk}).status_code == 409


def test_a_person_of_another_district_cannot_be_adopted(grove: Grove, cleo: Client) -> None:
    theirs = Account.objects.create(district=Account.objects.get(email__contains="elsewhere").district, kind="teacher")
    assert cleo.post(f"/accounts/{theirs.pk}/adopt/", {"person": person(grove, "t1").pk}).status_code == 404
    assert not cleo.get(f"/accounts/{theirs.pk}/adopt/?key=t1").context["found"]


# --- history ---


def test_everybody_reads_what_was_done_to_the_own_account_and_nothing_else(grove: Grove, ada: Client) -> None:
    lee, other = by_hand(grove, "Lee"), by_hand(grove, "Other")
    people.edit(grove.ada, lee, "Lee Long", "lee", "")
    people.edit(grove.ada, other, "Other Long", "other", "")
    page = of(lee).get("/me/history/")
    assert {each.concerns for each in page.context["entries"]} == {lee.pk}
    found = ada.get(f"/audit/?concerns={lee.pk}").context["entries"]
    assert {whom for _, whom in found} == {Account.objects.get(pk=lee.pk)}
    assert "account.changed" in {entry.act for entry, _ in found}
    assert "No account of your district" in ada.get("/audit/?concerns=nobody").content.decode()


def test_the_log_about_somebody_of_elsewhere_is_empty(grove: Grove, cleo: Client) -> None:
    page = cleo.get(f"/audit/?concerns={grove.account.pk}")
    assert not page.context["entries"]
    assert grove.account.email.encode() not in page.content


def test_rights_stay_with_an_account_that_is_shut_but_are_worth_nothing(grove: Grove) -> None:
    lee = _with(by_hand(grove, "Lee"), Right.AUDIT)
    people.deactivate(grove.ada, lee)
    lee.refresh_from_db()
    assert actor.of_account(lee).rights == {}
    assert AccountRight.objects.filter(account=lee).exists()
