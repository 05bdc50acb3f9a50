"""Every rule of the catalogue, with a row that breaks it and one that comes near and does not."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pytest

from rollbook.domain.entities import ENTITIES
from rollbook.domain.findings import Level, Rule
from rollbook.domain.runs import Trigger
from rollbook.pipeline import candidates, check, undo
from rollbook.pipeline.rules import CATALOGUE, rows
from rollbook.store.models import MODELS, Run
from tests.district import (
    Files,
    Grove,
    as_1_2,
    course,
    edited,
    enrollment,
    manifest,
    plus,
    row,
    school,
    section,
    small,
    term,
    user,
)

pytestmark = [pytest.mark.once, pytest.mark.django_db]


def sound() -> Files:
    """Nothing is wrong here, and every rule has something to look at."""
    files = small()
    files["classes"] = [each | {"schoolSourcedId": each["schoolSourcedId"]} for each in files["classes"]]
    return files


def changed(file: str, one: str, **values: str) -> Files:
    return sound() | {file: edited(sound()[file], one, **values)}


#: rule -> (files that break it, the ids that it names, files that come near and do not).
EXAMPLES: dict[str, tuple[Files, set[str], Files]] = {
    "required_value": (changed("users", "p1", familyName=" "), {"p1"}, changed("users", "p1", middleName="")),
    "too_long": (
        plus(changed("users", "p1", familyName="x" * 2001), enrollments=[enrollment("k1", "p2", sourcedId="e" * 2001)]),
        {"p1", "e" * 2001},
        changed("users", "p1", familyName="x" * 2000, middleName="x" * 4000),
    ),
    "ends_before_it_begins": (
        plus(sound(), enrollments=[enrollment("k1", "p1", sourcedId="x", beginDate="2026-09-02", endDate="2026-09-01")]),
        {"x"},
        plus(sound(), enrollments=[enrollment("k1", "p1", sourcedId="x", beginDate="2026-09-01", endDate="2026-09-01")]),
    ),
    "own_ancestor": (
        plus(
            sound(), orgs=[school("a", parentSourcedId="b"), school("b", parentSourcedId="a"), school("c", parentSourcedId="d1")]
        ),
        {"a", "b"},
        plus(sound(), orgs=[school("a", parentSourcedId="b"), school("b", parentSourcedId="d1")]),
    ),
    "class_without_teacher": (
        plus(sound(), classes=[section("k9")], enrollments=[enrollment("k9", "p1")]),
        {"k9"},
        plus(sound(), classes=[section("k9")], enrollments=[enrollment("k9", "t1", "teacher")]),
    ),
    "school_is_no_school": (
        plus(sound(), classes=[section("k9", "d1")], enrollments=[enrollment("k9", "t1", "teacher", "d1")]),
        {"k9"},
        sound(),
    ),
    "year_is_no_school_year": (
        plus(sound(), courses=[course("c9", schoolYearSourcedId="t1")]),
        {"c9"},
        plus(sound(), courses=[course("c9")]),
    ),
    "username_used_twice": (changed("users", "p1", username="U.P2"), {"p1", "p2"}, changed("users", "p1", username="")),
    "email_used_twice": (changed("users", "p1", email="P2@maple.example"), {"p1", "p2"}, changed("users", "p1", email="")),
    "identifier_used_twice": (
        sound()
        | {"users": [each | {"identifier": "7" if each["sourcedId"] in ("p1", "p2") else ""} for each in sound()["users"]]},
        {"p1", "p2"},
        changed("users", "p1", identifier="7"),
    ),
    "id_almost_the_same": (
        plus(sound(), users=[user("0p1"), user("P2")], enrollments=[enrollment("k1", "0p1"), enrollment("k1", "P2")]),
        {"p1", "0p1", "p2", "P2"},
        plus(sound(), users=[user("p10")], enrollments=[enrollment("k1", "p10")]),
    ),
    "student_without_class": (plus(sound(), users=[user("p9")]), {"p9"}, plus(sound(), users=[user("x9", "aide")])),
    "person_without_role": (
        as_1_2(sound()) | {"roles": [each for each in as_1_2(sound())["roles"] if each["userSourcedId"] != "g1"]},
        {"g1"},
        as_1_2(sound()),
    ),
    "primary_org_without_role": (
        as_1_2(sound()) | {"users": edited(as_1_2(sound())["users"], "p1", primaryOrgSourcedId="s2")},
        {"p1"},
        as_1_2(sound()) | {"users": edited(as_1_2(sound())["users"], "p1", primaryOrgSourcedId="s1")},
    ),
    "two_primary_roles": (
        plus(as_1_2(sound()), roles=[row("roles", userSourcedId="t1", roleType="primary", role="aide", orgSourcedId="s1")]),
        {"t1|s1|teacher", "t1|s1|aide"},
        plus(
            as_1_2(sound()),
            roles=[
                row("roles", userSourcedId="t1", roleType="secondary", role="aide", orgSourcedId="s1"),
                row("roles", userSourcedId="t1", roleType="primary", role="aide", orgSourcedId="s2"),
            ],
        ),
    ),
    "role_in_class_differs": (
        plus(sound(), enrollments=[enrollment("k2", "p1", "teacher", "s2"), enrollment("k2", "g1", "student", "s2")]),
        {"p1.k2", "g1.k2"},
        plus(sound(), enrollments=[enrollment("k2", "t1", "teacher", "s2"), enrollment("k2", "p1", "student", "s2")]),
    ),
    "same_id_twice": (plus(sound(), users=[user("p1", familyName="Other")]), {"p1"}, plus(sound(), users=[sound()["users"][2]])),
    "identical_rows": (plus(sound(), users=[sound()["users"][2]]), set(), sound()),
    "unknown_reference": (
        plus(sound(), enrollments=[enrollment("nowhere", "p1")]),
        {"p1.nowhere"},
        plus(sound(), enrollments=[enrollment("k2", "p1")]),
    ),
    "depends_on_refused_row": (
        plus(sound(), classes=[section("k9", classType="odd")], enrollments=[enrollment("k9", "p1")]),
        {"p1.k9"},
        plus(sound(), classes=[section("k9", classType="homeroom")], enrollments=[enrollment("k9", "p1")]),
    ),
}
#: These need a night before; test_situations.py, test_undo.py, test_who_is_who.py and test_accounts_desk.py show them.
ELSEWHERE = {"parent_leaves", "changed_since", "another_id", "set_by_hand_stays"}


def test_no_rule_lacks_an_example() -> None:
    known = {*CATALOGUE, *(each.name for each in check.OWN_RULES), undo.CHANGED_SINCE.name}
    assert set(EXAMPLES) | ELSEWHERE == known


def test_every_rule_has_words_for_people() -> None:
    for judged in CATALOGUE.values():
        assert judged.rule.text.endswith(".") and judged.rule.remedy.endswith("."), judged.rule.name
        assert judged.rule.name == judged.judge.__name__


def rule(name: str) -> Rule:
    return CATALOGUE[name].rule if name in CATALOGUE else next(each for each in check.OWN_RULES if each.name == name)


#: Cells that hold ids, or what must be one person's alone.
OWN = {"sourcedId", "username", "identifier"}


def apart(name: str, files: Files) -> Files:
    """Return a package as one of 1.2, with ids, names to sign in with and addresses that only the example of this rule has."""

    def own(heading: str, cell: str) -> str:
        if heading == "email" and cell:
            return cell.replace("maple.example", f"{name}.example")
        if cell and (heading in OWN or heading.endswith(("SourcedId", "SourcedIds"))):
            return ",".join(f"{one}@{name}" for one in cell.split(","))
        return cell

    whole = files if "roles" in files else as_1_2(files)
    return {
        file: [{heading: own(heading, cell) for heading, cell in each.items()} for each in rows] for file, rows in whole.items()
    }


def together(which: int, names: list[str]) -> Files:
    """Put the bad (0) or the good (2) example of each rule into one package, each a little district of its own."""
    each = [apart(name, EXAMPLES[name][which]) for name in names]  # type: ignore[arg-type]
    return {file: [line for files in each for line in files[file]] for file in each[0]} | {"manifest": manifest("1.2")}


class Judged(NamedTuple):
    """What was said, and written, of the examples of all rules of one level."""

    run: Run
    bad: list[dict[str, Any]]
    known: dict[str, set[str]]
    active: dict[str, set[str]]
    good: list[dict[str, Any]]


@pytest.fixture(scope="module")
def judged(shared: Grove) -> Callable[[Level], Judged]:
    """Give what became of the bad examples of a level, and of the good ones the next night. Each is imported once."""

    @cache
    def judge(level: Level) -> Judged:
        names = [name for name in EXAMPLES if rule(name).level is level]
        run = shared.applies(together(0, names))
        known, active = ({each.name: set(shared.rows(each.name, status)) for each in ENTITIES} for status in (None, "active"))
        bad = shared.findings(run)
        return Judged(run, bad, known, active, shared.findings(shared.applies(together(2, names))))

    return judge


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_rule_finds_the_bad_and_lets_the_good_pass(judged: Callable[[Level], Judged], name: str) -> None:
    level, due = rule(name).level, EXAMPLES[name][1]
    told = judged(level)

    def here(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in found if each["rule"] == name and (each["sourced_id"] or f"@{name}").count(f"@{name}")]

    found = here(told.bad)
    ids = {each["sourced_id"] for each in found} - {None}
    assert found and {one.replace(f"@{name}", "") for one in ids} == due
    for each in found:
        assert each["level"] == level == Level(each["level"])
        assert each["message"] and (each["remedy"] or each["level"] == "note")
        if each["sourced_id"]:
            assert each["file"].endswith(".csv") and each["line"] > 1
    if level is Level.ERROR:
        entity = found[0]["entity"]
        assert not ids & told.known[entity]
        assert told.run.counts[entity]["unfit"] >= len(ids)
    elif level is Level.WARNING:
        assert told.run.exit_code == 0 and ids <= told.active[found[0]["entity"]]

    assert not here(told.good)


def test_every_index_of_the_roster_holds_texts_of_a_bounded_length() -> None:
    for each in ENTITIES:
        indexed = {column for index in MODELS[each.name]._meta.indexes for column in index.fields} - {"district", "source"}
        assert indexed <= {column.name for column in each.references if not column.many} | set(rows.LOOKED_UP)


@pytest.mark.parametrize("dates", [("9/1/2026", "2027-01-10"), ("2026-09-01", "10.1.2026")])
def test_what_is_no_date_is_not_said_to_end_too_early(district: Grove, dates: tuple[str, str]) -> None:
    begin, end = dates
    run = district.sends(changed("enrollments", "p1.k1", beginDate=begin, endDate=end))
    assert [finding["rule"] for finding in district.findings(run) if finding["level"] == "error"] in (["date"], ["date_order"])


def test_the_sound_district_has_nothing_to_complain_of(district: Grove) -> None:
    assert not district.findings(district.sends(sound()))


def test_a_whole_package_is_judged_by_every_reference(district: Grove) -> None:
    """Each column that points somewhere is refused when it points nowhere, by name, file and line."""
    base = as_1_2(sound())
    wrong: dict[str, list[dict[str, Any]]] = {
        "orgs": [school("x", parentSourcedId="nowhere")],
        "academicSessions": [term("x", parentSourcedId="nowhere")],
        "courses": [course("x1", schoolYearSourcedId="nowhere"), course("x2", orgSourcedId="nowhere")],
        "classes": [
            section("x1", courseSourcedId="nowhere"),
            section("x2", "nowhere"),
            section("x3", termSourcedIds="t1,nowhere"),
        ],
        "users": [
            row(
                "users",
                "1.2",
                sourcedId="x",
                enabledUser="true",
                username="x",
                givenName="X",
                familyName="X",
                primaryOrgSourcedId="nowhere",
            )
        ],
        "roles": [
            row("roles", userSourcedId="nowhere", roleType="primary", role="aide", orgSourcedId="s1"),
            row("roles", userSourcedId="p1", roleType="primary", role="aide", orgSourcedId="nowhere"),
        ],
        "enrollments": [
            enrollment("nowhere", "p1"),
            enrollment("k2", "nowhere", school="s2"),
            enrollment("k2", "p1", school="nowhere"),
        ],
    }
    run = district.applies(plus(base, **wrong))
    said = [(each["entity"], each["field"]) for each in district.findings(run, "unknown_reference")]
    assert sorted(said) == sorted(
        [
            ("org", "parentSourcedId"),
            ("academic_session", "parentSourcedId"),
            ("course", "schoolYearSourcedId"),
            ("course", "orgSourcedId"),
            ("section", "courseSourcedId"),
            ("section", "schoolSourcedId"),
            ("section", "termSourcedIds"),
            ("person", "primaryOrgSourcedId"),
            ("role", "userSourcedId"),
            ("role", "orgSourcedId"),
            ("enrollment", "classSourcedId"),
            ("enrollment", "userSourcedId"),
            ("enrollment", "schoolSourcedId"),
        ]
    )
    assert all("'nowhere'" in each["message"] for each in district.findings(run, "unknown_reference"))
    assert district.active("section") == 2 and district.active("enrollment") == 6


def test_who_loses_the_last_class_or_teacher_is_named_though_unchanged(district: Grove) -> None:
    district.applies(sound())
    files = sound() | {"enrollments": [each for each in sound()["enrollments"] if each["sourcedId"] not in ("p1.k1", "t2.k2")]}
    run = district.applies(files)
    assert [each["sourced_id"] for each in district.findings(run, "student_without_class")] == ["p1"]
    assert [each["sourced_id"] for each in district.findings(run, "class_without_teacher")] == ["k2"]


#: What is wrong with whom -> (the files before, what is changed in them): the row that is named is not among what changed.
TOUCHED: dict[tuple[str, str], tuple[Files, Files]] = {
    ("person_without_role", "t2"): (
        as_1_2(sound()),
        {"roles": [each for each in as_1_2(sound())["roles"] if each["userSourcedId"] != "t2"]},
    ),
    ("primary_org_without_role", "p1"): (
        as_1_2(sound()) | {"users": edited(as_1_2(sound())["users"], "p1", primaryOrgSourcedId="s1")},
        {
            "roles": [
                each | ({"orgSourcedId": "s2"} if each["userSourcedId"] == "p1" else {}) for each in as_1_2(sound())["roles"]
            ]
        },
    ),
    ("class_without_teacher", "k2"): (sound(), {"enrollments": edited(sound()["enrollments"], "t2.k2", classSourcedId="k1")}),
    ("class_without_teacher", "k1"): (sound(), {"enrollments": edited(sound()["enrollments"], "t1.k1", role="proctor")}),
    ("student_without_class", "p1"): (sound(), {"enrollments": edited(sound()["enrollments"], "p1.k1", userSourcedId="p2")}),
    ("student_without_class", "g1"): (
        as_1_2(sound()),
        {
            "roles": [
                *as_1_2(sound())["roles"],
                row("roles", userSourcedId="g1", roleType="secondary", role="student", orgSourcedId="s1"),
            ]
        },
    ),
    ("school_is_no_school", "k2"): (sound(), {"orgs": edited(sound()["orgs"], "s2", type="department")}),
    ("year_is_no_school_year", "c1"): (sound(), {"academicSessions": edited(sound()["academicSessions"], "y27", type="term")}),
    ("role_in_class_differs", "t1.k1"): (sound(), {"users": edited(sound()["users"], "t1", role="student")}),
}


@pytest.mark.parametrize(("name", "one"), TOUCHED)
def test_who_lacks_something_by_a_change_elsewhere_is_named_though_unchanged(district: Grove, name: str, one: str) -> None:
    before, change = TOUCHED[name, one]
    assert not district.findings(district.applies(before), name)
    run = district.applies(before | change)

    entity = {each["entity"] for each in district.findings(run, name) if each["sourced_id"] == one}
    assert entity and one not in district.changes(run, entity.pop())
    assert all(each["line"] for each in district.findings(run, name))


def test_many_candidates_are_found_fault_with_as_few_are(district: Grove, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what few rows do not touch nothing is read; that may spare time, and nothing else."""
    names = [name for name in EXAMPLES if rule(name).level is not Level.ERROR]
    district.applies(together(2, names))
    files = together(0, names)
    some = {file: rows if file in ("manifest", "orgs") else rows[1:] for file, rows in files.items()}
    few = district.sends(some, Trigger.PREVIEW)
    monkeypatch.setattr(candidates, "FEW", 0)
    many = district.runs(Trigger.PREVIEW)
    said = [sorted(map(str, district.findings(run))) for run in (few, many)]
    assert said[0] == said[1] and len({each["rule"] for each in district.findings(few)}) > 8
    assert (few.digest, few.counts, few.summary) == (many.digest, many.counts, many.summary)
