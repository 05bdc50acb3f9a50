"""The fear that two people become one, or that one person stays two although somebody said otherwise."""

from pathlib import Path

import pytest

from rollbook.connectors.oneroster.connector import OneRosterCsv
from tests.connectors.oneroster.bundles import header, text, texts, write
from tests.connectors.oneroster.reading import Read, read

COLUMNS = header("users", "1.1")


def row(one: str, role: str, **values: str) -> dict[str, str]:
    """Return a user called Tina Tester, who signs in as tina, unless other values are given."""
    told = {"sourcedId": one, "enabledUser": "true", "orgSourcedIds": "s1", "role": role, "username": "tina"}
    return dict.fromkeys(COLUMNS, "") | told | {"givenName": "Tina", "familyName": "Tester"} | values


def package(*rows: dict[str, str]) -> dict[str, str]:
    """Return the sound package with these users, and its student u2 unless they have one."""
    named = {each["sourcedId"] for each in rows}
    student = [row("u2", "student", username="sam", givenName="Sam", familyName="Sample")] if "u2" not in named else []
    return texts() | {"users.csv": text([COLUMNS, *([each[name] for name in COLUMNS] for each in [*rows, *student])])}


TEACHER, PARENT = row("u1", "teacher"), row("p1", "parent")


def ids(given: Read) -> set[str]:
    return set(given.rows("person"))


# --- who is asked about ---


def test_a_teacher_who_is_a_parent_is_asked_about_and_stays_two_meanwhile(tmp_path: Path) -> None:
    given = read(tmp_path, package(TEACHER, PARENT))

    assert given.questions == [
        "users.csv: 1 person seems to have a row for each role, with the same name, and the same username or identifier, such as "
        "'u1' and 'p1'. Are they one? Answer in the setup of this source: 'join' makes each of them one person with all roles; "
        "'apart' imports a person for each row, as approving this import does."
    ]
    assert ids(given) == {"u1", "p1", "u2"}
    assert set(given.extracts["person"].questions()) == set(given.questions), "the question is asked once"


def test_the_question_names_nobody(tmp_path: Path) -> None:
    asked = read(
        tmp_path, package(TEACHER, PARENT, row("u5", "aide", username="jo"), row("u6", "proctor", username="JO"))
    ).questions

    assert asked[0].startswith("users.csv: 2 people seem to have a row for each role")
    assert not [word for word in ("Tina", "Tester", "tina") if word in asked[0]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"username": "TINA"}, {"username": "tina"}),
        ({"username": "a", "identifier": "N7"}, {"username": "b", "identifier": "n7"}),
        ({"givenName": "TINA"}, {"familyName": "tester"}),
    ],
)
def test_capital_letters_do_not_keep_a_person_in_two(tmp_path: Path, one: dict[str, str], other: dict[str, str]) -> None:
    files = package(row("u1", "teacher", **one), row("p1", "Parent", **other))

    assert len(read(tmp_path, files).questions) == 1
    assert ids(read(tmp_path, files, two_rows="join")) == {"u1", "u2"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"role": "teacher"}, {"role": "teacher"}),
        ({"username": "a"}, {"username": "b"}),
        ({"givenName": "Tina"}, {"givenName": "Tim"}),
        ({"familyName": ""}, {"familyName": ""}),
        ({"username": ""}, {"username": ""}),
        ({"username": "", "identifier": ""}, {"username": "", "identifier": ""}),
        ({"username": "a", "identifier": "7", "givenName": "Ann"}, {"username": "b", "identifier": "7", "givenName": "Ben"}),
        ({}, {"role": "wizard"}),
        ({"agentSourcedIds": "p1", "role": "student"}, {}),
        ({"role": "student"}, {"agentSourcedIds": "u2,u1"}),
    ],
)
def test_what_may_be_two_people_is_neither_asked_about_nor_joined(
    tmp_path: Path, one: dict[str, str], other: dict[str, str]
) -> None:
    files = package(row("u1", **({"role": "teacher"} | one)), row("p1", **({"role": "parent"} | other)))

    assert read(tmp_path, files).questions == []
    assert ids(read(tmp_path, files, two_rows="join")) == {"u1", "p1", "u2"}


def test_three_rows_of_which_two_have_one_role_are_left_alone(tmp_path: Path) -> None:
    files = package(TEACHER, PARENT, row("u9", "teacher"))

    assert read(tmp_path, files).questions == []
    assert ids(read(tmp_path, files, two_rows="join")) == {"u1", "p1", "u9", "u2"}


def test_a_setting_of_1_1_says_nothing_about_1_2(tmp_path: Path) -> None:
    files = texts("1.2")
    files["users.csv"] = files["users.csv"].replace(",pat,", ",tina,").replace(",Pat,Sample,", ",Tina,Tester,")
    plain, joined = read(tmp_path, files), read(tmp_path, files, two_rows="join")

    assert plain.questions == []
    assert ids(joined) == {"u1", "u2", "u3"}
    assert plain.fingerprints == joined.fingerprints


# --- what is joined ---


def test_one_person_gets_both_roles_and_one_of_them_is_the_primary_one(tmp_path: Path) -> None:
    given = read(tmp_path, package(PARENT | {"orgSourcedIds": "d1,s1"}, TEACHER), two_rows="join")

    assert ids(given) == {"u1", "u2"}
    roles = {name: each["role_type"] for name, each in given.rows("role").items() if each["person"] == "u1"}
    assert roles == {"u1|s1|teacher": "primary", "u1|s1|parent": "secondary", "u1|d1|parent": "primary"}
    assert given.frames["role"]["sourced_id"].is_unique().all()
    assert given.questions == []
    assert given.partial == set()


def test_three_roles_are_one_person_too_whatever_links_them(tmp_path: Path) -> None:
    by_number = row("a1", "relative", username="other", identifier="7")
    files = package(by_number, TEACHER, PARENT | {"identifier": "7"})

    given = read(tmp_path, files, two_rows="join")

    assert ids(given) == {"u1", "u2"}
    types = {each["role"]: each["role_type"] for each in given.rows("role").values() if each["person"] == "u1"}
    assert types == {"teacher": "primary", "relative": "secondary", "parent": "secondary"}


def test_the_note_names_both_rows(tmp_path: Path) -> None:
    note = read(tmp_path, package(PARENT, TEACHER), two_rows="join").one("two_rows_joined")

    assert note["message"] == "users.csv line 2: 'p1' is the same person as 'u1' in line 3, in another role. Joined as 'u1'."
    assert (note["level"], note["entity"], note["line"], note["sourced_id"]) == ("note", "person", 2, "u1")


def test_places_in_classes_go_to_the_person(tmp_path: Path) -> None:
    files = package(TEACHER, row("a1", "student"), row("u2", "aide", username="sam"))
    places = [["e1", "u1", "teacher"], ["e2", "a1", "student"], ["e3", "u2", "student"]]
    cells = [[key, "", "", "k1", "s1", person, role, "", "2026-08-01", ""] for key, person, role in places]
    files["enrollments.csv"] = text([header("enrollments", "1.1"), *cells])

    given = read(tmp_path, files, two_rows="join")

    assert {key: each["person"] for key, each in given.rows("enrollment").items()} == {"e1": "a1", "e2": "a1", "e3": "u2"}


def test_a_child_keeps_its_parent_once_although_both_rows_are_listed(tmp_path: Path) -> None:
    child = row("u2", "student", username="sam", givenName="Sam", agentSourcedIds="p1,u1")

    given = read(tmp_path, package(TEACHER, PARENT | {"agentSourcedIds": "u2"}, child), two_rows="join")

    assert set(given.rows("guardianship")) == {"u2|u1|parent"}


def test_a_student_who_is_a_parent_is_child_and_guardian(tmp_path: Path) -> None:
    grown = row("u1", "student", agentSourcedIds="g1")
    child = row("u2", "student", username="sam", givenName="Sam")
    mother = row("g1", "guardian", username="gina", givenName="Gina")

    given = read(tmp_path, package(grown, PARENT | {"agentSourcedIds": "u2"}, child, mother), two_rows="join")

    assert set(given.rows("guardianship")) == {"u1|g1|guardian", "u2|u1|parent"}


def test_what_is_empty_comes_from_the_other_row_and_nothing_else_does(tmp_path: Path) -> None:
    kept = TEACHER | {"email": "tina@maple.example", "enabledUser": "false"}
    other = PARENT | {"email": "home@maple.example", "phone": "555-0100", "enabledUser": "true"}

    person = read(tmp_path, package(other, kept), two_rows="join").row("person", "u1")

    assert (person["email"], person["phone"], person["enabled"]) == ("tina@maple.example", "555-0100", "false")
    assert (person["source_file"], person["line"]) == ("users.csv", 3)


def test_a_fault_in_the_other_row_does_not_keep_the_person_out(tmp_path: Path) -> None:
    kept, other = TEACHER | {"identifier": "7"}, PARENT | {"identifier": "7", "username": "", "enabledUser": "perhaps"}

    given = read(tmp_path, package(kept, other), two_rows="join")

    assert ids(given) == {"u1", "u2"}
    assert {(fault["line"], fault["field"], fault["sourced_id"]) for fault in given.told("error")} == {(3, "enabledUser", None)}


def test_a_row_said_twice_or_contradicted_is_still_told_of(tmp_path: Path) -> None:
    given = read(tmp_path, package(TEACHER, PARENT, TEACHER | {"givenName": "Tim"}), two_rows="join")

    assert given.frames["person"]["sourced_id"].to_list().count("u1") == 2, "an import finds the same id with other values"


# --- who keeps the id ---


@pytest.mark.parametrize("third", [[], [row("a0", "relative")], [row("z9", "aide")]])
def test_neither_the_order_nor_a_third_row_changes_the_id(tmp_path: Path, third: list[dict[str, str]]) -> None:
    rows = [TEACHER, PARENT, *third]

    there, back = (read(tmp_path / name, package(*order), two_rows="join") for name, order in (("a", rows), ("b", rows[::-1])))

    assert ids(there) == ids(back) == {"u1", "u2"}
    assert there.fingerprints == back.fingerprints


# --- whether a night sees it ---


def test_an_answer_changes_what_a_night_has_seen_of_people_and_of_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path, package(TEACHER, PARENT))
    asked, apart, joined = (Read(folder, two_rows=answer) for answer in ("", "apart", "join"))

    differing = {name for name, seen in joined.fingerprints.items() if seen != apart.fingerprints[name]}

    assert differing == {"person", "role", "enrollment", "guardianship"}
    assert asked.fingerprints["person"] != apart.fingerprints["person"]
    seen = {OneRosterCsv(OneRosterCsv.Config(str(folder), two_rows=each)).bytes_fingerprint() for each in ("", "apart", "join")}
    assert len(seen) == 3


def test_a_package_without_such_rows_is_the_same_whatever_the_answer(tmp_path: Path) -> None:
    folder = write(tmp_path, texts())
    asked, apart, joined = (Read(folder, two_rows=answer) for answer in ("", "apart", "join"))

    for given in (apart, joined):
        assert given.rows("person") == asked.rows("person")
        assert {name for name, seen in given.fingerprints.items() if seen != asked.fingerprints[name]} == {"person"}
