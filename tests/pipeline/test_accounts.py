"""The fear that somebody who left can still sign in, that somebody who came cannot, or that one gets the account of another."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given

from rollbook.actions import people
from rollbook.domain.errors import ConfigError
from rollbook.domain.rights import ADMINISTRATOR
from rollbook.domain.words import KIND_OF_ROLE
from rollbook.pipeline import accounts as following
from rollbook.store import audit, loading, usernames
from rollbook.store.accounts import give
from rollbook.store.following import KEYS, Following
from rollbook.store.models import Account, AuditEntry, District, FormerUsername, Override, Person, Source
from tests import signing_in
from tests.district import Files, Grove, edited, minus, plus, small, user
from tests.pipeline.test_properties import NewDistrict, districts, effort, new_district  # noqa: F401 - a fixture


def accounts(district: Grove) -> dict[tuple[str, str], Account]:
    """Return the accounts that sources made, by whom and as what."""
    ids = dict(Person.objects.filter(district=district.row).values_list("pk", "sourced_id"))
    return {(ids[each.person], each.kind): each for each in Account.objects.filter(district=district.row, by_hand=False)}


def account(district: Grove, one: str, kind: str = "student") -> Account:
    return accounts(district)[one, kind]


def activate(district: Grove, one: str, kind: str = "student") -> Account:
    found = account(district, one, kind)
    found.state = "active"
    found.save()
    return found


def changed(files: Files, one: str, **values: str) -> Files:
    return files | {"users": edited(files["users"], one, **values)}


def test_everybody_who_comes_gets_an_account_that_nobody_can_use_yet(imported: Grove) -> None:
    found = accounts(imported)
    assert set(found) == {*((f"p{n}", "student") for n in range(1, 5)), ("t1", "teacher"), ("t2", "teacher"), ("g1", "guardian")}
    assert {each.state for each in found.values()} == {"pending"}
    assert not any(each.has_usable_password() for each in found.values())
    p1 = found["p1", "student"]
    assert (p1.name, p1.email, p1.username, p1.district_id) == ("Gp1 Fp1", "p1@maple.example", "u.p1", imported.row.pk)


def test_a_first_import_of_thousands_leaves_indexes_and_names_as_a_small_one_does(
    new_district: NewDistrict,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "WORTH_REBUILDING", 1)
    monkeypatch.setattr(usernames, "WORTH_COUNTING", 0)
    with new_district() as district:
        for name in ("u.p1", "u.p2-2", "u.p3x"):
            Account.objects.create(district=district.row, username=name)
        before = known_indexes("store_account")
        files = small(9)
        files["users"] = edited(edited(files["users"], "p2", username="u.p3"), "p4", username="u.p3")
        district.applies(files)
        assert known_indexes("store_account") == before
        names = {one: each.username for (one, _), each in accounts(district).items()}
        assert names["p1"] == "u.p1-2", "somebody has the name already"
        assert [names[one] for one in ("p2", "p3", "p4")] == ["u.p3", "u.p3-2", "u.p3-3"]
        with pytest.raises(IntegrityError), transaction.atomic():
            Account.objects.create(district=district.row, username="u.p5")


def known_indexes(table: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return {name: (each["columns"], each["unique"]) for name, each in found.items()}


def test_whoever_leaves_is_out_on_the_next_request_and_back_when_they_return(imported: Grove) -> None:
    client = signing_in.of(activate(imported, "p3"))
    assert client.get("/").status_code == 200
    imported.applies(minus(small(), "p3"))
    assert client.get("/").status_code == 302
    gone = account(imported, "p3")
    assert (gone.state, gone.before_leaving) == ("inactive", "active")
    imported.applies(small())
    back = account(imported, "p3")
    assert (back.pk, back.state, back.before_leaving) == (gone.pk, "active", "")


def test_whoever_was_pending_or_turned_away_returns_as_that(imported: Grove) -> None:
    Account.objects.filter(pk=account(imported, "p2").pk).update(state="inactive")
    for files in (minus(small(), "p2", "p3"), small()):
        imported.applies(files)
    assert account(imported, "p2").state == "inactive", "an administrator has turned this one away; no import lets them in"
    assert account(imported, "p3").state == "pending"


def test_the_source_can_shut_an_account(imported: Grove) -> None:
    activate(imported, "p3")
    imported.applies(changed(small(), "p3", enabledUser="false"))
    assert account(imported, "p3").state == "inactive"
    imported.applies(small())
    assert account(imported, "p3").state == "active"


def test_a_parent_who_becomes_a_teacher_has_two_accounts_and_loses_only_what_ends(imported: Grove) -> None:
    activate(imported, "g1", "guardian")
    imported.applies(changed(small(), "g1", role="teacher"))
    found = {kind: each for (one, kind), each in accounts(imported).items() if one == "g1"}
    assert {kind: each.state for kind, each in found.items()} == {"guardian": "inactive", "teacher": "pending"}
    assert {kind: each.username for kind, each in found.items()} == {"guardian": "u.g1", "teacher": "u.g1-2"}


def test_names_and_emails_follow_and_a_new_email_is_not_proven_yet(imported: Grove) -> None:
    Account.objects.filter(pk=account(imported, "p1").pk).update(email_verified_at="2026-01-01T00:00:00Z")
    imported.applies(changed(small(), "p1", givenName="Ana"))
    assert account(imported, "p1").email_verified_at is not None
    imported.applies(changed(small(), "p1", givenName="Ana", email="Ana.NEW@Maple.example"))
    p1 = account(imported, "p1")
    assert (p1.name, p1.email, p1.email_verified_at) == ("Ana Fp1", "ana.new@maple.example", None)


def test_what_a_person_has_set_stays_over_what_the_source_says(imported: Grove) -> None:
    row = imported.one("person", "p1")
    own = {"district": imported.row, "entity": "person", "row": row.pk, "by": "ada", "at": "2026-01-01T00:00:00Z"}
    Override.objects.create(**own, field="email", value="kept@maple.example")
    Override.objects.create(**own, field="given_name", value="Annie")
    following.follow_person(imported.row.pk, imported.source.pk, "p1")
    assert (account(imported, "p1").name, account(imported, "p1").email) == ("Annie Fp1", "kept@maple.example")
    imported.applies(changed(small(), "p1", email="other@maple.example", givenName="Ana"))
    assert (account(imported, "p1").name, account(imported, "p1").email) == ("Annie Fp1", "kept@maple.example")


def test_what_somebody_made_by_hand_no_import_touches(imported: Grove) -> None:
    row = imported.one("person", "p4")
    Account.objects.filter(person=row.pk).update(by_hand=True, state="active", name="By hand", email="own@maple.example")
    alone = Account.objects.create(district=imported.row, kind="student", username="alone", name="In no source")
    before = list(Account.objects.filter(by_hand=True).order_by("pk").values())
    imported.applies(changed(small(), "p4", email="other@maple.example"))
    imported.applies(minus(small(), "p4"))
    imported.applies(small())
    assert list(Account.objects.filter(by_hand=True).order_by("pk").values()) == before
    assert alone in Account.objects.filter(by_hand=True)
    assert Account.objects.filter(person=row.pk).count() == 1


def test_an_import_cannot_take_the_last_one_who_gives_rights(imported: Grove) -> None:
    heir = activate(imported, "t2", "teacher")
    give(heir, ADMINISTRATOR)
    Account.objects.filter(pk=imported.account.pk).update(state="inactive")

    imported.applies(minus(small(), "t2"))

    kept = account(imported, "t2", "teacher")
    assert (kept.state, kept.before_leaving) == ("active", "")
    assert AuditEntry.objects.filter(act="account.kept", concerns=kept.pk).count() == 1


def test_undo_puts_accounts_back_where_they_were(imported: Grove) -> None:
    activate(imported, "p3")
    before = list(Account.objects.order_by("pk").values())
    run = imported.applies(changed(minus(small(), "p3"), "p1", email="new@maple.example", username="other"))
    assert list(Account.objects.order_by("pk").values()) != before
    imported.undoes(run)
    assert list(Account.objects.order_by("pk").values()) == before


def test_accounts_and_roster_change_together_or_not_at_all(imported: Grove, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **more: Any) -> None:
        raise RuntimeError

    before, rows = list(Account.objects.order_by("pk").values()), imported.everything()
    monkeypatch.setattr(audit, "note", breaks)
    with pytest.raises(RuntimeError):
        imported.sends(plus(minus(small(), "p3"), users=[user("p9")]))
    assert list(Account.objects.order_by("pk").values()) == before
    assert imported.everything() == rows


def test_a_roster_that_was_there_before_accounts_were_followed_is_followed_with_the_next_import(imported: Grove) -> None:
    Account.objects.filter(by_hand=False).delete()
    Source.objects.update(followed=False)
    imported.applies(minus(small(), "p3"))
    assert len(accounts(imported)) == 6
    imported.applies(small())
    assert len(accounts(imported)) == 7


def test_the_audit_log_says_how_many_and_names_nobody(imported: Grove) -> None:
    run = imported.applies(plus(minus(small(), "p3"), users=[user("p9")]))
    entry = AuditEntry.objects.get(act="accounts.followed", about=run.name)
    assert entry.detail == {"made": 1, "left": 1, "back": 0, "changed": 0}


def test_an_import_that_changes_nobody_asks_nothing_about_accounts(imported: Grove) -> None:
    with CaptureQueriesContext(connection) as seen:
        imported.applies(small() | {"courses": edited(small()["courses"], "c1", title="Other")})
    assert not [each["sql"] for each in seen.captured_queries if KEYS in each["sql"]]
    assert AuditEntry.objects.filter(act="accounts.followed").count() == 1, "that of the first import"


# --- usernames ---


def test_a_username_that_the_source_changes_changes_and_nobody_else_ever_gets_the_old_one(imported: Grove) -> None:
    activate(imported, "p1")
    imported.applies(changed(small(), "p1", username="anew"))
    assert account(imported, "p1").username == "anew"
    assert FormerUsername.objects.get().username == "u.p1"
    imported.applies(plus(changed(small(), "p1", username="anew"), users=[user("p9", username="u.p1")]))
    assert (account(imported, "p9").username, account(imported, "p9").wanted) == ("u.p1-2", "u.p1")
    imported.applies(plus(small(), users=[user("p9", username="u.p1")]))
    assert account(imported, "p1").username == "u.p1", "who had it may have it again"


def test_a_source_cannot_give_one_the_username_of_another(imported: Grove) -> None:
    Account.objects.create(district=imported.row, username="hand")
    Account.objects.create(district=District.objects.create(name="Elsewhere"), username="free")
    files = changed(changed(changed(small(), "p1", username="u.p2"), "p3", username="hand"), "p4", username="free")
    imported.applies(files)
    assert [(account(imported, one).username, account(imported, one).wanted) for one in ("p1", "p2", "p3", "p4")] == [
        ("u.p1", "u.p2"),
        ("u.p2", None),
        ("u.p3", "hand"),
        ("free", None),
    ]
    imported.applies(small())
    assert account(imported, "p1").wanted is None


def test_who_comes_later_gets_a_number_and_who_was_there_keeps_the_name(imported: Grove) -> None:
    more = [user(f"p{n}", username=name) for n, name in ((5, "U.P1 "), (6, "u.t"), (7, "u.t"), (8, "u.t2"), (9, "u.t"), (10, ""))]
    imported.applies(plus(small(), users=more))
    got = [account(imported, f"p{n}").username for n in (1, 5, 6, 7, 8, 9, 10)]
    assert got == ["u.p1", "u.p1-2", "u.t", "u.t3", "u.t2-2", "u.t4", None]


def test_under_any_other_rule_a_username_stays_when_the_name_changes(imported: Grove) -> None:
    District.objects.update(username_rule="name")
    imported.applies(plus(small(), users=[user("p9", givenName="Zoë Ann", familyName="Núñez-Ðð", username="x")]))
    assert account(imported, "p9").username == "zoeann.nunez-dd"
    imported.applies(plus(small(), users=[user("p9", givenName="Eva", familyName="Berg", username="y")]))
    assert (account(imported, "p9").username, account(imported, "p9").name) == ("zoeann.nunez-dd", "Eva Berg")


@effort(3, repeatable=True)
@given(a=districts(), b=districts())
def test_after_any_two_imports_the_active_people_and_kinds_have_accounts_and_nobody_else(
    new_district: NewDistrict,  # noqa: F811
    a: Files,
    b: Files,
) -> None:
    with new_district() as district:
        equal_after_two(district, a, b)


@pytest.mark.torture
@effort(25, repeatable=False)
@given(a=districts(), b=districts())
def test_after_many_pairs_of_imports_the_same_holds(new_district: NewDistrict, a: Files, b: Files) -> None:  # noqa: F811
    with new_district() as district:
        equal_after_two(district, a, b)


def equal_after_two(district: Grove, a: Files, b: Files) -> None:
    for files in (a, b):
        district.applies(files)
        pairs = {
            (each["person"], KIND_OF_ROLE.get(each["role"] or "", "staff"))
            for each in district.rows("role").values()
            if each["person"] in district.rows("person")
        }
        found = accounts(district)
        assert {pair for pair, each in found.items() if each.state == "pending"} == pairs
        assert {each.state for pair, each in found.items() if pair not in pairs} <= {"inactive"}
        people = district.rows("person")
        for (one, _), each in found.items():
            if each.state == "pending" and "@" in (people[one]["email"] or ""):
                assert each.email == (people[one]["email"] or "").strip().lower()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_name_that_is_typed_while_an_import_gives_it_waits_and_is_taken_then(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path / "kept"
    district, said = Grove(tmp_path), []
    district.applies(small())
    done, add = threading.Event(), Following.add

    def types_it() -> None:
        try:
            people.make(district.ada, "staff", "Una Nine", "u.p9", "una@maple.example")
            said.append("made")
        except ConfigError as error:
            said.append(str(error.fields))
        finally:
            done.set()
            connection.close()

    person = threading.Thread(target=types_it)

    def adds(*given: Any, **more: Any) -> None:
        """Add them when somebody else, who comes after the names were chosen, has typed one of them, or waits for that."""
        person.start()
        assert any(done.wait(0.02) or somebody_waits() for _ in range(1_000))
        add(*given, **more)

    monkeypatch.setattr(Following, "add", adds)
    run = district.sends(plus(small(), users=[user("p9")]))
    person.join(60)
    assert (run.state, said) == ("applied", ["{'username': 'is taken'}"]), run.message
    assert account(district, "p9").username == "u.p9"


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
