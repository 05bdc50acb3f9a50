"""What the files of either version become in the roster."""

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.domain.entities import BY_NAME, ENTITIES
from tests.connectors.oneroster import bundles
from tests.connectors.oneroster.bundles import header, text, texts, users, write_zip
from tests.connectors.oneroster.reading import Read, read

ALL = {entity.name for entity in ENTITIES}


def of_users(version: str, *people: list[str]) -> str:
    return text([header("users", version), *people])


def person(one: str, role: str, agents: str = "", orgs: str = "s1") -> list[str]:
    return [one, "", "", "true", orgs, role, one, "", "Given", "Family", "", "", "", "", "", agents, "", ""]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_sound_package_gives_all_eight_entities_and_no_fault(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, texts(version))

    assert given.offers == ALL
    assert given.messages == []
    assert given.questions == []
    assert given.partial == set()
    assert {name: frame.height for name, frame in given.frames.items()} == {
        "org": 2,
        "academic_session": 2,
        "course": 1,
        "section": 1,
        "person": 3,
        "role": 3,
        "enrollment": 2,
        "guardianship": 1,
    }


def test_every_column_of_a_row_comes_through(tmp_path: Path) -> None:
    given = read(tmp_path, texts("1.2"))

    assert given.row("section", "k1") == {
        "sourced_id": "k1",
        "title": "Algebra 1",
        "section_code": "MA1-1",
        "section_type": "scheduled",
        "location": "R 12",
        "grades": "09",
        "subjects": "Mathematics",
        "subject_codes": "02052",
        "periods": "1,2",
        "course": "c1",
        "school": "s1",
        "terms": "t1",
        "source_file": "classes.csv",
        "line": 2,
    }
    assert given.row("enrollment", "e2") == {
        "sourced_id": "e2",
        "section": "k1",
        "school": "s1",
        "person": "u2",
        "role": "student",
        "primary": None,
        "begin_date": "2026-08-01",
        "end_date": None,
        "source_file": "enrollments.csv",
        "line": 3,
    }
    assert given.row("person", "u2")["primary_org"] == "s1"
    assert given.row("guardianship", "u2|u3|parent")["guardian"] == "u3"


def test_every_column_of_an_entity_has_a_heading_in_one_version_or_another(tmp_path: Path) -> None:
    given = read(tmp_path, texts("1.2"))

    for name, frame in given.frames.items():
        lacking = set(BY_NAME[name].names) - set(frame.columns)
        assert lacking <= {"metadata"}, name


def test_both_versions_of_the_same_district_say_the_same(tmp_path: Path) -> None:
    old, new = read(tmp_path / "old", texts("1.1")), read(tmp_path / "new", texts("1.2"))

    assert old.offers == new.offers
    for name in old.frames:
        shared = [column for column in old.frames[name].columns if column in new.frames[name].columns]
        shared = [column for column in shared if column not in ("source_file", "line")]
        assert_frame_equal(old.frames[name].select(shared), new.frames[name].select(shared), check_row_order=False)
        assert "sourced_id" in shared


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_zip_says_what_its_folder_says(tmp_path: Path, version: str) -> None:
    folder, zipped = read(tmp_path / "folder", texts(version)), Read(write_zip(tmp_path / "x.zip", texts(version)))

    for name in folder.frames:
        assert_frame_equal(folder.frames[name], zipped.frames[name], check_row_order=False)
    assert folder.fingerprints == zipped.fingerprints


def test_what_is_absent_is_not_offered(tmp_path: Path) -> None:
    files = texts("1.2") | {"manifest.csv": bundles.manifest("1.2", courses="absent", roles="absent")}
    del files["courses.csv"], files["roles.csv"]

    given = read(tmp_path, files)

    assert given.offers == ALL - {"course", "role", "guardianship"}, "without roles nobody can tell the child from the adult"


def test_a_column_that_a_file_lacks_is_left_alone(tmp_path: Path) -> None:
    files = texts("1.1") | {"orgs.csv": "sourcedId,name,type\ns1,Alder School,school\n"}

    given = read(tmp_path, files)

    assert given.frames["org"].columns == ["sourced_id", "name", "type", "source_file", "line"]


def test_without_agents_there_are_no_guardianships_to_speak_of(tmp_path: Path) -> None:
    plain = [row[:15] + row[16:] for row in [header("users", "1.1"), *users("1.1")]]

    assert "guardianship" not in read(tmp_path, texts("1.1") | {"users.csv": text(plain)}).offers


def test_values_are_trimmed_and_empty_is_null(tmp_path: Path) -> None:
    files = texts("1.1") | {"orgs.csv": 'sourcedId,name,type,identifier\n s1 ,"  Alder School ",school,"  "\n'}

    org = read(tmp_path, files).row("org", "s1")

    assert (org["name"], org["identifier"]) == ("Alder School", None)


def test_columns_of_metadata_become_one_json_object(tmp_path: Path) -> None:
    files = texts("1.1") | {
        "orgs.csv": 'sourcedId,name,type,metadata.z,metadata.a b\ns1,Alder,school,"say ""no""\\n",ü\n'
        "s2,Birch,school,,\ns3,Elm,school,1,\n"
    }

    given = read(tmp_path, files)

    assert given.row("org", "s1")["metadata"] == '{"a b":"ü","z":"say \\"no\\"\\\\n"}'
    assert json.loads(given.row("org", "s1")["metadata"]) == {"a b": "ü", "z": 'say "no"\\n'}
    assert given.row("org", "s2")["metadata"] is None
    assert json.loads(given.row("org", "s3")["metadata"]) == {"z": "1"}
    assert given.messages == []


# --- roles ---


def test_each_org_of_a_person_gives_a_role(tmp_path: Path) -> None:
    files = texts("1.1") | {"users.csv": of_users("1.1", person("u1", "teacher", orgs="s1, d1,s1"))}

    roles = read(tmp_path, files).rows("role")

    assert set(roles) == {"u1|s1|teacher", "u1|d1|teacher"}
    assert {row["role_type"] for row in roles.values()} == {"primary"}


def test_an_administrator_is_one_of_the_site_or_of_the_district(tmp_path: Path) -> None:
    files = texts("1.1") | {"users.csv": of_users("1.1", person("u1", "administrator", orgs="s1,d1,nowhere"))}

    given = read(tmp_path, files)

    assert set(given.rows("role")) == {"u1|s1|siteAdministrator", "u1|d1|districtAdministrator", "u1|nowhere|siteAdministrator"}
    assert given.one("administrator")["level"] == "note"


def test_a_role_said_twice_is_one(tmp_path: Path) -> None:
    again = ["r9", "", "", "u1", "primary", "teacher", "", "", "s1", ""]
    files = texts("1.2") | {"roles.csv": text([header("roles", "1.2"), *bundles.roles(), again])}

    given = read(tmp_path, files)

    assert given.frames["role"].height == 3
    assert (given.one("said_twice")["count"], given.one("said_twice")["line"]) == (1, 5)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("periods", "taken"),
    [
        ([("2024-08-01", "2025-06-30"), ("2025-08-01", "2026-06-30")], "2025-08-01"),
        ([("2024-08-01", ""), ("2025-08-01", "2026-06-30")], "2024-08-01"),
        ([("", "2026-06-30"), ("2025-08-01", "2026-06-30")], "2025-08-01"),
        ([("2023-08-01", "2024-06-30"), ("2024-08-01", "2025-06-30"), ("2025-08-01", "")], "2025-08-01"),
    ],
)
def test_several_periods_of_a_role_are_one_role(tmp_path: Path, periods: list[tuple[str, str]], taken: str, turned: bool) -> None:
    rows = [[f"p{place}", "", "", "u9", "primary", "aide", *period, "s1", ""] for place, period in enumerate(periods)]
    rows = rows[::-1] if turned else rows
    files = texts("1.2") | {"roles.csv": text([header("roles", "1.2"), *bundles.roles(), *rows])}

    given = read(tmp_path, files)

    assert given.frames["role"].height == 4
    assert given.row("role", "u9|s1|aide")["begin_date"] == taken
    assert given.one("role_periods")["count"] == len(periods) - 1
    assert given.told("error") == [] and given.partial == set()


def test_roles_of_one_period_that_differ_otherwise_are_left_to_people(tmp_path: Path) -> None:
    rows = [[f"p{word}", "", "", "u9", word, "aide", "2025-08-01", "", "s1", ""] for word in ("primary", "secondary")]
    files = texts("1.2") | {"roles.csv": text([header("roles", "1.2"), *bundles.roles(), *rows])}

    given = read(tmp_path, files)

    assert given.frames["role"]["sourced_id"].to_list().count("u9|s1|aide") == 2
    assert given.messages == []


def test_keys_of_content_cannot_be_made_to_meet(tmp_path: Path) -> None:
    files = texts("1.1") | {
        "users.csv": of_users("1.1", person("a|b", "teacher", orgs="c"), person("a", "teacher", orgs="b%7Cc"))
    }

    assert read(tmp_path, files).frames["role"]["sourced_id"].n_unique() == 2


# --- guardianships ---


def guardianships(folder: Path, *people: list[str]) -> list[tuple[str, ...]]:
    given = read(folder, texts("1.1") | {"users.csv": of_users("1.1", *people)})
    return sorted(given.frames["guardianship"].select("student", "guardian", "relationship").rows())


def test_the_child_may_list_the_adult_or_the_adult_the_child_or_both(tmp_path: Path) -> None:
    child, adult = person("kid", "student"), person("mum", "parent")
    expected = [("kid", "mum", "parent")]

    assert guardianships(tmp_path / "1", [*child[:15], "mum", *child[16:]], adult) == expected
    assert guardianships(tmp_path / "2", child, [*adult[:15], "kid", *adult[16:]]) == expected
    assert guardianships(tmp_path / "3", [*child[:15], "mum", *child[16:]], [*adult[:15], "kid", *adult[16:]]) == expected


def test_a_relationship_is_the_adults_role(tmp_path: Path) -> None:
    kid = person("kid", "student", "g,p,r,t,unknown")
    adults = [person("g", "guardian"), person("p", "parent"), person("r", "Relative"), person("t", "teacher")]

    assert guardianships(tmp_path, kid, *adults) == [
        ("kid", "g", "guardian"),
        ("kid", "p", "parent"),
        ("kid", "r", "relative"),
        ("kid", "t", None),
        ("kid", "unknown", None),
    ]


def test_of_several_roles_guardian_counts_most(tmp_path: Path) -> None:
    more = [["r8", "", "", "u3", "secondary", "guardian", "", "", "d1", ""]]
    files = texts("1.2") | {"roles.csv": text([header("roles", "1.2"), *bundles.roles(), *more])}

    assert set(read(tmp_path, files).rows("guardianship")) == {"u2|u3|guardian"}


def test_where_neither_is_a_student_somebody_should_look(tmp_path: Path) -> None:
    files = texts("1.1") | {"users.csv": of_users("1.1", person("a", "parent", "b"), person("b", "parent"))}

    given = read(tmp_path, files)

    warning = given.one("agent_of_nobody")
    assert warning["level"] == "warning"
    assert warning["message"].startswith("users.csv line 2: neither of 'a' and 'b' is a student.")
    assert warning["sourced_id"] in given.rows("guardianship")


def test_nobody_is_his_own_guardian(tmp_path: Path) -> None:
    files = texts("1.1") | {"users.csv": of_users("1.1", person("a", "student", "a"))}

    given = read(tmp_path, files)

    assert given.rows("guardianship") == {}
    assert given.one("agent_of_self")["level"] == "warning"


# --- fingerprints ---


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_rows_in_another_order_are_the_same_night(tmp_path: Path, version: str) -> None:
    files = texts(version)
    turned = dict(files)
    for name, content in files.items():
        if name != "manifest.csv":
            first, *rest = content.splitlines(keepends=True)
            turned[name] = "".join([first, *reversed(rest)])

    one, other = read(tmp_path / "one", files), read(tmp_path / "other", turned)

    assert one.fingerprints == other.fingerprints
    for name in one.frames:
        assert_frame_equal(one.frames[name].drop("line"), other.frames[name].drop("line"), check_row_order=False)


@pytest.mark.parametrize(
    ("name", "old", "new", "touched"),
    [
        ("orgs.csv", "Alder School", "Alder High", {"org", "role"}),
        ("classes.csv", "R 12", "R 13", {"section"}),
        ("enrollments.csv", "2027-01-15", "2027-01-16", {"enrollment"}),
        ("users.csv", "Tina", "Tim", {"person", "role", "guardianship"}),
        ("users.csv", "hunter2", "hunter3", set()),
    ],
)
def test_a_changed_cell_changes_what_rests_on_it_and_nothing_else(
    tmp_path: Path, name: str, old: str, new: str, touched: set[str]
) -> None:
    files = texts("1.1")
    assert old in files[name]
    before = read(tmp_path / "before", files).fingerprints
    after = read(tmp_path / "after", files | {name: files[name].replace(old, new)}).fingerprints

    assert {entity for entity in before if before[entity] != after[entity]} == touched


def test_a_row_that_comes_twice_is_another_night(tmp_path: Path) -> None:
    files = texts("1.1")
    twice = files | {"orgs.csv": files["orgs.csv"] + files["orgs.csv"].splitlines(keepends=True)[-1]}

    assert read(tmp_path / "a", files).fingerprints["org"] != read(tmp_path / "b", twice).fingerprints["org"]


def test_the_way_to_read_dates_is_a_part_of_the_fingerprint(tmp_path: Path) -> None:
    files = texts("1.1") | {"enrollments.csv": texts("1.1")["enrollments.csv"].replace("2026-08-01", "8/1/2026")}

    month_first, day_first = read(tmp_path, files, dates="mdy"), read(tmp_path, files, dates="dmy")

    assert month_first.row("enrollment", "e1")["begin_date"] == "2026-08-01"
    assert day_first.row("enrollment", "e1")["begin_date"] == "2026-01-08"
    assert month_first.fingerprints["enrollment"] != day_first.fingerprints["enrollment"]


def test_the_bytes_alone_tell_an_identical_night(tmp_path: Path) -> None:
    def fingerprint(files: Mapping[str, str | bytes], **config: str) -> str:
        path = bundles.write(tmp_path / "x", files)
        return OneRosterCsv(OneRosterCsv.Config(path=str(path), **config)).bytes_fingerprint()

    first = fingerprint(texts("1.1"))

    assert fingerprint(texts("1.1")) == first
    assert fingerprint(texts("1.1"), dates="mdy") != first
    assert fingerprint(texts("1.1") | {"orgs.csv": texts("1.1")["orgs.csv"] + "\r\n"}) != first


def test_rows_are_found_where_they_stand_in_the_file(tmp_path: Path) -> None:
    frame = read(tmp_path, texts("1.1")).frames["person"]

    assert frame.sort("line").select("sourced_id", "line", "source_file").rows() == [
        ("u1", 2, "users.csv"),
        ("u2", 3, "users.csv"),
        ("u3", 4, "users.csv"),
    ]
    assert frame.schema["line"] == pl.Int64
