"""Forms that are forgiven: each is read, counted, and said in a note."""

import codecs
from pathlib import Path

import pytest

from tests.connectors.oneroster import bundles
from tests.connectors.oneroster.bundles import texts, write_zip
from tests.connectors.oneroster.reading import Read, read

VERSIONS = pytest.mark.parametrize("version", ["1.1", "1.2"])


def changed(version: str, name: str, old: str, new: str) -> dict[str, str]:
    """Return a sound package with one thing changed."""
    files = texts(version)
    assert old in files[name]
    return files | {name: files[name].replace(old, new)}


def note(given: Read, rule: str) -> tuple[str, int | None, int]:
    """Return the message, line and count of the one note of a rule; nothing else may have been said."""
    fault = given.one(rule)
    assert fault["level"] == "note"
    assert given.questions == []
    assert given.partial == set()
    return fault["message"], fault["line"], fault["count"]


@VERSIONS
def test_a_line_break_in_a_cell(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "courses.csv", "Algebra", '"Algebra\nand more"'))

    assert given.row("course", "c1")["title"] == "Algebra and more"
    assert note(given, "line_breaks") == (
        "1 line break within a cell of courses.csv was replaced by a space, first in line 2.",
        2,
        1,
    )


@VERSIONS
def test_a_byte_order_mark(tmp_path: Path, version: str) -> None:
    files = texts(version)
    given = read(tmp_path, files | {"users.csv": codecs.BOM_UTF8 + files["users.csv"].encode()})

    assert given.frames["person"].height == 3
    assert "byte-order mark" in note(given, "byte_order_mark")[0]


@VERSIONS
@pytest.mark.parametrize("mark", ["\u200b", "\ufeff"])
@pytest.mark.parametrize("copied", [False, True], ids=["plain", "copied"])
@pytest.mark.parametrize(("before", "behind"), [("", "u2"), ("u", "2")])
def test_letters_of_an_id_that_nobody_sees_make_nobody_new(
    tmp_path: Path, version: str, mark: str, copied: bool, before: str, behind: str
) -> None:
    files = changed(version, "users.csv", "\r\nu2,", f"\r\n{before}{mark}{behind},")
    files["users.csv"] = files["users.csv"].replace("Tester", '"Tes\nter"') if copied else files["users.csv"]
    files["enrollments.csv"] = files["enrollments.csv"].replace(",u2,", f",u{mark}2,")

    given = read(tmp_path, files)

    assert set(given.rows("person")) == {"u1", "u2", "u3"}
    assert given.row("enrollment", "e2")["person"] == "u2"
    assert set(given.rows("guardianship")) == {"u2|u3|parent"}
    assert given.partial == set()
    told = [(each["file"], each["line"], each["field"]) for each in given.told("note") if each["rule"] == "unseen_letters"]
    assert told == [("users.csv", 3 + copied, "sourcedId"), ("enrollments.csv", 3, "userSourcedId")]


@VERSIONS
def test_an_id_of_nothing_that_is_seen_is_none(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "users.csv", "\r\nu2,", "\r\n\u200b,"))

    assert given.one("no_key")["line"] == 3
    assert "person" in given.partial


@VERSIONS
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_line_end_and_no_last_one(tmp_path: Path, version: str, end: str) -> None:
    given = read(tmp_path, {name: content.replace("\r\n", end).rstrip() for name, content in texts(version).items()})

    assert given.messages == []
    assert given.frames["person"].height == 3


@VERSIONS
def test_blank_lines_at_the_end(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, texts(version) | {"users.csv": texts(version)["users.csv"] + "\r\n\r\n"})

    assert given.frames["person"].height == 3
    assert note(given, "blank_lines") == ("users.csv has 2 blank lines, first line 5. Ignored.", 5, 2)


@VERSIONS
def test_rows_of_nothing_but_commas(tmp_path: Path, version: str) -> None:
    commas = "," * texts(version)["users.csv"].splitlines()[0].count(",")
    given = read(tmp_path, texts(version) | {"users.csv": texts(version)["users.csv"] + commas + "\r\n"})

    assert given.frames["person"].height == given.frames["role"].height == 3
    assert note(given, "blank_rows") == ("users.csv: 1 row holds nothing but commas. Left out.", 5, 1)


@VERSIONS
def test_utf16_and_windows_1252(tmp_path: Path, version: str) -> None:
    files = changed(version, "users.csv", "Sample", "Muñoz")

    wide = read(tmp_path / "16", files | {"users.csv": str(files["users.csv"]).encode("utf-16")})
    narrow = read(tmp_path / "1252", files | {"users.csv": str(files["users.csv"]).encode("cp1252")})

    assert wide.row("person", "u2")["family_name"] == narrow.row("person", "u2")["family_name"] == "Muñoz"
    assert "UTF-16" in note(wide, "utf16")[0]
    assert note(narrow, "windows_1252")[0].endswith("please check these: Muñoz.")


@VERSIONS
def test_headings_in_other_case_with_blanks_in_another_order_and_without_some(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, texts(version) | {"orgs.csv": "NAME, sourcedid ,Type\r\nAlder School,s1,school\r\n"})

    assert given.row("org", "s1")["name"] == "Alder School"
    assert "another order" in note(given, "column_order")[0]
    assert note(given, "heading_form")[0] == "orgs.csv: matched without regard to capital letters: NAME, sourcedid, Type."
    assert note(given, "trimmed_headings")[0].startswith("orgs.csv: blanks around 1 of its headings")


@VERSIONS
def test_lines_that_end_as_old_programs_end_them(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, texts(version) | {"users.csv": texts(version)["users.csv"].replace("\r\n", "\r")})

    assert given.frames["person"].height == 3
    assert note(given, "carriage_returns")[0].startswith("The lines of users.csv end with a carriage return alone")


def test_known_misspellings(tmp_path: Path) -> None:
    files = texts("1.2")
    head, rest = files["users.csv"].split("\r\n", 1)
    for right, wrong in {
        "dateLastModified": "dataLastModified",
        "preferredGivenName": "prefferedGivenName",
        "grades": "grade",
        "agentSourcedIds": "agents",
    }.items():
        head = head.replace(right, wrong)

    given = read(tmp_path, files | {"users.csv": head + "\r\n" + rest})

    assert given.row("person", "u2")["grades"] == "09"
    assert "u2|u3|parent" in given.rows("guardianship")
    assert "preferred_given_name" in given.frames["person"].columns
    assert given.messages == [
        "users.csv: column 'dataLastModified' read as 'dateLastModified'.",
        "users.csv: column 'agents' read as 'agentSourcedIds'.",
        "users.csv: column 'grade' read as 'grades'.",
        "users.csv: column 'prefferedGivenName' read as 'preferredGivenName'.",
    ]


def test_a_misspelling_beside_the_right_name_is_set_aside(tmp_path: Path) -> None:
    given = read(tmp_path, texts("1.1") | {"courses.csv": "sourcedId,title,orgSourcedId,grades,grade\r\nc1,Algebra,d1,09,10\r\n"})

    assert given.row("course", "c1")["grades"] == "09"
    assert note(given, "columns_aside")[0] == "courses.csv: 1 column is not part of OneRoster and was set aside: grade."


@VERSIONS
def test_columns_outside_the_standard(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, texts(version) | {"orgs.csv": "sourcedId,name,type,ext_a,shoe size\r\ns1,Alder,school,1,2\r\n"})

    assert given.frames["org"].columns == ["sourced_id", "name", "type", "source_file", "line"]
    assert (
        note(given, "columns_aside")[0] == "orgs.csv: 2 columns are not part of OneRoster and were set aside: ext_a, shoe size."
    )


@VERSIONS
@pytest.mark.parametrize(
    ("written", "meant"), [("TRUE", "true"), ("False", "false"), ("1", "true"), ("0", "false"), ("Yes", "true"), ("no", "false")]
)
def test_booleans(tmp_path: Path, version: str, written: str, meant: str) -> None:
    given = read(tmp_path, changed(version, "users.csv", ",true,", f",{written},"))

    assert set(given.frames["person"]["enabled"]) == {meant}
    assert note(given, "boolean_form") == (
        f"users.csv: enabledUser in 3 rows is written '{written}'; read as true or false.",
        2,
        3,
    )


@VERSIONS
def test_words_in_other_case(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "classes.csv", "scheduled", "Scheduled"))

    assert given.row("section", "k1")["section_type"] == "scheduled"
    assert "classType in 1 row is written 'Scheduled'" in note(given, "word_form")[0]


@VERSIONS
@pytest.mark.parametrize("written", ["t1;y27", "t1 | y27"])
def test_lists_with_other_separators(tmp_path: Path, version: str, written: str) -> None:
    given = read(tmp_path, changed(version, "classes.csv", ",t1,", f",{written},"))

    assert given.row("section", "k1")["terms"] == "t1,y27"
    assert note(given, "list_separator")[0] == (
        f"classes.csv: termSourcedIds in 1 row is separated by semicolons or bars, such as '{written}'. Read as a list."
    )


@VERSIONS
def test_a_list_with_commas_and_others_is_split_at_the_commas(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "classes.csv", '"1,2"', '"1;2,3"'))

    assert given.row("section", "k1")["periods"] == "1;2,3"
    assert note(given, "list_mixed")[0] == (
        "classes.csv: periods in 1 row has semicolons or bars beside its commas, such as '1;2,3'. Split at the commas alone."
    )


@VERSIONS
def test_blanks_and_empty_items_in_lists(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "classes.csv", '"1,2"', '"1, 2,,"'))

    assert given.row("section", "k1")["periods"] == "1,2"
    assert note(given, "list_form")[1:] == (2, 1)


@VERSIONS
@pytest.mark.parametrize(
    ("written", "meant"),
    [("u2", "{unknown:u2}"), ("{SIS:1},77", "{SIS:1},{unknown:77}"), ("{SIS:1", "{unknown:SIS:1}")],
)
def test_bare_user_ids(tmp_path: Path, version: str, written: str, meant: str) -> None:
    given = read(tmp_path, changed(version, "users.csv", "{SIS:u2}", f'"{written}"'))

    assert given.row("person", "u2")["user_ids"] == meant
    assert given.row("person", "u1")["user_ids"] == "{SIS:u1}"
    assert note(given, "user_ids")[1:] == (3, 1)


@VERSIONS
@pytest.mark.parametrize(
    ("written", "meant"),
    [("{SIS:1};{LDAP:2}", "{SIS:1},{LDAP:2}"), ("{LDAP:cn=a,ou=b}, {SIS:}", "{LDAP:cn=a,ou=b},{SIS:}")],
)
def test_user_ids_in_braces(tmp_path: Path, version: str, written: str, meant: str) -> None:
    given = read(tmp_path, changed(version, "users.csv", "{SIS:u2}", f'"{written}"'))

    assert given.row("person", "u2")["user_ids"] == meant
    assert given.messages == []


@VERSIONS
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("9", "09"),
        ("Kindergarten", "KG"),
        ("K", "KG"),
        ("1st", "01"),
        ("kg", "KG"),
        ("12th grade", "12"),
        ("Pre-K", "PK"),
        ("3,4", "03,04"),
    ],
)
def test_grades_are_brought_to_the_common_codes(tmp_path: Path, version: str, written: str, meant: str) -> None:
    given = read(tmp_path, changed(version, "courses.csv", '"09,10"', f'"{written}"'))

    assert given.row("course", "c1")["grades"] == meant
    assert note(given, "grades_mapped")[0] == (
        f"courses.csv: grades in 1 row were brought to the common codes: '{written}' as '{meant}'."
    )


@VERSIONS
def test_other_grades_are_kept(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "courses.csv", '"09,10"', '"Year 3,09"'))

    assert given.row("course", "c1")["grades"] == "Year 3,09"
    assert "Year 3" in note(given, "grades_unknown")[0]


@VERSIONS
@pytest.mark.parametrize("written", ["2026-08-01T00:00:00.000Z", "2026-08-01 08:01:05", "2026-08-01T23:00:00+02:00"])
def test_a_time_behind_a_date_is_cut(tmp_path: Path, version: str, written: str) -> None:
    given = read(tmp_path, changed(version, "enrollments.csv", "2026-08-01", written))

    assert set(given.frames["enrollment"]["begin_date"]) == {"2026-08-01"}
    assert note(given, "date_with_time")[1:] == (2, 2)


@VERSIONS
def test_a_complete_file_with_status_and_date(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "users.csv", ",,,true", ",active,2026-09-01,true"))

    assert given.frames["person"].height == 3
    assert note(given, "bulk_status") == (
        "users.csv: status is filled in 3 rows of a complete file; OneRoster wants it and the date of change empty. Ignored.",
        2,
        3,
    )


def test_the_date_of_an_export_does_not_make_every_row_new(tmp_path: Path) -> None:
    one = read(tmp_path, changed("1.1", "users.csv", ",,,true", ",active,2026-09-01,true"))
    two = read(tmp_path, changed("1.1", "users.csv", ",,,true", ",active,2026-09-02,true"))

    assert one.fingerprints == two.fingerprints


@VERSIONS
@pytest.mark.parametrize(
    ("old", "new", "rule", "words"),
    [
        ("manifest.version,1.0", "manifest.version,1", "manifest_version", "a spreadsheet program may have shortened 1.0"),
        ("file.users,bulk\r\n", "", "manifest_line", "says nothing of file.users. Taken as 'bulk'"),
        ("file.users,bulk", "file.users,", "manifest_line", "says nothing of file.users. Taken as 'bulk'"),
        ("file.users,bulk", "fiel.users,bulk", "manifest_spelling", "has 'fiel.users'. Taken as 'file.users'"),
        ("file.users,bulk", "File.Users,bulk", "manifest_spelling", "has 'File.Users'. Taken as 'file.users'"),
        ("file.users,bulk", "file.users,Bulk", "manifest_spelling", "file.users is written 'Bulk'. Taken as 'bulk'"),
        ("file.demographics,absent", "fiel.demographics,absent", "manifest_spelling", "Taken as 'file.demographics'"),
        (
            "file.demographics,absent",
            "file.demographics,bulk",
            "closed_file",
            "announces demographics.csv, which is not in the package",
        ),
        ("file.demographics,absent", "file.demographics,", "manifest_line", "demographics.csv is not read in any case"),
        ("file.demographics,absent", "file.demographics,delta", "closed_file", "It is not read in any case"),
        ("file.demographics,absent", "file.shoes,absent", "manifest_unknown", "'file.shoes' is not a property of OneRoster"),
        ("propertyName,value\r\n", "", "manifest_header", "has no header"),
    ],
)
def test_small_slips_of_the_manifest(tmp_path: Path, version: str, old: str, new: str, rule: str, words: str) -> None:
    given = read(tmp_path, changed(version, "manifest.csv", old, new))

    assert given.frames["person"].height == 3
    assert words in note(given, rule)[0]
    assert len(given.messages) == 1, "a note about the package is said once"


def test_roles_with_an_asterisk(tmp_path: Path) -> None:
    assert read(tmp_path, changed("1.2", "manifest.csv", "file.roles,", "file.roles*,")).frames["role"].height == 3


@VERSIONS
def test_files_in_one_folder_and_names_in_other_case(tmp_path: Path, version: str) -> None:
    files = {f"roster/{name.capitalize()}": content for name, content in texts(version).items()}

    for given in (read(tmp_path / "folder", files), Read(write_zip(tmp_path / "x.zip", files))):
        assert given.frames["person"].height == 3
        assert "The files lie in the folder 'roster/'" in note(given, "folder")[0]
        assert "The file Users.csv is read as users.csv." in given.messages
        assert set(given.frames["person"]["source_file"]) == {"Users.csv"}


@VERSIONS
def test_what_systems_leave_behind_is_skipped(tmp_path: Path, version: str) -> None:
    litter: dict[str, str | bytes] = {
        "__MACOSX/._users.csv": b"\0",
        ".DS_Store": b"\0",
        "~$users.csv": b"\0",
        "notes/readme.txt": "x",
    }

    for given in (
        read(tmp_path / "folder", texts(version) | litter),
        Read(write_zip(tmp_path / "x.zip", texts(version) | litter)),
    ):
        assert given.messages == []
        assert given.frames["person"].height == 3


@VERSIONS
def test_odd_letters_in_ids_are_kept_and_long_ids_are_warned_of(tmp_path: Path, version: str) -> None:
    odd, long = " s+123 456 ", "x" * 256
    files = texts(version) | {"orgs.csv": f"sourcedId,name,type\r\n{odd},A,school\r\n{long},B,school\r\n"}

    given = read(tmp_path, files)

    assert set(given.rows("org")) == {"s+123 456", long}
    assert "such as 's+123 456'" in given.one("odd_id")["message"]
    assert (given.one("long_id")["level"], given.one("long_id")["line"]) == ("warning", 3)


@VERSIONS
def test_more_subjects_than_codes_is_a_warning(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "courses.csv", "Mathematics", '"Mathematics,Physics"'))

    assert given.row("course", "c1")["subjects"] == "Mathematics,Physics"
    assert given.one("subjects_and_codes")["level"] == "warning"


def test_words_of_1_2_may_be_extended_and_those_of_1_1_may_not(tmp_path: Path) -> None:
    new = read(tmp_path / "new", changed("1.2", "classes.csv", "scheduled", "ext:club"))
    old = read(tmp_path / "old", changed("1.1", "classes.csv", "scheduled", "ext:club"))

    assert (new.row("section", "k1")["section_type"], new.messages) == ("ext:club", [])
    assert old.one("word")["level"] == "error"


def test_the_type_of_a_role_is_none_of_the_words_that_may_be_extended(tmp_path: Path) -> None:
    given = read(tmp_path, changed("1.2", "roles.csv", "u1,primary", "u1,ext:third"))

    told = given.one("word")
    assert (told["level"], told["field"], told["sourced_id"]) == ("error", "roleType", "u1|s1|teacher")
    assert told["message"].endswith("Known: primary, secondary.")


def test_roles_of_1_1_in_a_package_of_1_2_are_missed_aloud(tmp_path: Path) -> None:
    files = texts("1.1")
    files["manifest.csv"] = bundles.manifest("1.2", roles="absent")

    given = read(tmp_path, files)

    told = given.one("roles_of_1_1")
    assert (told["level"], told["file"]) == ("warning", "users.csv")
    assert "No roles were read" in told["message"] and "oneroster.version to 1.1" in told["remedy"]
    assert "role" not in given.offers


def test_what_lies_in_folders_beside_the_files_is_not_read_and_that_is_said(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", texts("1.1") | {"old/users.csv": "sourcedId\r\nu9\r\n"})

    given = Read(path)

    assert given.frames["person"].height == 3
    assert note(given, "folders_aside")[0] == (
        "Files of OneRoster lie in folders, too, such as old/users.csv. Only those at the top of the ZIP were read."
    )


def test_an_id_that_cannot_be_read_is_not_said_to_be_kept(tmp_path: Path) -> None:
    given = read(tmp_path, changed("1.1", "users.csv", "\r\nu2,", "\r\nu\ufffd2,"))

    assert given.one("no_key")["line"] == 3
    assert given.faults.filter(rule="odd_id").is_empty()


def test_a_file_of_another_version_is_not_read(tmp_path: Path) -> None:
    files = texts("1.1") | {"roles.csv": bundles.text([bundles.header("roles", "1.2"), *bundles.roles()])}

    given = read(tmp_path, files)

    assert note(given, "other_version")[0] == "OneRoster 1.1 has no file roles.csv. It was not read."


@VERSIONS
def test_a_child_without_a_username_is_not_left_out(tmp_path: Path, version: str) -> None:
    given = read(tmp_path, changed(version, "users.csv", ",tina,", ",,"))

    assert given.row("person", "u1")["username"] is None
    fault = given.one("left_empty")
    assert (fault["level"], fault["file"], fault["line"], fault["field"]) == ("warning", "users.csv", 2, "username")
    assert "the row is taken without" in fault["message"]
