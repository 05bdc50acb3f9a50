"""What Rollbook writes for others comes back as the very same roster."""

import csv
from pathlib import Path
from typing import Any

import pytest

from rollbook.connectors.oneroster.bundle_writer import header
from rollbook.domain.entities import ENTITIES
from rollbook.sandbox.bundle import HEADERS
from rollbook.sandbox.district import write_district
from tests.cli.conftest import Desk
from tests.connectors.oneroster import bundles

FORMS = ["oneroster-1.1-csv", "oneroster-1.2-csv"]


def rows(desk: Desk) -> dict[str, Any]:
    return {entity.name: desk.sees("roster", entity.name) for entity in ENTITIES}


def exports_and_imports(desk: Desk, form: str, source: Path, tmp_path: Path) -> dict[str, Any]:
    """Export, put the export where the source was read from, import again; return that import."""
    said = desk.sees("export", form, tmp_path / "out")
    assert said["rows"]
    for file in source.iterdir():
        file.unlink()
    for file in (tmp_path / "out").iterdir():
        (source / file.name).write_bytes(file.read_bytes())
    run: dict[str, Any] = desk.sees("run", "lincoln")
    return run


def changes(run: dict[str, Any]) -> int:
    return sum(n[kind] for n in run["entities"].values() for kind in ("appear", "alter", "vanish", "return", "unfit"))


@pytest.mark.parametrize("came", FORMS)
def test_importing_an_export_changes_nothing(desk: Desk, tmp_path: Path, came: str) -> None:
    source = tmp_path / "source"
    write_district(source, students=60, form=came)
    desk.adds("lincoln", source)
    desk.sees("run", "lincoln")
    before = rows(desk)

    for form in FORMS:
        run = exports_and_imports(desk, form, source, tmp_path)

        assert changes(run) == 0, form
        assert run["findings"]["error"] == 0, form
        assert rows(desk) == before, form  # to the letter: not even a date of change


def odd(version: str) -> dict[str, str | bytes]:
    """Return a package with everything that may get lost on the way: quotes, commas, other alphabets, lists, formulas,
    columns of its own, two schools, a parent listed at the adult's row, semicolons inside lists and ids."""
    lead = ["", ""]
    texts = bundles.texts(version)
    orgs = [
        ["d1", *lead, "Maple “Grove”, Unified", "district", "", "", "  north, east "],
        ["s1", *lead, '=SUM(1,2) "Alder"', "school", "101", "d1", ""],
        ["s;2", *lead, "Zürich 学校 مدرسة", "school", "-102", "d1", "a|b"],
    ]
    texts["orgs.csv"] = bundles.text([[*bundles.header("orgs", version), "metadata.Region"], *orgs])
    courses = [["c1", *lead, "y27", "Algebra", "@MA1", "09,10", "d1", "Maths; pure,Logic", "1;2,3"]]
    texts["courses.csv"] = bundles.text([bundles.header("courses", version), *courses])
    people = [
        ("u1", "s1,s;2", "teacher", "tina", "Tina", 'O"Neil, Jr.', "", "", '{LDAP:a;b},{"x":y}'),
        ("u2", "s1", "student", "sam", "𝒮am", "Sample", "u3;x,u4", "KG,01", "{SIS:2}"),
        ("u3;x", "s1", "parent", "pat", "Pat", "+Sample", "", "", ""),
        ("u4", "s1", "guardian", "gus", "Gus", "Sample", "u2,u5", "", "{a:b}"),
        ("u5", "s;2", "student", "sue", "Sue", "Sample", "u3;x,", "05", ""),
        ("u6", "d1", "administrator" if version == "1.1" else "districtAdministrator", "ada", "Ada", "Alto", "", "", ""),
    ]
    metadata = {"u2": ["locker 7", 'día, “x” \\ "y"'], "u5": ["", "{}"]}
    users = []
    for one, places, role, name, given, family, agents, grades, ids in people:
        listed = places + "," * (places == "s;2")  # one id, not two
        place = ["true" if one != "u5" else "false", *([listed, role] if version == "1.1" else [])]
        about = [name, ids, given, family, "", "0" + one[1], f"{name}@example.org", "", "", agents, grades, ""]
        more = (
            [] if version == "1.1" else ["M-" + one[1], "Sammy" if one == "u2" else "", "", "", places.split(",")[0], "they/them"]
        )
        users.append([one, *lead, *place, *about, *more, *metadata.get(one, ["", ""])])
    heading = [*bundles.header("users", version), "metadata.locker", "metadata.b, c"]
    texts["users.csv"] = bundles.text([heading, *users])
    if version == "1.2":
        roles = [
            [f"r{n}-{m}", *lead, one, "primary", role, "", "", place, ""]
            for n, (one, places, role, *_) in enumerate(people)
            for m, place in enumerate(places.split(","))
        ]
        texts["roles.csv"] = bundles.text([bundles.header("roles", version), *roles])
    return dict(texts)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_nothing_odd_gets_lost_on_the_way_out_and_back(desk: Desk, tmp_path: Path, version: str) -> None:
    source = bundles.write(tmp_path / "source", odd(version))
    desk.adds("lincoln", source)
    first = desk.sees("run", "lincoln")
    before = rows(desk)
    assert first["entities"]["guardianship"]["appear"] == 4
    assert sum(row["metadata"] is not None for row in before["person"]) == 2

    for form in FORMS:
        run = exports_and_imports(desk, form, source, tmp_path)

        assert changes(run) == 0, form
        assert rows(desk) == before, form


def from_powerschool() -> dict[str, str | bytes]:
    """Return a roster as PowerSchool gives them: no username is needed, and OneRoster has no word for office staff."""
    texts = bundles.texts("1.2")
    texts["users.csv"] = texts["users.csv"].replace(",sam,", ",,")
    more = [
        ["r8", "", "", "u9", "primary", "ext:staff", "", "", "s1", ""],
        ["r9", "", "", "u1", "primary", "ext:staff", "", "", "d1", ""],
    ]
    texts["roles.csv"] += bundles.text(more)
    one = ["u9", "", "", "true", "olga", "", "Olga", "Office", *[""] * 14]
    texts["users.csv"] += bundles.text([one])
    return dict(texts)


def test_a_roster_of_a_powerschool_comes_back_as_it_was(desk: Desk, tmp_path: Path) -> None:
    source = bundles.write(tmp_path / "source", from_powerschool())
    desk.adds("lincoln", source)
    desk.sees("run", "lincoln")
    before = rows(desk)
    assert {row["username"] for row in before["person"]} > {None, "olga"}
    run = exports_and_imports(desk, "oneroster-1.2-csv", source, tmp_path)
    assert (changes(run), run["findings"]["error"]) == (0, 0)
    assert rows(desk) == before


@pytest.mark.once
def test_1_1_gets_its_nearest_word_and_says_so(desk: Desk, tmp_path: Path) -> None:
    desk.adds("lincoln", bundles.write(tmp_path / "source", from_powerschool()))
    desk.sees("run", "lincoln")
    said = desk.sees("export", "oneroster-1.1-csv", tmp_path / "out")
    with (tmp_path / "out" / "users.csv").open() as file:
        roles = {row["sourcedId"]: (row["role"], row["orgSourcedIds"]) for row in csv.DictReader(file)}
    assert roles["u9"] == ("aide", "s1")
    assert roles["u1"] == ("teacher", "d1,s1"), "who is a teacher somewhere is one in 1.1, and nothing less"
    assert said["notes"] == [
        "1 person who is 'ext:staff' will be read as 'aide', the nearest word of OneRoster 1.1. 1.2 keeps them as they are.",
        "1 person who is 'ext:staff' will be read as 'teacher', the nearest word of OneRoster 1.1. 1.2 keeps them as they are.",
        "1 person has no username. OneRoster wants one in each row, so others may leave these people out; Rollbook does not.",
    ]
    assert said["notes"][0] in desk.types("export", "oneroster-1.1-csv", tmp_path / "out").out.replace("\n", " ")


def with_second_roles() -> dict[str, str | bytes]:
    texts = bundles.texts("1.2")
    more = [["r8", "", "", "u1", "secondary", "parent", "2026-08-01", "", "s1", ""]]
    texts["roles.csv"] += bundles.text(more)
    return dict(texts)


def test_a_teacher_who_is_also_a_parent_stays_both(desk: Desk, tmp_path: Path) -> None:
    source = bundles.write(tmp_path / "source", with_second_roles())
    desk.adds("lincoln", source)
    desk.sees("run", "lincoln")
    before = rows(desk)
    assert changes(exports_and_imports(desk, "oneroster-1.2-csv", source, tmp_path)) == 0
    assert rows(desk) == before


@pytest.mark.once
def test_what_1_1_cannot_say_is_refused_and_not_left_out(desk: Desk, tmp_path: Path) -> None:
    desk.adds("lincoln", bundles.write(tmp_path / "source", with_second_roles()))
    desk.sees("run", "lincoln")
    said = desk.types("export", "oneroster-1.1-csv", tmp_path / "out")
    assert said.code == 2
    assert "1 person has several roles, such as 'u1'" in said.err
    assert "oneroster-1.2-csv" in said.err
    assert list(tmp_path.glob("out*")) == []


def test_who_has_left_is_not_in_the_export(desk: Desk, tmp_path: Path) -> None:
    source = bundles.write(tmp_path / "source", dict(bundles.texts("1.1")))
    desk.adds("lincoln", source)
    desk.sees("run", "lincoln")
    users = (source / "users.csv").read_text().splitlines(keepends=True)
    (source / "users.csv").write_text("".join(line for line in users if not line.startswith("u3,")).replace(",u3,", ",,"))
    held = desk.sees("run", "lincoln", code=3)
    assert desk.sees("approve", held["run"])["entities"]["person"]["vanish"] == 1
    desk.sees("export", "oneroster-1.2-csv", tmp_path / "out")
    with (tmp_path / "out" / "users.csv").open() as file:
        assert [row["sourcedId"] for row in csv.DictReader(file)] == ["u1", "u2"]


@pytest.mark.once
def test_strict_readers_get_the_form_that_the_standard_asks_for(desk: Desk, tmp_path: Path) -> None:
    desk.adds("lincoln", bundles.write(tmp_path / "source", dict(bundles.texts("1.2"))))
    desk.sees("run", "lincoln")
    for form, lines in (("oneroster-1.2-csv", 21), ("oneroster-1.1-csv", 13)):
        desk.sees("export", form, tmp_path / "out")  # over the earlier one: roles.csv of 1.2 does not stay behind
        texts = {path.stem: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        assert set(texts) == {*HEADERS[form], "manifest"}
        for name, text in texts.items():
            assert text.endswith(b"\r\n")
            assert text.count(b"\n") == text.count(b"\r\n")
            assert not text.startswith(b"\xef\xbb\xbf")
            table = list(csv.DictReader(text.decode().splitlines()))
            if name != "manifest":
                assert {row["status"] for row in table} | {row["dateLastModified"] for row in table} == {""}
        assert sum(line.startswith(b"file.") for line in texts["manifest"].splitlines()) == lines


@pytest.mark.parametrize("form", FORMS)
def test_headings_are_all_there_in_the_order_of_the_standard(form: str) -> None:
    version = form.split("-")[1]
    assert {name: header(name, version) for name in HEADERS[form]} == HEADERS[form]


@pytest.mark.once
def test_an_export_never_replaces_what_is_not_one(desk: Desk, tmp_path: Path) -> None:
    desk.adds("lincoln", bundles.write(tmp_path / "source", dict(bundles.texts("1.2"))))
    desk.sees("run", "lincoln")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    assert desk.types("export", "oneroster-1.2-csv", tmp_path / "home").code == 2
    assert desk.types("export", "oneroster-1.2-csv", tmp_path / "home" / "thesis.txt").code == 2
    said = desk.types("export", "oneroster-1.2-csv", tmp_path / "home" / "thesis.txt" / "x")
    assert (said.code, "cannot be written to" in said.err) == (2, True), said
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"


def test_with_two_sources_an_export_asks_which(desk: Desk, tmp_path: Path) -> None:
    for name in ("lincoln", "hawthorn"):
        desk.adds(name, bundles.write(tmp_path / name, dict(bundles.texts("1.1"))))
        desk.sees("run", name)
    said = desk.types("export", "oneroster-1.1-csv", tmp_path / "out")
    assert (said.code, "hawthorn, lincoln" in said.err) == (2, True)
    assert desk.sees("export", "oneroster-1.1-csv", tmp_path / "out", "--source", "hawthorn")["source"] == "hawthorn"
    assert [row["source"] for row in desk.sees("roster", "org")] == ["hawthorn", "hawthorn", "lincoln", "lincoln"]
