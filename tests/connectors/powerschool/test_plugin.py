"""What a PowerSchool would refuse, and what a district would not want to grant."""

import hashlib
import io
import json
import re
import sqlite3
import zipfile
from xml.etree import ElementTree

import pytest

from rollbook.connectors.powerschool import plugin, queries
from rollbook.connectors.powerschool.changes import HISTORY, VERSION

SPACE = "{http://plugin.powerschool.pearson.com}"
#: What the plugin was at each version, as `fingerprint` sees it.
FINGERPRINTS = {"1.0": "e8d59ac0a4d0b281"}
NEW_VERSION = (
    "The plugin has changed, so districts must install it anew. Write a Release with a higher version on top of HISTORY in"
    " changes.py (does it ask for more fields? then enable_again=True), and add its fingerprint here: "
)
#: Nobody needs these for a roster, whatever else changes.
NEVER = re.compile(
    r"PASS|PW$|SSN|LUNCH|DOB|ETHNIC|RACE|GENDER|MEDIC|HEALTH|DOCTOR|ALLERG|PHONE|STREET|MAILING|GUARDIANEMAIL|STATE_|LOG(IN)?ID$"
)
SIGNS_IN = {"USERS.TEACHERLOGINID"}  # the name, not the secret

both = pytest.mark.parametrize("guardians", [False, True], ids=["without guardians", "with guardians"])


def files(guardians: bool) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(plugin.package(guardians=guardians))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def described(guardians: bool) -> ElementTree.Element:
    return ElementTree.fromstring(files(guardians)["plugin.xml"])


def asked(guardians: bool) -> list[tuple[str, str, str]]:
    return [
        (node.attrib["table"], node.attrib["field"], node.attrib["access"]) for node in described(guardians).iter(f"{SPACE}field")
    ]


def named(guardians: bool) -> dict[str, ElementTree.Element]:
    """The queries as the package has them."""
    nodes = [
        query
        for name, content in files(guardians).items()
        if name.startswith("queries_root/")
        for query in ElementTree.fromstring(content).findall("query")
    ]
    assert len({node.attrib["name"] for node in nodes}) == len(nodes)
    return {node.attrib["name"]: node for node in nodes}


def text(node: ElementTree.Element, path: str) -> str:
    return (node.findtext(path) or "").strip()


# --- the package ---


@both
def test_nothing_lies_in_the_zip_that_powerschool_would_not_know(guardians: bool) -> None:
    names = list(files(guardians))
    assert names.count("plugin.xml") == 1
    rest = [name for name in names if name != "plugin.xml"]
    assert rest and all(re.fullmatch(r"queries_root/org_rollbook_[a-z_]+\.named_queries\.xml", name) for name in rest)
    assert len(set(names)) == len(names)


@both
def test_equal_queries_make_equal_bytes(guardians: bool) -> None:
    assert plugin.package(guardians=guardians) == plugin.package(guardians=guardians)
    with zipfile.ZipFile(io.BytesIO(plugin.package(guardians=guardians))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@both
def test_the_description_keeps_the_lengths_and_letters_that_powerschool_allows(guardians: bool) -> None:
    root = described(guardians)
    assert root.tag == f"{SPACE}plugin"
    assert 1 <= len(root.attrib["name"]) <= 40
    assert re.fullmatch(r"[0-9]+(\.[0-9]+)*", root.attrib["version"]) and len(root.attrib["version"]) <= 20
    assert len(root.attrib["description"]) <= 256
    assert root.attrib.keys() == {"name", "version", "description"}


@both
def test_the_parts_stand_in_the_order_that_no_powerschool_refuses(guardians: bool) -> None:
    assert [child.tag.removeprefix(SPACE) for child in described(guardians)] == ["oauth", "access_request", "publisher"]


@both
def test_one_file_serves_old_and_new_servers_for_it_asks_for_no_level_of_v1(guardians: bool) -> None:
    oauth = described(guardians).find(f"{SPACE}oauth")
    assert oauth is not None
    assert not oauth.attrib and len(oauth) == 0


@both
def test_the_publisher_is_whoever_runs_rollbook_or_nobody(guardians: bool) -> None:
    publisher = described(guardians).find(f"{SPACE}publisher")
    assert publisher is not None and len(publisher.attrib["name"]) <= 100
    (contact,) = publisher.findall(f"{SPACE}contact")
    assert contact.attrib["email"].endswith(".invalid"), "nobody is promised who does not read it"
    assert b'email="office@maple.example"' in plugin.plugin_xml(guardians=guardians, contact="office@maple.example")


@both
def test_the_bare_description_is_the_one_in_the_package(guardians: bool) -> None:
    assert plugin.plugin_xml(guardians=guardians) == files(guardians)["plugin.xml"]


# --- what is asked for ---


@both
def test_everything_asked_for_is_only_looked_at(guardians: bool) -> None:
    assert {access for _, _, access in asked(guardians)} == {"ViewOnly"}


@both
def test_nothing_is_asked_for_twice_and_the_list_is_sorted(guardians: bool) -> None:
    assert asked(guardians) == sorted(set(asked(guardians)))
    assert all(re.fullmatch(r"[A-Z0-9_]{1,30}", name) for table, field, _ in asked(guardians) for name in (table, field))


@both
def test_exactly_what_the_queries_read_is_asked_for(guardians: bool) -> None:
    """SQLite says which columns a statement reads; the tables are as wide as anybody could ask for."""
    granted = {(table, field) for table, field, _ in asked(guardians)}
    database = empty_tables({(table, field) for table, field, _ in queries.fields()})
    read: set[tuple[str, str]] = set()

    def watch(action: int, table: str | None, column: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ and table and column:
            read.add((table.upper(), column.upper()))
        return sqlite3.SQLITE_OK

    database.set_authorizer(watch)
    for node in named(guardians).values():
        database.execute(text(node, "sql"), {"yearid": 35})
    declared = {
        tuple(column.attrib["column"].split("."))
        for node in named(guardians).values()
        for column in [*node.iter("column"), *node.iter("arg")]
    }
    real = {table for table, _, _ in queries.fields()}
    assert {each for each in read if each[0] in real} == granted
    assert {table for table, _ in read} - real <= {"MAIL", "ONE_CO"}  # selected within the query
    assert declared <= granted


def empty_tables(fields: set[tuple[str, str]]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    for table in {table for table, _ in fields}:
        columns = ", ".join(field for owner, field in sorted(fields) if owner == table)
        database.execute(f"CREATE TABLE {table} ({columns})")
    return database


@both
def test_no_secret_and_nothing_private_is_asked_for(guardians: bool) -> None:
    names = {f"{table}.{field}" for table, field, _ in asked(guardians)} - SIGNS_IN
    assert not [name for name in names if NEVER.search(name)]
    assert not [name for name in names if name.startswith(("PREFS.", "PCAS_", "LOG.", "U_"))]


@pytest.mark.parametrize("name", ["STUDENTS.WEB_PASSWORD", "STUDENTS.SSN", "USERS.LOGINID", "PHONENUMBER.PHONENUMBER"])
def test_a_private_field_would_be_seen(name: str) -> None:
    assert NEVER.search(name)


@both
def test_the_name_that_signs_students_in_is_asked_for(guardians: bool) -> None:
    assert ("STUDENTS", "STUDENT_WEB_ID", "ViewOnly") in asked(guardians)


def test_without_guardians_no_contact_can_be_read() -> None:
    tables = {table for table, _, _ in asked(False)}
    assert not tables & {"PERSON", "STUDENTCONTACTASSOC", "STUDENTCONTACTDETAIL", "CODESET"}
    assert not [name for name in named(False) if ".contacts." in name]
    assert set(named(False)) < set(named(True))


@both
def test_every_field_has_a_reason(guardians: bool) -> None:
    told = queries.fields(queries.chosen(guardians=guardians))
    assert [(table, field) for table, field, _ in told] == [(table, field) for table, field, _ in asked(guardians)]
    assert all(why and not why.endswith(".") for _, _, why in told)


# --- the queries ---


@both
def test_the_names_of_queries_are_those_that_powerschool_allows(guardians: bool) -> None:
    names = named(guardians)
    assert all(re.fullmatch(r"[a-z]+(\.[a-z_]+){4}", name) and len(name) <= 200 for name in names)
    assert not [name for name in names if name.startswith("com.")]
    assert all(1 <= len(text(node, "summary")) <= 50 and text(node, "description") for node in names.values())


@both
def test_columns_and_select_list_are_the_same_in_the_same_order(guardians: bool) -> None:
    database = empty_tables({(table, field) for table, field, _ in asked(guardians)})
    for name, node in named(guardians).items():
        aliases = [column.text or "" for column in node.iter("column")]
        selected = [column[0] for column in database.execute(text(node, "sql"), {"yearid": 35}).description]
        assert selected == aliases, name
        assert len(set(aliases)) == len(aliases), name
        # Oracle takes no longer names in older versions; some bare words it does not take at all.
        assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,29}", alias) for alias in aliases), name
        assert not {"number", "date", "level", "start", "order", "group", "access", "comment"} & set(aliases), name


@both
def test_every_query_is_sorted_by_its_first_column_which_belongs_to_its_core_table(guardians: bool) -> None:
    for name, node in named(guardians).items():
        sql = text(node, "sql")
        first = node.find("columns/column")
        assert first is not None
        assert first.attrib["column"].startswith(f"{node.attrib['coreTable']}."), name
        expression = re.match(r"SELECT\s+(\S+) AS", sql)
        assert expression and sql.endswith(f"\nORDER BY {expression[1]}"), name


@both
def test_the_arguments_in_the_sql_are_those_that_are_announced(guardians: bool) -> None:
    for name, node in named(guardians).items():
        announced = {arg.attrib["name"] for arg in node.iter("arg")}
        assert set(re.findall(r":([a-z]+)", text(node, "sql"))) == announced, name
        assert all(arg.attrib["required"] == "true" for arg in node.iter("arg"))


@both
def test_the_sql_keeps_to_what_oracle_and_sqlite_both_know(guardians: bool) -> None:
    for name, node in named(guardians).items():
        sql = text(node, "sql")
        assert not re.search(r"\b(NVL|DECODE|TO_CHAR|TO_DATE|SYSDATE|TRUNC|ROWNUM|IFNULL|LIMIT|DUAL|USING)\b", sql, re.I), name
        assert not re.search(r"\(\+\)|<@|~\[|;|--|\"|= ''|<> ''|!=", sql), name
        assert not re.search(r"\b(INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|EXECUTE)\b", sql, re.I), name
        assert not re.search(r"(JOIN|FROM)\s+\w+\s+AS\b|\)\s+AS\s+mail\b", sql, re.I), (
            f"{name}: Oracle knows no AS before a table's alias"
        )


# --- versions ---


def fingerprint() -> str:
    """What the queries are, whatever their words for people."""
    said = [
        (
            each.name,
            each.core_table,
            [(column.field, column.alias) for column in each.columns],
            [used.field for used in each.used],
            [(arg.name, arg.field) for arg in each.args],
            " ".join(each.sql.split()),
        )
        for each in queries.QUERIES
    ]
    return hashlib.sha256(json.dumps([plugin.NAME, said]).encode()).hexdigest()[:16]


def test_what_is_asked_for_does_not_change_without_a_new_version() -> None:
    assert FINGERPRINTS.get(VERSION) == fingerprint(), NEW_VERSION + f'"{VERSION}": "{fingerprint()}"'


def test_every_version_is_higher_than_the_one_before() -> None:
    versions = [tuple(map(int, release.version.split("."))) for release in HISTORY]
    assert versions == sorted(set(versions), reverse=True)
    assert {release.version for release in HISTORY} == set(FINGERPRINTS)
    days = [release.day for release in HISTORY]
    assert days == sorted(days, reverse=True)


def test_guardians_can_be_added_by_an_update() -> None:
    without, with_them = (tuple(map(int, described(one).attrib["version"].split("."))) for one in (False, True))
    assert without < with_them
    assert described(False).attrib["name"] == described(True).attrib["name"]


def test_the_next_release_is_higher_than_this_one_with_guardians() -> None:
    """A version of HISTORY has two numbers; the third says whether guardians are in it."""
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+", release.version) for release in HISTORY)
