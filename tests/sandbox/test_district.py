"""What is promised of the invented districts, read back with nothing but the csv module."""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from rollbook.domain.errors import ConfigError, NotFound, SourceBroken
from rollbook.domain.findings import Level
from rollbook.sandbox.district import Delta, Summary, write_district, write_next_day, write_shuffled, write_without
from rollbook.sandbox.maple_grove import write_people

FORMS = ("oneroster-1.1-csv", "oneroster-1.2-csv")
STUDENTS = 1200

type Rows = list[dict[str, str]]


class Roster:
    """The files of a folder as rows; people and their schools in one shape, whatever the version."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, Rows] = {}
        for path in folder.glob("*.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                self.files[path.stem] = list(csv.DictReader(file))
        self.manifest = {row["propertyName"]: row["value"] for row in self.files.pop("manifest")}
        self.ids = {name: {row["sourcedId"]: row for row in rows} for name, rows in self.files.items()}
        self.roles: dict[str, set[tuple[str, str]]] = defaultdict(set)
        if "roles" in self.files:
            for row in self.files["roles"]:
                role = "administrator" if row["role"].endswith("Administrator") else row["role"]
                self.roles[row["userSourcedId"]].add((role, row["orgSourcedId"]))
        else:
            for row in self.files["users"]:
                self.roles[row["sourcedId"]] = {(row["role"], org) for org in row["orgSourcedIds"].split(",")}

    def people(self, role: str) -> set[str]:
        return {person for person, roles in self.roles.items() if role in {name for name, _ in roles}}

    def delta(self, before: "Roster", name: str) -> Delta:
        old, new = before.ids[name], self.ids[name]
        changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
        return Delta(len(new.keys() - old.keys()), changed, len(old.keys() - new.keys()))


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def written(form: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("district")
    return folder, write_district(folder, students=STUDENTS, form=form)


def assert_sound(roster: Roster) -> None:
    """What a clean bundle is: every reference resolves, nothing is double, nobody is left out."""
    files, ids = roster.files, roster.ids
    for name, rows in files.items():
        assert len(ids[name]) == len(rows), f"an id stands twice in {name}"
        assert not any(row["status"] or row["dateLastModified"] for row in rows)
        assert not any("\n" in value or value != value.strip() for row in rows for value in row.values())
    for column in ("username", "email", "identifier"):
        values = Counter(row[column].lower() for row in files["users"] if row[column])
        assert max(values.values()) == 1, f"a {column} stands twice"
    schools = {row["sourcedId"] for row in files["orgs"] if row["type"] == "school"}
    assert {row["parentSourcedId"] for row in files["orgs"]} - {""} <= ids["orgs"].keys()
    for row in files["academicSessions"]:
        assert row["startDate"] < row["endDate"]
        assert not row["parentSourcedId"] or row["parentSourcedId"] in ids["academicSessions"]
    for row in files["courses"]:
        assert row["orgSourcedId"] in schools
        assert ids["academicSessions"][row["schoolYearSourcedId"]]["type"] == "schoolYear"
    for row in files["classes"]:
        assert ids["courses"][row["courseSourcedId"]]["orgSourcedId"] == row["schoolSourcedId"]
        assert set(row["termSourcedIds"].split(",")) <= ids["academicSessions"].keys()
        assert row["subjects"].count(",") == row["subjectCodes"].count(",")
        assert row["classType"] in ("homeroom", "scheduled")
    guardians = roster.people("parent") | roster.people("guardian") | roster.people("relative")
    linked = {agent for row in files["users"] for agent in row["agentSourcedIds"].split(",") if agent}
    assert linked == guardians
    assert set(roster.roles) == ids["users"].keys()
    assert {org for roles in roster.roles.values() for _, org in roles} <= ids["orgs"].keys()
    seats = set()
    for row in files["enrollments"]:
        assert row["beginDate"] < row["endDate"]
        assert ids["classes"][row["classSourcedId"]]["schoolSourcedId"] == row["schoolSourcedId"]
        assert (row["role"], row["schoolSourcedId"]) in roster.roles[row["userSourcedId"]]
        assert (row["role"] == "student") == (row["primary"] == "")
        seats.add((row["userSourcedId"], row["classSourcedId"]))
    assert len(seats) == len(files["enrollments"]), "somebody is in a class twice"
    assert roster.people("student") == {row["userSourcedId"] for row in files["enrollments"] if row["role"] == "student"}
    lead = Counter(row["classSourcedId"] for row in files["enrollments"] if row["primary"] == "true")
    assert lead == dict.fromkeys(ids["classes"], 1), "every class has one main teacher"
    assert ids["classes"].keys() == {row["classSourcedId"] for row in files["enrollments"] if row["role"] == "student"}


def test_a_generated_district_is_sound(written: tuple[Path, Summary]) -> None:
    assert_sound(Roster(written[0]))


@pytest.mark.parametrize("students", [20, 47, 499, 500])
def test_a_village_is_as_sound_as_a_city(students: int, form: str, tmp_path: Path) -> None:
    told = write_district(tmp_path, students=students, seed=9, form=form)
    assert_sound(Roster(tmp_path))
    assert told.people["student"] == students
    write_next_day(tmp_path, tmp_path / "next", rate=0.1)
    assert_sound(Roster(tmp_path / "next"))


def test_the_summary_counts_what_is_in_the_files(written: tuple[Path, Summary]) -> None:
    folder, told = written
    roster = Roster(folder)
    assert told.rows == {name: len(rows) for name, rows in roster.files.items()}
    assert told.people == {role: len(roster.people(role)) for role in told.people}
    assert sum(told.people.values()) == told.rows["users"]


def test_a_district_has_the_proportions_of_a_real_one(written: tuple[Path, Summary]) -> None:
    _, told = written
    per_thousand = {name: count * 1000 / STUDENTS for name, count in (told.rows | told.people).items()}
    guardians = per_thousand["parent"] + per_thousand["guardian"] + per_thousand["relative"]
    assert per_thousand["student"] == 1000
    assert 55 <= per_thousand["teacher"] <= 70
    assert 1400 <= guardians <= 1600
    assert 230 <= per_thousand["classes"] <= 330
    assert 8200 <= per_thousand["enrollments"] <= 8500


def test_the_manifest_names_every_file_of_its_version(written: tuple[Path, Summary], form: str) -> None:
    folder, told = written
    manifest = Roster(folder).manifest
    files = {name.removeprefix("file."): mode for name, mode in manifest.items() if name.startswith("file.")}
    assert manifest["manifest.version"] == "1.0"
    assert f"oneroster-{manifest['oneroster.version']}-csv" == form
    assert len(files) == (13 if form == FORMS[0] else 21)
    assert {name for name, mode in files.items() if mode == "bulk"} == told.rows.keys()
    assert set(files.values()) == {"bulk", "absent"}


def test_the_same_arguments_give_the_same_bytes(written: tuple[Path, Summary], form: str, tmp_path: Path) -> None:
    folder, _ = written
    write_district(tmp_path / "again", students=STUDENTS, form=form)
    write_district(tmp_path / "other", students=STUDENTS, form=form, seed=1)
    for path in folder.glob("*.csv"):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert (tmp_path / "other" / "users.csv").read_bytes() != (folder / "users.csv").read_bytes()


def test_no_release_of_a_library_changes_the_people(tmp_path: Path) -> None:
    write_district(tmp_path, students=20)
    first = Roster(tmp_path).files["users"][0]
    assert (first["sourcedId"], first["username"]) == ("4f41e2f5-06f6-4668-8ab6-d17ef0924b05", "nadia.kang1001")


def test_nobody_real_can_be_written_to_or_called(written: tuple[Path, Summary]) -> None:
    users = Roster(written[0]).files["users"]
    assert all(re.fullmatch(r"[a-z0-9.]+@[a-z0-9.]+\.example", row["email"]) for row in users)
    assert all(re.fullmatch(r"(\d{3}-555-01\d\d)?", row[column]) for row in users for column in ("sms", "phone"))
    assert all(re.fullmatch(r"[a-z]+[a-z.]*[0-9]+", row["username"]) for row in users if row["username"].count(".") != 2)


def test_names_keep_their_accents_apostrophes_and_hyphens(written: tuple[Path, Summary]) -> None:
    names = {row["familyName"] for row in Roster(written[0]).files["users"]}
    assert {"O'Brien", "Núñez", "García-López"} <= names


def test_siblings_share_guardians_and_a_few_teachers_two_schools(written: tuple[Path, Summary]) -> None:
    roster = Roster(written[0])
    families = defaultdict(list)
    for row in roster.files["users"]:
        if row["agentSourcedIds"]:
            families[row["agentSourcedIds"]].append(row["familyName"])
    assert any(len(children) > 1 for children in families.values())
    assert all(len(set(children)) == 1 for children in families.values())
    assert any(len(roster.roles[teacher]) == 2 for teacher in roster.people("teacher"))
    assert any(row["primary"] == "false" for row in roster.files["enrollments"])


def test_both_versions_tell_of_the_same_people_in_the_same_roles(tmp_path: Path) -> None:
    for form in FORMS:
        write_district(tmp_path / form, students=200, form=form)
        write_next_day(tmp_path / form, tmp_path / form / "next", rate=0.1)
    for night in ("", "next"):
        one, two = (Roster(tmp_path / form / night) for form in FORMS)
        assert one.roles == two.roles
        shared = one.files["users"][0].keys() & two.files["users"][0].keys()
        assert [{key: row[key] for key in shared} for row in one.files["users"]] == [
            {key: row[key] for key in shared} for row in two.files["users"]
        ]
        for name in ("orgs", "academicSessions", "courses", "classes", "enrollments"):
            assert one.files[name] == two.files[name]
        for row in two.files["users"]:
            assert row["primaryOrgSourcedId"] in {org for _, org in two.roles[row["sourcedId"]]}


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2])
def test_the_next_day_changes_what_its_rate_says(rate: float, written: tuple[Path, Summary], tmp_path: Path) -> None:
    folder, _ = written
    told = write_next_day(folder, tmp_path, rate=rate)
    before, after = Roster(folder), Roster(tmp_path)
    assert_sound(after)
    assert told.changes == {name: after.delta(before, name) for name in after.files}

    left = before.people("student") - after.people("student")
    came = after.people("student") - before.people("student")
    stayed = before.people("student") & after.people("student")
    changed = {person for person in stayed if before.ids["users"][person] != after.ids["users"][person]}
    assert told.students == Delta(len(came), len(changed), len(left))
    assert len(changed) == pytest.approx(STUDENTS * rate / 2, abs=0.5)
    assert len(left) == pytest.approx(STUDENTS * rate / 4, abs=0.5)
    assert len(came) == pytest.approx(STUDENTS * rate / 4, abs=0.5)

    old, new = before.ids["enrollments"], after.ids["enrollments"]
    seats = sum(row["role"] == "student" for row in old.values())
    dropped = [key for key in old.keys() - new.keys() if old[key]["userSourcedId"] in stayed]
    added = [key for key in new.keys() - old.keys() if new[key]["userSourcedId"] in stayed]
    assert len(dropped) == pytest.approx(seats * rate * 0.4, abs=1)
    assert len(added) == pytest.approx(seats * rate * 0.4, abs=1)
    assert told.changes["enrollments"].changed == pytest.approx(seats * rate * 0.2, abs=1)
    assert told.changes["classes"] == Delta(0, int(len(before.files["classes"]) * rate + 0.5), 0)


def test_the_next_day_keeps_the_order_and_puts_new_rows_at_the_end(written: tuple[Path, Summary], tmp_path: Path) -> None:
    folder, _ = written
    write_next_day(folder, tmp_path, rate=0.05)
    before, after = Roster(folder), Roster(tmp_path)
    for name in ("users", "enrollments"):
        kept = [key for key in before.ids[name] if key in after.ids[name]]
        assert list(after.ids[name])[: len(kept)] == kept


def test_the_same_day_comes_out_twice_the_same(written: tuple[Path, Summary], tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_next_day(written[0], tmp_path / name, rate=0.05)
    for path in (tmp_path / "one").glob("*.csv"):
        assert (tmp_path / "two" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("students", "rate"), [(300, 0.1), (20, 1.0), (80, 1.0)])
def test_a_week_of_days_stays_sound_and_gives_no_number_twice(students: int, rate: float, form: str, tmp_path: Path) -> None:
    write_district(tmp_path / "0", students=students, form=form)
    known: dict[str, str] = {}
    for day in range(1, 6):
        told = write_next_day(tmp_path / str(day - 1), tmp_path / str(day), rate=rate)
        before, after = Roster(tmp_path / str(day - 1)), Roster(tmp_path / str(day))
        assert_sound(after)
        assert told.students.new == int(students * rate / 4 + 0.5)
        assert told.changes["users"] == after.delta(before, "users")
        for row in before.files["users"] + after.files["users"]:
            if row["identifier"]:
                assert known.setdefault(row["identifier"], row["sourcedId"]) == row["sourcedId"]


def test_a_lost_share_of_a_school_takes_its_enrollments_and_guardians_along(
    written: tuple[Path, Summary], tmp_path: Path
) -> None:
    folder, _ = written
    told = write_without(folder, tmp_path, share=0.5)
    before, after = Roster(folder), Roster(tmp_path)
    lost = before.people("student") - after.people("student")
    at = {org for person in lost for _, org in before.roles[person]}
    (school,) = at
    there = {person for person in before.people("student") if ("student", school) in before.roles[person]}
    assert before.ids["orgs"][school]["name"].endswith("Elementary")
    assert len(lost) == pytest.approx(len(there) / 2, abs=0.5)
    assert told.students == Delta(0, 0, len(lost))
    gone = before.ids["enrollments"].keys() - after.ids["enrollments"].keys()
    assert gone == {row["sourcedId"] for row in before.files["enrollments"] if row["userSourcedId"] in lost}
    assert_sound(after)

    high = next(row["name"] for row in before.files["orgs"] if row["name"].endswith("High School"))
    assert write_without(folder, tmp_path, school=high, share=0.1).students.gone > 0
    with pytest.raises(NotFound, match="no school 'Nowhere'"):
        write_without(folder, tmp_path, school="Nowhere")


def test_shuffled_files_hold_the_same_lines_in_another_order(written: tuple[Path, Summary], tmp_path: Path) -> None:
    folder, first = written
    told = write_shuffled(folder, tmp_path)
    assert told.rows == first.rows
    assert set(told.changes.values()) == {Delta()}
    for path in folder.glob("*.csv"):
        old, new = (each.read_bytes().splitlines(keepends=True) for each in (path, tmp_path / path.name))
        assert new[0] == old[0]
        assert sorted(new) == sorted(old)
        assert (new == old) == (path.stem == "manifest")


def test_planted_faults_are_where_the_summary_says(form: str, tmp_path: Path) -> None:
    sound = write_district(tmp_path / "sound", students=120, form=form)
    told = write_district(tmp_path / "faulty", students=120, form=form, faults=True)
    assert sound.faults == ()
    assert {fault.level for fault in told.faults} == set(Level)
    assert len({fault.kind for fault in told.faults}) == len(told.faults) >= 20
    for fault in told.faults:
        text = (tmp_path / "faulty" / f"{fault.file}.csv").read_text("utf-8")
        assert all(key in text for key in fault.sourced_ids)
        assert fault.sourced_ids or text != (tmp_path / "sound" / f"{fault.file}.csv").read_text("utf-8")
    rows = {fault.kind: fault.sourced_ids for fault in told.faults}
    users = list(csv.DictReader((tmp_path / "faulty" / "users.csv").read_text("utf-8").splitlines()))
    assert {row["sourcedId"] for row in users if not row["familyName"]} == set(rows["required_value"])
    assert {key for key, count in Counter(row["sourcedId"] for row in users).items() if count > 1} == {
        *rows["identical_rows"],
        *rows["id_twice"],
    }
    enrolled = (tmp_path / "faulty" / "enrollments.csv").read_text("utf-8")
    assert not any(person in enrolled for person in rows["student_without_class"])


def test_what_cannot_be_written_is_said_before_anything_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too few"):
        write_district(tmp_path / "new", students=5)
    with pytest.raises(ConfigError, match="is not one of"):
        write_district(tmp_path / "new", students=50, form="oneroster-1.0-csv")
    with pytest.raises(ConfigError, match="rate"):
        write_next_day(tmp_path, tmp_path / "new", rate=2)
    with pytest.raises(SourceBroken, match="manifest"):
        write_next_day(tmp_path, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_new_bundle_leaves_no_file_of_the_old_version_behind(tmp_path: Path) -> None:
    write_district(tmp_path, students=20, form="oneroster-1.2-csv")
    write_district(tmp_path, students=20, form="oneroster-1.1-csv")
    assert not (tmp_path / "roles.csv").exists()


def test_a_story_leaves_students_out_and_nothing_else_moves(form: str, tmp_path: Path) -> None:
    write_people(tmp_path / "all", students=30, teachers=4, at_lincoln=20, guardians=True, form=form)
    write_people(tmp_path / "some", students=30, teachers=4, at_lincoln=20, guardians=True, leave_out=range(1, 6), form=form)
    before, after = Roster(tmp_path / "all"), Roster(tmp_path / "some")
    assert_sound(before)
    assert_sound(after)
    assert sum(roles == {("student", "lincoln-es")} for roles in before.roles.values()) == 20
    assert before.people("student") - after.people("student") == {f"s-000{number}" for number in range(1, 6)}
    assert {name: after.delta(before, name) for name in ("users", "enrollments", "classes")} == {
        "users": Delta(0, 0, 10),
        "enrollments": Delta(0, 0, 10),
        "classes": Delta(),
    }


def test_a_story_edits_one_student(tmp_path: Path) -> None:
    write_people(tmp_path / "before", students=10, teachers=2)
    write_people(tmp_path / "after", students=10, teachers=2, edits={3: {"email": "new@students.maplegrove.example"}})
    after = Roster(tmp_path / "after")
    assert after.delta(Roster(tmp_path / "before"), "users") == Delta(0, 1, 0)
    assert after.ids["users"]["s-0003"]["email"] == "new@students.maplegrove.example"
