"""The table of situations of docs/explanation/situations.md, line by line, for every entity that has a file of its own."""

import random
from collections.abc import Callable
from string import ascii_letters, digits
from typing import Any, NamedTuple

import pytest

from rollbook.domain.changes import SITUATIONS
from rollbook.domain.entities import ENTITIES
from rollbook.domain.runs import Trigger
from rollbook.store.models import Run
from tests.district import (
    Files,
    Grove,
    as_1_2,
    course,
    edited,
    enrollment,
    manifest,
    minus,
    plus,
    school,
    section,
    small,
    term,
    user,
    without,
)

pytestmark = pytest.mark.django_db


class Kind(NamedTuple):
    """How to write a row of an entity, the same row with another value, and one that breaks a rule."""

    file: str
    make: Callable[[str], dict[str, str]]
    other: dict[str, str]
    faulty: dict[str, str]
    column: str  # ours, in which `other` shows


KINDS = {
    "org": Kind("orgs", school, {"name": "Other"}, {"name": ""}, "name"),
    "academic_session": Kind("academicSessions", term, {"title": "Other"}, {"type": "era"}, "title"),
    "course": Kind("courses", course, {"title": "Other"}, {"orgSourcedId": "nowhere"}, "title"),
    "section": Kind("classes", section, {"title": "Other"}, {"classType": "odd"}, "title"),
    "person": Kind("users", user, {"familyName": "Other"}, {"familyName": ""}, "family_name"),
    "enrollment": Kind(
        "enrollments",
        lambda one: enrollment("k1", "p1", sourcedId=one),
        {"beginDate": "2026-09-01"},
        {"beginDate": "2026-09-01", "endDate": "2026-08-01"},
        "begin_date",
    ),
}

#: What lay in the file on three nights -> the change of the third, what the roster then has, and with the other value or not.
TABLE: dict[str, tuple[tuple[str | None, str | None, str | None], str | None, str | None, bool]] = {
    "new": ((None, None, "same"), "appear", "active", False),
    "same": (("same", "same", "same"), None, "active", False),
    "altered": (("same", "same", "other"), "alter", "active", True),
    "back-as-it-was": (("same", None, "same"), "return", "active", False),
    "back-as-another": (("same", None, "other"), "return", "active", True),
    "missing": (("same", "same", None), "vanish", "inactive", False),
    "gone": (("same", None, None), None, "inactive", False),
    "never-there": ((None, None, None), None, None, False),
    "unfit-and-unknown": ((None, None, "faulty"), None, None, False),
    "unfit-and-active": (("same", "same", "faulty"), None, "active", False),
    "unfit-and-inactive": (("same", None, "faulty"), None, "inactive", False),
    "unfit-twice-running": (("same", "faulty", "faulty"), None, "active", False),
    "unfit-then-missing": (("same", "faulty", None), "vanish", "inactive", False),
    "unfit-then-as-before": (("same", "faulty", "same"), None, "active", False),
    "unfit-then-mended": (("same", "faulty", "other"), "alter", "active", True),
    "collision-and-unknown": ((None, None, "same+other"), None, None, False),
    "collision-with-what-is-live": (("same", "same", "same+other"), None, "active", False),
    "collision-of-two-others": (("same", "same", "other+third"), None, "active", False),
    "collision-and-inactive": (("same", None, "same+other"), None, "inactive", False),
    "collision-then-clear": (("same", "same+other", "other"), "alter", "active", True),
    "identical-and-new": ((None, None, "same+same"), "appear", "active", False),
    "identical-and-active": (("same", "same", "same+same"), None, "active", False),
    "identical-and-altered": (("same", "same", "other+other"), "alter", "active", True),
    "identical-and-back": (("same", None, "other+other"), "return", "active", True),
}
LINES = [(name, line) for name in KINDS for line in TABLE]


def rows_of(kind: Kind, one: str, lies: str | None) -> list[dict[str, str]]:
    forms = {"same": {}, "other": kind.other, "faulty": kind.faulty, "third": {next(iter(kind.other)): "2026-10-01"}}
    return [kind.make(one) | forms[form] for form in (lies or "").split("+") if form]


@pytest.fixture(scope="module")
def nights(shared: Grove) -> tuple[Grove, list[Run], dict[str, Any]]:
    done = []
    for night in range(3):
        more = {
            kind.file: [each for line, (lies, *_) in TABLE.items() for each in rows_of(kind, f"x-{line}", lies[night])]
            for kind in KINDS.values()
        }
        done.append(shared.applies(plus(small(), **more)))
    status = {name: {s: shared.rows(name, s) for s in ("active", "inactive")} for name in KINDS}
    return shared, done, status


@pytest.mark.parametrize(("name", "line"), LINES)
def test_what_becomes_of_a_row(nights: tuple[Grove, list[Run], dict[str, Any]], name: str, line: str) -> None:
    district, done, roster = nights
    _, change, status, is_other = TABLE[line]
    one = f"x-{line}"

    assert district.changes(done[-1], name).get(one) == change
    for each in ("active", "inactive"):
        assert (one in roster[name][each]) == (each == status), each
    if status:
        other = next(iter(KINDS[name].other.values()))
        assert (roster[name][status][one][KINDS[name].column] == other) == is_other


def test_every_line_of_the_expression_is_in_the_table() -> None:
    covered = {change for _, change, _, _ in TABLE.values()}
    assert {change for _, change in SITUATIONS.values()} <= covered


def test_unfit_rows_and_collisions_are_named_by_file_and_line(nights: tuple[Grove, list[Run], dict[str, Any]]) -> None:
    district, done, _ = nights
    for name in KINDS:
        errors = {
            each["sourced_id"]: each for each in district.findings(done[-1]) if (each["level"], each["entity"]) == ("error", name)
        }
        due = {f"x-{line}" for line, (lies, *_) in TABLE.items() if lies[2] in ("faulty", "same+other", "other+third")}
        assert due == set(errors)
        assert all(each["file"] == f"{KINDS[name].file}.csv" and each["line"] > 1 for each in errors.values())
        assert all(
            (each["remedy"] and f"line {each['line']}" in each["message"]) or "lines" in each["message"]
            for each in errors.values()
        )


def test_identical_rows_are_a_note_and_nothing_more(nights: tuple[Grove, list[Run], dict[str, Any]]) -> None:
    district, done, _ = nights
    said = [each for each in district.findings(done[-1], "identical_rows") if each["entity"] in KINDS]
    assert {each["entity"]: each["count"] for each in said} == dict.fromkeys(KINDS, 4)
    alarms = district.findings(done[-1], "username_used_twice", "email_used_twice", "id_almost_the_same", "two_primary_roles")
    assert not [each for each in alarms if "identical" in each["message"]]


def test_the_numbers_of_a_run_add_up(nights: tuple[Grove, list[Run], dict[str, Any]]) -> None:
    _, done, _ = nights
    for run in done:
        for name, n in run.counts.items():
            assert n["read"] == n["appear"] + n["alter"] + n["return"] + n["same"] + n["unfit"], (name, n)
            assert min(n.values()) >= 0
        for line in run.summary:
            said = sum(line[key] for key in ("added", "changed", "returned", "unchanged", "errors"))
            assert line["read"] == said and min(v for v in line.values() if isinstance(v, int)) >= 0, line


# --- what the table says of a whole file ---


def test_a_row_whose_id_cannot_be_read_might_be_anybodys(imported: Grove) -> None:
    files = minus(small(), "p2")
    files["users"] = edited(files["users"], "p3", sourcedId="")

    run = imported.applies(files)

    assert set(imported.changes(run, "person").values()) <= {"alter"}
    assert {"p2", "p3"} <= imported.rows("person").keys()
    assert {"p2|s1|student", "p3|s1|student"} <= imported.rows("role").keys()
    assert imported.changes(run, "enrollment") == {"p2.k1": "vanish"}  # that file could be read
    assert run.counts["person"]["unfit"] == 1


@pytest.mark.parametrize("orgs", ["refused", "absent"])
def test_an_administrator_stays_what_they_were_while_their_org_cannot_be_read(district: Grove, orgs: str) -> None:
    files = plus(small(), users=[user("a1", "administrator", "d1")])
    district.applies(files)
    files = minus(files, "p4")
    if orgs == "refused":
        files["orgs"] = edited(files["orgs"], "d1", type="District Office")
    else:
        files = {name: rows for name, rows in files.items() if name != "orgs"} | {"manifest": manifest(orgs="absent")}

    run = district.sends(files)

    assert run.state == "applied"
    assert {key for key in district.rows("role", "active") if key.startswith("a1|")} == {"a1|d1|districtAdministrator"}
    assert "p4" not in district.rows("person", "active")


def test_what_no_index_can_hold_keeps_its_own_row_out_and_no_other(imported: Grove) -> None:
    letters = "".join(random.Random(7).choices(ascii_letters + digits, k=4000))  # a database packs what repeats itself
    files = small() | {"users": edited(small()["users"], "p1", familyName=letters[:2800])}
    run = imported.sends(plus(files, users=[user("p9")], enrollments=[enrollment("k1", "p2", sourcedId=letters)]))
    errors = [finding for finding in imported.findings(run) if finding["level"] == "error"]
    assert run.state == "applied"
    assert [finding["rule"] for finding in errors] == ["too_long", "too_long"]
    assert "users.csv line 4" in errors[0]["message"] and "has 2800 bytes; at most 2,000 can be kept" in errors[0]["message"]
    assert imported.rows("person")["p1"]["family_name"] == "Fp1"
    assert "p9" in imported.rows("person")


def test_a_line_that_ends_too_early_might_be_anybodys(imported: Grove) -> None:
    run = imported.sends(small())
    text = (imported.folder / "enrollments.csv").read_text().splitlines()
    (imported.folder / "enrollments.csv").write_text("\n".join([*text[:-2], text[-1].rsplit(",", 3)[0]]) + "\n")

    run = imported.runs()

    assert run.state == "applied"
    assert imported.changes(run, "enrollment") == {}
    assert run.counts["enrollment"]["read"] == 5 and run.counts["enrollment"]["unfit"] == 1


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_what_is_not_offered_is_left_alone(district: Grove, version: str) -> None:
    form = as_1_2 if version == "1.2" else dict
    district.applies(form(small()))
    before = district.everything()
    files = small() | {"manifest": manifest(enrollments="absent", users="absent")}
    files = form(files)
    for name in ("users", "enrollments"):
        del files[name]
    if version == "1.2":
        files["manifest"] = manifest("1.2", enrollments="absent", users="absent", roles="absent")
        del files["roles"]

    run = district.sends(files)

    assert run.state == "applied"
    assert not {"person", "enrollment", "role", "guardianship"} & run.counts.keys()
    assert district.everything() == before


def test_a_column_that_is_not_offered_leaves_its_values(imported: Grove) -> None:
    files = small()
    files["users"] = [
        {k: v for k, v in each.items() if k != "email"} | ({"familyName": "Other"} if each["sourcedId"] == "p1" else {})
        for each in files["users"]
    ]

    run = imported.sends(files)

    assert imported.changes(run, "person") == {"p1": "alter"}
    assert imported.rows("person")["p1"]["email"] == "p1@maple.example"
    assert imported.rows("person")["p1"]["family_name"] == "Other"
    run = imported.sends(files)
    assert run.counts["person"]["same"] == 7

    run = imported.sends(small())  # the column is back
    assert imported.changes(run, "person") == {"p1": "alter"}


def test_a_column_that_comes_back_with_other_values_is_seen(imported: Grove) -> None:
    narrow = small()
    narrow["users"] = [{k: v for k, v in each.items() if k != "email"} for each in narrow["users"]]
    imported.applies(narrow)

    wide = small()
    wide["users"] = edited(wide["users"], "p2", email="new@maple.example")
    run = imported.sends(wide)

    assert imported.changes(run, "person") == {"p2": "alter"}
    assert imported.rows("person")["p2"]["email"] == "new@maple.example"


def test_a_preview_over_other_columns_does_not_blind_the_next_night(district: Grove) -> None:
    """The hashes beside the database cover some columns; rows hashed over others must never pass for known ones."""
    lean = small()
    lean["orgs"] = [{k: each[k] for k in ("sourcedId", "name", "type", "parentSourcedId")} for each in lean["orgs"]]
    numbered = small()
    numbered["orgs"] = [{k: each[k] for k in ("sourcedId", "name", "type", "identifier")} for each in numbered["orgs"]]
    district.applies(numbered)
    waits = lean | {"users": [], "orgs": edited(lean["orgs"], "s2", parentSourcedId="s1")}
    held = district.sends(waits)
    district.sends(numbered, Trigger.PREVIEW)
    district.approves(held)

    numbered["orgs"] = edited(numbered["orgs"], "s2", identifier="s1")
    district.applies(numbered)

    assert district.rows("org")["s2"]["identifier"] == "s1"


def test_children_leave_with_their_parent_whatever_the_file_says(imported: Grove) -> None:
    files = small()
    files["classes"] = without(files["classes"], "k1")  # its places are still sent

    run = imported.applies(files)

    assert imported.changes(run, "section") == {"k1": "vanish"}
    assert set(imported.changes(run, "enrollment").values()) == {"vanish"} and len(imported.changes(run, "enrollment")) == 5
    assert {each["sourced_id"] for each in imported.findings(run, "parent_leaves")} == {
        f"{p}.k1" for p in ("t1", "p1", "p2", "p3", "p4")
    }
    assert run.counts["enrollment"] | {"same": 1, "unfit": 5, "vanish": 5, "read": 6} == run.counts["enrollment"]
    assert "5 rows were left out as faulty" in run.message and "counted as removed" in run.message

    run = imported.applies(small())  # the class is back, and so are its places
    assert set(imported.changes(run, "enrollment").values()) == {"return"}


def test_a_school_that_leaves_takes_everything_below_it_in_one_changeset(imported: Grove) -> None:
    files = small()
    files["orgs"] = without(files["orgs"], "s1")

    imported.applies(files)

    left = {name: set(imported.rows(name)) for name in ("org", "course", "section", "role", "enrollment")}
    assert left == {"org": {"d1", "s2"}, "course": set(), "section": set(), "role": {"t2|s2|teacher"}, "enrollment": set()}
    assert set(imported.rows("person")) == set(small_people())  # nobody points to a school in 1.1 but by a role
    again = imported.sends(files)
    assert again.state == "held", "what points to a school that is gone is a fault now"
    assert imported.closed(again) == ["role.error.all.district.share", "enrollment.error.all.district.share"]
    assert not any(each["vanish"] for each in again.counts.values()), "and nobody leaves twice"


def small_people() -> list[str]:
    return [each["sourcedId"] for each in small()["users"]]


def test_orgs_leave_as_deep_as_they_go(district: Grove) -> None:
    tree = [school("a"), school("b", parentSourcedId="a"), school("c", parentSourcedId="b"), school("d", parentSourcedId="c")]
    district.applies(plus(small(), orgs=tree))

    run = district.applies(plus(small(), orgs=tree[1:]))

    assert district.changes(run, "org") == dict.fromkeys("abcd", "vanish")
    assert set(district.rows("org")) == {"d1", "s1", "s2"}


def test_a_child_that_is_pointed_elsewhere_stays(imported: Grove) -> None:
    files = small()
    files["classes"] = without(files["classes"], "k1")
    files["enrollments"] = edited(files["enrollments"], "p1.k1", classSourcedId="k2", schoolSourcedId="s2")

    run = imported.applies(files)

    assert imported.changes(run, "enrollment")["p1.k1"] == "alter"
    assert imported.rows("enrollment")["p1.k1"]["section"] == "k2"


def test_a_new_child_of_a_leaving_parent_is_refused(imported: Grove) -> None:
    files = plus(small(), enrollments=[enrollment("k1", "g1", "proctor")])
    files["classes"] = without(files["classes"], "k1")

    run = imported.applies(files)

    assert "g1.k1" not in imported.rows("enrollment", None)
    assert [each["sourced_id"] for each in imported.findings(run, "unknown_reference")] == ["g1.k1"]


def test_a_class_that_loses_one_of_its_terms_leaves_unless_it_is_pointed_elsewhere(district: Grove) -> None:
    files = small()
    files["classes"] = [section("k1", termSourcedIds="t1,t2"), section("k2", "s2", termSourcedIds="t1,t2")]
    district.applies(files)
    files["academicSessions"] = without(files["academicSessions"], "t2")
    files["classes"] = [section("k1", termSourcedIds="t1,t2"), section("k2", "s2", termSourcedIds="t1")]

    district.applies(files)

    assert set(district.rows("section")) == {"k2"}


def test_what_depends_on_a_refused_row_is_named_under_it(district: Grove) -> None:
    files = plus(small(), classes=[section("k9", classType="odd")], enrollments=[enrollment("k9", "p1")])
    run = district.applies(files)

    assert "p1.k9" not in district.rows("enrollment", None)
    assert [each["sourced_id"] for each in district.findings(run, "depends_on_refused_row")] == ["p1.k9"]
    assert not district.findings(run, "unknown_reference")


def test_a_refused_row_that_is_known_from_before_carries_its_children(imported: Grove) -> None:
    files = plus(small(), enrollments=[enrollment("k1", "g1", "proctor")])
    files["classes"] = edited(files["classes"], "k1", classType="odd")

    run = imported.applies(files)

    assert "k1" in imported.rows("section") and "g1.k1" in imported.rows("enrollment")
    assert not imported.findings(run, "depends_on_refused_row", "parent_leaves")


def test_an_offered_file_that_comes_empty_always_holds(district: Grove) -> None:
    from rollbook.domain.gate import DEFAULTS
    from rollbook.store.models import Limit

    full = as_1_2(small())
    district.applies(full)
    Limit.objects.bulk_create(
        [Limit(source=district.source, key=each.key, percent=1000.0, floor=10**6, count=10**6) for each in DEFAULTS]
    )
    before = district.everything()
    emptied: dict[str, Files] = {kind.file: full | {kind.file: []} for kind in KINDS.values()} | {"roles": full | {"roles": []}}
    emptied["agents"] = full | {"users": [each | {"agentSourcedIds": ""} for each in full["users"]]}
    assert len(emptied) == len(ENTITIES)

    for file, files in emptied.items():
        run = district.sends(files)

        assert run.state == "held", file
        assert any("sent no" in reason for reason in run.reasons), (file, run.reasons)
        assert district.everything() == before, file


def test_an_empty_file_where_nothing_was_is_no_alarm(district: Grove) -> None:
    files = small() | {"enrollments": []}
    assert district.sends(files).state == "applied"
    assert district.sends(files).state == "applied"


def test_going_from_one_version_to_the_other_changes_nothing(imported: Grove) -> None:
    before = imported.everything()

    run = imported.sends(as_1_2(small()))

    assert run.state == "applied"
    assert sum(n[kind] for n in run.counts.values() for kind in ("appear", "alter", "vanish", "return", "unfit")) == 0
    assert imported.everything() == before


def test_a_setting_that_changes_has_every_row_judged_anew(district: Grove) -> None:
    from rollbook.actions import sources

    district.applies(small())
    sources.change(district.ada, district.source, {"path": str(district.folder), "dates": "mdy"})
    run = district.runs()
    assert run.state == "applied"
    assert run.counts["person"]["same"] == 7 and not district.changes(run, "person")


def test_a_limit_that_changes_does_not_judge_rows_anew_but_forbids_the_shortcut(district: Grove) -> None:
    from rollbook.actions import sources

    one = district.applies(small())
    sources.set_limit(district.ada, district.source, "person.vanish.student.org.share", percent=11.0, floor=5, count=None)
    two = district.runs()
    assert two.bytes_seen == one.bytes_seen and two.judged_by != one.judged_by
    assert two.judged_by.split("/")[0] == one.judged_by.split("/")[0]
