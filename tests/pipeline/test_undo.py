"""Undo: the mirror of an applied import, with the values that stood there before, and without what somebody changed since."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rollbook.actions import runs, sources
from rollbook.domain.entities import ENTITIES
from rollbook.domain.errors import Conflict
from rollbook.domain.runs import Trigger
from rollbook.lib import clock
from rollbook.store.models import AuditEntry, Run, Source
from rollbook.store.snapshots import files_of
from tests.district import Clock, Files, Grove, edited, enrollment, minus, plus, section, small, user
from tests.prepared import Past


def other() -> Files:
    """A second night: one comes, one leaves, two are changed."""
    files = minus(small(), "p2")
    files["users"] = [*files["users"], user("p9")]
    files["users"] = edited(edited(files["users"], "p3", familyName="Third", email="third@maple.example"), "p4", email="")
    files["enrollments"] = [*files["enrollments"], enrollment("k2", "p9", school="s2")]
    return files


def two_nights(district: Grove) -> None:
    district.applies(small())
    district.applies(other())


@pytest.fixture
def second(after: Callable[[Past], Grove]) -> tuple[Grove, Run]:
    """A district after the second night, and that import."""
    return after(two_nights), Run.objects.latest("pk")


def second_night_undone(district: Grove) -> None:
    two_nights(district)
    assert district.undoes(Run.objects.latest("pk")).state == "applied"


@pytest.fixture
def undone(after: Callable[[Past], Grove]) -> Grove:
    """A district after the second night was undone."""
    return after(second_night_undone)


def test_everything_comes_back_with_the_values_it_had(imported: Grove) -> None:
    before = imported.roster()
    second = imported.applies(other())
    assert imported.roster() != before

    undone = imported.undoes(second)

    assert undone.state == "applied" and undone.undo_of_id == second.pk and undone.trigger == "undo"
    assert imported.roster() == before
    assert imported.one("person", "p9").status == "inactive"
    assert {each.kind for each in undone.notices.all()} == {"results"}
    for n in undone.counts.values():
        assert n["read"] == n["appear"] + n["alter"] + n["return"] + n["same"] + n["unfit"]
    assert undone.counts["person"] | {"vanish": 1, "return": 1, "alter": 2, "same": 0, "unfit": 0} == undone.counts["person"]


def test_the_night_after_an_undo_sees_what_is_there(undone: Grove) -> None:
    """The hashes beside the database must follow an undo: a change that was taken back is a change again."""
    again = undone.runs()  # pressed by a person

    assert again.state == "applied"
    assert {k: again.counts["person"][k] for k in ("appear", "return", "alter", "vanish")} == {
        "appear": 0,
        "return": 1,
        "alter": 2,
        "vanish": 1,
    }
    quiet = undone.runs()
    assert not any(n[k] for n in quiet.counts.values() for k in ("appear", "alter", "vanish", "return"))


def test_an_undo_goes_through_the_same_gate(district: Grove) -> None:
    first = district.applies(small(12))
    undone = district.undoes(first)
    assert undone.state == "held" and undone.reasons
    assert district.active("person") == 15
    assert district.approves(undone).state == "applied"
    assert district.active("person") == 0 and not any(district.roster().values())


def test_undo_of_an_undo_brings_the_change_back(second: tuple[Grove, Run]) -> None:
    district, run = second
    after = district.roster()
    undone = district.undoes(run)

    redone = district.undoes(undone)

    assert redone.state == "applied"
    assert district.roster() == after
    night = district.runs(Trigger.SCHEDULED)
    assert night.state == "applied", "nothing is undone any more, so nothing waits"


def test_what_somebody_changed_since_is_a_conflict_and_left_alone(second: tuple[Grove, Run]) -> None:
    district, run = second
    third = other()
    third["users"] = edited(third["users"], "p3", familyName="Since")  # the email is still the second night's
    third["users"] = edited(third["users"], "p9", familyName="Since")  # came with the second night
    district.applies(third)

    undone = district.undoes(run)

    people = district.rows("person")
    assert people["p3"]["family_name"] == "Since" and people["p3"]["email"] == "p3@maple.example"
    assert people["p9"]["family_name"] == "Since"
    assert people["p2"] and people["p4"]["email"] == "p4@maple.example"
    said = {
        (each["sourced_id"], each["field"]) for each in district.findings(undone, "changed_since") if each["entity"] == "person"
    }
    assert said == {("p3", "family_name"), ("p9", None)}
    assert undone.findings["warning"] >= 2 and not undone.findings["error"]


def test_what_somebody_changed_since_goes_back_when_it_is_chosen(imported: Grove) -> None:
    before = imported.roster()
    second = imported.applies(other())
    third = other()
    third["users"] = edited(edited(third["users"], "p3", familyName="Since"), "p9", familyName="Since")
    imported.applies(third)

    imported.undoes(second, also_changed=True)

    assert imported.roster() == before


def test_a_person_whom_a_later_import_removed_again_does_not_come_back(imported: Grove) -> None:
    """Removed, back with other values, removed again: the first removal is not the reason any more."""
    second = imported.applies(minus(small(), "p2"))
    back = small()
    back["users"] = edited(back["users"], "p2", familyName="Since")
    imported.applies(back)
    imported.applies(minus(small(), "p2"))
    state = imported.roster()

    undone = imported.undoes(second)

    assert imported.roster() == state
    assert {each["sourced_id"] for each in imported.findings(undone, "changed_since")} >= {"p2"}


def test_a_person_who_is_back_already_is_a_conflict_and_no_error(imported: Grove) -> None:
    second = imported.applies(minus(small(), "p2"))
    imported.applies(small())
    state = imported.roster()
    undone = imported.undoes(second)
    assert undone.state == "applied" and imported.roster() == state
    assert "p2" in {each["sourced_id"] for each in imported.findings(undone, "changed_since")}


def test_undo_then_the_nightly_import_is_held(undone: Grove) -> None:
    state = undone.everything()

    night = undone.runs(Trigger.SCHEDULED)

    assert night.state == "held"
    assert any("The same data were undone on" in reason for reason in night.reasons), night.reasons
    assert undone.everything() == state
    assert undone.runs(Trigger.SCHEDULED).state == "held"


def test_undo_then_a_night_with_the_same_rows_in_another_order_is_held(undone: Grove) -> None:
    files = other()
    files["users"] = list(reversed(files["users"]))
    assert undone.sends(files, Trigger.SCHEDULED).state == "held"


def test_undo_then_other_data_are_imported(undone: Grove) -> None:
    night = undone.sends(small(5), Trigger.SCHEDULED)
    assert night.state == "applied"
    assert undone.source.undone_run is None


def test_undo_then_pressed_by_a_person_is_applied(undone: Grove) -> None:
    assert undone.runs(Trigger.MANUAL).state == "applied"
    assert undone.runs(Trigger.SCHEDULED).state == "applied"


def test_undo_of_an_older_import_holds_the_night_while_the_data_are_those_of_the_newer(second: tuple[Grove, Run]) -> None:
    """What was undone is in tonight's data, too: they are the same as last night's, when it was undone."""
    district, run = second
    third = plus(other(), users=[user("p10")], enrollments=[enrollment("k2", "p10", school="s2")])
    district.applies(third)
    district.undoes(run)
    state = district.everything()

    night = district.runs(Trigger.SCHEDULED)

    assert night.state == "held" and district.everything() == state


def test_undo_after_a_byte_identical_night_still_holds_the_next(second: tuple[Grove, Run]) -> None:
    district, run = second
    same = district.runs(Trigger.SCHEDULED)
    assert same.state == "applied"
    district.undoes(run)
    assert district.runs(Trigger.SCHEDULED).state == "held"


def test_only_what_was_applied_can_be_undone(district: Grove) -> None:
    run = district.applies(small())
    for state in ("held", "rejected", "failed"):
        Run.objects.filter(pk=run.pk).update(state=state)
        with pytest.raises(Conflict):
            runs.undo(district.ada, run.pk)


def test_a_receipt_that_is_not_kept_any_more_is_said_and_not_guessed(second: tuple[Grove, Run]) -> None:
    district, run = second
    files_of(run.source_id, run.pk).drop()
    with pytest.raises(Conflict, match="receipt"):
        runs.undo(district.ada, run.pk)


def test_receipts_are_kept_for_a_year_and_snapshots_for_less(second: tuple[Grove, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    district, run = second
    district.applies(small(5))
    for number in range(2):
        district.applies(small(6 + number))
    now = clock.now()

    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=61))
    runs.prune()
    assert not files_of(run.source_id, run.pk).snapshot.exists()
    assert files_of(run.source_id, run.pk).folder.exists()
    assert district.again(run).files_kept

    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=366))
    runs.prune()
    assert not files_of(run.source_id, run.pk).folder.exists() and not district.again(run).files_kept
    with pytest.raises(Conflict):
        runs.undo(district.ada, run.pk)
    assert district.runs().state == "applied"  # and the night after needs none of it


def test_an_undo_that_was_overtaken_is_refused(district: Grove) -> None:
    first = district.applies(small(12))
    undone = district.undoes(first)
    assert undone.state == "held"
    moved = district.sends(small(13))
    assert moved.state == "applied"
    with pytest.raises(Conflict):
        runs.approve(district.ada, undone.pk)
    assert district.active("person") == 16


def test_undo_of_a_change_below_a_parent_that_left_since_is_said_and_not_written(imported: Grove) -> None:
    second = imported.applies(
        small() | {"enrollments": [each for each in small()["enrollments"] if each["sourcedId"] != "p1.k1"]}
    )
    gone = small()
    gone["classes"] = [each for each in gone["classes"] if each["sourcedId"] != "k1"]
    gone["enrollments"] = [each for each in gone["enrollments"] if each["classSourcedId"] != "k1"]
    imported.applies(gone)

    undone = imported.undoes(second)

    assert undone.state == "applied" and "p1.k1" not in imported.rows("enrollment")
    assert [each["sourced_id"] for each in imported.findings(undone, "unknown_reference")] == ["p1.k1"]


def a_held_undo(district: Grove) -> None:
    first = district.applies(small(12))
    assert district.undoes(first).state == "held"


@pytest.mark.parametrize("releases", [False, True])
def test_the_clock_neither_applies_beside_an_undo_that_waits_nor_takes_its_place(
    after: Callable[[Past], Grove], releases: bool
) -> None:
    district, undo = after(a_held_undo), Run.objects.latest("pk")
    Source.objects.filter(pk=undo.source_id).update(releases=releases)
    state = district.everything()

    for files in (small(12), small(13)):
        night = district.sends(files, Trigger.SCHEDULED)
        assert night.state == "superseded" and night.superseded_by == undo and not night.notices.exists()
        assert "undo" in night.message and "answer" in night.message

    assert district.again(undo).state == "held" and district.everything() == state
    assert AuditEntry.objects.filter(act="import.superseded", about=night.name).exists()
    assert district.approves(undo).state == "applied" and not any(district.roster().values())
    assert district.sends(small(12), Trigger.SCHEDULED).state == "held", "and then the source waits for other data"


def test_while_an_undo_waits_nothing_is_queued_by_the_clock(
    after: Callable[[Past], Grove], monkeypatch: pytest.MonkeyPatch
) -> None:
    district, undo = after(a_held_undo), Run.objects.latest("pk")
    sources.set_schedule(district.ada, district.source, ["02:00"], [])
    at = Clock(clock.now())
    monkeypatch.setattr(clock, "now", at)

    at.at += timedelta(days=1)
    assert runs.due() == [] and district.source.next_at > at.at, "it goes on, and looks again tomorrow"

    runs.reject(district.ada, undo.pk, "no")
    at.at += timedelta(days=1)
    assert [each.trigger for each in runs.due()] == [Trigger.SCHEDULED]


def test_a_person_who_imports_while_an_undo_waits_closes_it(after: Callable[[Past], Grove]) -> None:
    district, undo = after(a_held_undo), Run.objects.latest("pk")
    assert district.sends(small(13)).state == "applied"
    assert district.again(undo).state == "superseded" and district.active("person") == 16


def undone_while_another_waits(district: Grove) -> None:
    """The second night's new person is gone again by hand of a third import; a fourth one waits for an answer."""
    district.applies(small(20))
    district.applies(small(21))
    district.applies(small(20))
    assert district.sends(small(5)).state == "held"


def test_an_undo_that_finds_nothing_to_take_back_closes_no_hold_and_says_so(after: Callable[[Past], Grove]) -> None:
    district = after(undone_while_another_waits)
    waits, second = Run.objects.latest("pk"), Run.objects.order_by("pk")[1]
    sources.set_told(district.ada, district.source, ["ada@maple.example"])

    undone = district.undoes(second)

    assert undone.state == "applied" and undone.message.startswith("Nothing had to be taken back: ")
    assert district.again(waits).state == "held" and district.source.undone_data == ""
    mail = undone.notices.get().text
    assert "Nothing had to be taken back" in mail and "agree" not in mail
    assert "The next import runs as planned." in mail
    assert district.approves(waits).state == "applied"


def test_what_is_undone_already_is_not_undone_once_more(undone: Grove) -> None:
    second, undo = Run.objects.order_by("pk")[1:3]
    state = undone.everything()
    with pytest.raises(Conflict, match=f"was undone already, by import {undo.pk}"):
        undone.undoes(second)
    assert undone.undoes(second, also_changed=True).state == "applied", "that may have been left alone so far"
    assert undone.everything() == state
    undone.undoes(undo)
    assert undone.undoes(second).state == "applied", "it stands again, so it can be undone again"


def test_the_source_waits_after_every_undo_that_takes_the_import_back(undone: Grove) -> None:
    redone = undone.undoes(Run.objects.latest("pk"))
    assert undone.source.undone_data == ""
    gone = undone.undoes(redone)
    state = undone.everything()

    assert undone.runs(Trigger.SCHEDULED).state == "held" and undone.everything() == state
    undone.undoes(gone)
    assert undone.runs(Trigger.SCHEDULED).state == "applied", "it stands again"


def test_a_preview_of_other_data_does_not_let_in_what_is_undone(second: tuple[Grove, Run]) -> None:
    district, run = second
    district.sends(plus(other(), users=[user("p10")]), Trigger.PREVIEW)
    district.undoes(run)
    state = district.everything()

    night = district.sends(other(), Trigger.SCHEDULED)

    assert night.state == "held" and district.everything() == state


def test_of_two_imports_that_are_undone_one_comes_back_and_the_source_waits_for_the_other(second: tuple[Grove, Run]) -> None:
    district, run = second
    third = district.applies(plus(other(), users=[user("p10")], enrollments=[enrollment("k2", "p10", school="s2")]))
    district.undoes(third)
    of_second = district.undoes(run)
    district.undoes(of_second)
    state = district.everything()

    night = district.runs(Trigger.SCHEDULED)

    assert night.state == "held" and district.everything() == state


def about(district: Grove, run: Run) -> set[tuple[str, str]]:
    """What an undo says that it leaves alone: entity and id."""
    return {(each["entity"], each["sourced_id"]) for each in district.findings(run, "changed_since")}


def test_who_is_left_alone_keeps_what_makes_them_a_student(imported: Grove) -> None:
    """A person without a role is nobody: their account would be closed."""
    come = plus(small(), users=[user("p9")], enrollments=[enrollment("k1", "p9")])
    fourth = imported.applies(plus(come, users=[user("p8")], enrollments=[enrollment("k1", "p8")]))
    files = plus(come, users=[user("p8")], enrollments=[enrollment("k1", "p8")])
    imported.applies(files | {"users": edited(files["users"], "p9", email="since@maple.example")})

    undone = imported.undoes(fourth)

    assert undone.state == "applied"
    assert "p9" in imported.rows("person") and "p9|s1|student" in imported.rows("role") and "p9.k1" in imported.rows("enrollment")
    assert not {"p8", "p8|s1|student", "p8.k1"} & {*imported.rows("person"), *imported.rows("role"), *imported.rows("enrollment")}
    assert about(imported, undone) == {("person", "p9"), ("role", "p9|s1|student"), ("enrollment", "p9.k1")}


def a_class_that_filled_up_later(district: Grove) -> None:
    """The second import brings a class, a student in it and another class; the third puts somebody else into the first."""
    district.applies(small())
    second = plus(
        small(),
        users=[user("p9")],
        classes=[section("k9"), section("k8")],
        enrollments=[enrollment("k9", "t1", "teacher"), enrollment("k9", "p9"), enrollment("k8", "p3")],
    )
    district.applies(second)
    district.applies(plus(second, enrollments=[enrollment("k9", "p4")]))


def test_a_class_that_somebody_came_into_since_is_left_alone_with_them(after: Callable[[Past], Grove]) -> None:
    district = after(a_class_that_filled_up_later)

    undone = district.undoes(Run.objects.order_by("pk")[1])

    places, classes = district.rows("enrollment"), district.rows("section")
    assert undone.state == "applied" and not undone.findings["error"]
    assert "k9" in classes and {"p4.k9", "t1.k9"} <= set(places)
    assert not {"k8", "p3.k8", "p9.k9"} & {*classes, *places} and "p9" not in district.rows("person")
    assert about(district, undone) == {("enrollment", "p4.k9"), ("section", "k9"), ("enrollment", "t1.k9")}
    assert {each["level"] for each in district.findings(undone, "changed_since")} == {"warning"}


def test_a_class_that_somebody_came_into_since_leaves_with_them_where_that_is_chosen(after: Callable[[Past], Grove]) -> None:
    district = after(a_class_that_filled_up_later)
    undone = district.undoes(Run.objects.order_by("pk")[1], also_changed=True)
    assert not {"k9", "p4.k9", "t1.k9", "k8"} & {*district.rows("section"), *district.rows("enrollment")}
    assert not about(district, undone)


def test_undo_of_a_first_import_leaves_what_came_later_and_all_that_it_needs(district: Grove) -> None:
    first = district.applies(small())
    later = plus(small(), users=[user("p9", agentSourcedIds="g1")], enrollments=[enrollment("k1", "p9")])
    district.applies(later)

    undone = district.undoes(first)
    undone = district.approves(undone) if undone.state == "held" else undone

    assert undone.state == "applied" and not undone.findings["error"]
    assert set(district.rows("person")) >= {"p9", "g1"} and not {"p2", "p3", "t1"} & set(district.rows("person"))
    assert set(district.rows("section")) == {"k1"} and set(district.rows("org")) == {"d1", "s1"}
    assert "p9.k1" in district.rows("enrollment") and "p9|s1|student" in district.rows("role")
    for entity in ENTITIES:  # nothing is left hanging
        for column in entity.references:
            for row in district.rows(entity.name).values():
                assert not row[column.name] or set(row[column.name].split(",")) <= set(district.rows(column.refers_to or ""))


def test_where_it_is_chosen_everything_is_as_it_was_before_the_import(imported: Grove) -> None:
    """Somebody left and came back changed, was changed and left, came and left: of each, what stood there before counts."""
    before = imported.roster()
    second = imported.applies(other())
    third = minus(other(), "p3", "p9")
    third["users"] = [*third["users"], user("p2", email="back@maple.example")]
    third["enrollments"] = [*third["enrollments"], enrollment("k1", "p2")]
    imported.applies(third)

    undone = imported.undoes(second, also_changed=True)

    assert undone.state == "applied" and not about(imported, undone)
    people = imported.rows("person")
    assert people["p2"] == before["person"]["p2"] and people["p3"] == before["person"]["p3"] and "p9" not in people


def test_an_undo_is_counted_by_what_people_are_like_every_import(undone: Grove) -> None:
    undo = Run.objects.latest("pk")
    lines = {line["title"]: line for line in undo.summary}
    students = lines["Users – Students"]
    assert {key: students[key] for key in ("read", "removed", "returned", "changed", "active")} == {
        "read": 3,
        "removed": 1,
        "returned": 1,
        "changed": 2,
        "active": 4,
    }
    assert (lines["Enrollments – Students"]["removed"], lines["Enrollments – Students"]["returned"]) == (1, 1)
    assert "Users" not in lines and "Enrollments" not in lines and "Users – Staff" not in lines
