"""A plugin that PowerSchool would not install does not install here, and the reason is said."""

from collections.abc import Callable

import pytest

from rollbook.sandbox.powerschool import access_plugin, guesses, plugin
from rollbook.sandbox.powerschool.installed import Plugins
from rollbook.sandbox.powerschool.plugin import Refused
from rollbook.sandbox.powerschool.tables import SECRET_COLUMNS, TABLES
from tests.sandbox.powerschool import small

LONG = "x" * 41


def test_a_good_package_is_read_whole() -> None:
    read = plugin.read("Any name.ZIP", small.package())
    assert (read.name, read.version, read.publisher, read.v1_level) == ("Example Roster", "1.0.0", "Example", "READ")
    assert read.fields["STUDENTS", "DCID"] == "ViewOnly" and len(read.queries) == 3
    assert {query.ordered for query in read.queries} == {True, False}


def test_a_bare_plugin_xml_is_taken_too_and_without_a_level_v1_is_closed() -> None:
    assert plugin.read("plugin.xml", small.plugin_xml(level="").encode()).v1_level == "NONE"


def test_everything_that_a_package_may_hold_is_taken() -> None:
    mapping = (
        "<permission_mappings><permission name='/admin/home.html'>"
        f"<implies allow='post'>/ws/schema/query/{small.NAME}</implies></permission></permission_mappings>"
    )
    files = {
        "permissions_root/org_example.permission_mappings.xml": mapping,
        "MessageKeys/org_example.US_en.properties": "a=b",
        "pagecataloging/org_example.json": "{}",
        "web_root/admin/org_example/home.html": "<p>",
        "queries_root/": "",
    }
    plugin.read("plugin.zip", small.zipped(None, small.STUDENTS, files=files))


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "__MACOSX/plugin.xml",
        "rollbook/plugin.xml",
        "queries_root/deep/a.named_queries.xml",
        "queries_root/a.xml",
        "permissions_root/permissions.xml",
        "web_root/../../evil",
        "readme.txt",
    ],
)
def test_an_unknown_file_in_a_package_refuses_it(name: str) -> None:
    with pytest.raises(Refused, match="Unrecognized file"):
        plugin.read("plugin.zip", small.zipped(None, files={name: "<queries/>"}))


@pytest.mark.parametrize(
    ("xml", "because"),
    [
        (small.plugin_xml(name=LONG), "1 to 40"),
        (small.plugin_xml(name=""), "1 to 40"),
        (small.plugin_xml(version="1.0-beta"), "digits and dots"),
        (small.plugin_xml(version="1" * 21), "digits and dots"),
        (small.plugin_xml(publisher=""), "publisher"),
        (small.plugin_xml(publisher='<publisher name="E"/>'), "e-mail"),
        (small.plugin_xml(publisher=f'<publisher name="E"><contact email="a@{LONG}"/></publisher>'), "e-mail"),
        (small.plugin_xml(namespace="http://plugin.powerschool.com"), "namespace"),
        (small.plugin_xml(level='accessLevelV1Api="ALL"'), "NONE, READ or FULL"),
        (small.plugin_xml(fields=("STUDENTS.EMAIL",)), "no column EMAIL"),
        (small.plugin_xml(fields=("PUPILS.DCID",)), "no table PUPILS"),
        (small.plugin_xml(fields=("AUDIT_LOG.DCID",)), "closed"),
        (small.plugin_xml(fields=("STUDENTS.WEB_PASSWORD",)), "closed"),
        (small.plugin_xml().replace("ViewOnly", "Read"), "neither ViewOnly"),
        (small.plugin_xml(more="<surprise/>"), "surprise"),
        (small.plugin_xml(more="<oauth/>"), "stands twice"),
        (small.plugin_xml().replace(" name=", " colour='red' name=", 1), "colour"),
        (small.plugin_xml().replace("</plugin>", ""), "not well-formed"),
        (small.plugin_xml().replace("?>\n", "?>\n<!DOCTYPE plugin>\n"), "DOCTYPE"),
    ],
)
def test_a_wrong_plugin_xml_is_refused_with_the_reason(xml: str, because: str) -> None:
    with pytest.raises(Refused, match=because):
        plugin.read("plugin.zip", small.zipped(xml))


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda q: q.replace("org.example.roster.core.students", "students"), "five parts"),
        (lambda q: q.replace("org.example.roster", "com.powerschool.roster"), "five parts"),
        (lambda q: q.replace("STUDENTS.GUARDIANEMAIL</col", "</col"), "cannot be an alias"),
        (lambda q: q.replace(">STUDENTS.DCID<", ">STUDENTS.D-CID<"), "cannot be an alias"),
        (lambda q: q.replace(">SCHOOLS.SCHOOL_NAME<", ">SCHOOLS.DCID<"), "two columns are called 'dcid'"),
        (lambda q: q.replace('column="SCHOOLS.NAME"', 'column="SCHOOLS.TITLE"'), "no column SCHOOLS.TITLE"),
        (lambda q: q.replace(", o.name", ""), "5 columns are declared, and 4 are selected"),
        (lambda q: q.replace("AS last_name", ""), "without a name"),
        (lambda q: q.replace("s.grade_level,", "s.dcid,"), "two columns called dcid"),
        (lambda q: q.replace(":schoolid", ":school"), ":school, which is no argument"),
        (lambda q: q.replace("schools o", "logins o"), "closed to plugins"),
        (lambda q: q.replace("schools o", "nowhere o"), "cannot run here"),
        (lambda q: q.replace("s.guardianemail", "s.web_password"), "cannot run here"),
        (lambda q: q.replace("TRUNC(SYSDATE)", "SYSDATE - 30"), "counts with dates"),
        (lambda q: q.replace('coreTable="STUDENTS"', 'coreTable="TEACHERS"'), "not a table"),
        (lambda q: q.replace("<summary>Students", f"<summary>{'x' * 51}"), "50 characters"),
    ],
)
def test_a_wrong_query_is_refused_with_the_reason(change: Callable[[str], str], because: str) -> None:
    changed = change(small.STUDENTS)
    assert changed != small.STUDENTS
    with pytest.raises(Refused, match=because):
        plugin.read("plugin.zip", small.zipped(None, changed))


@pytest.mark.parametrize(
    "sql", ["DELETE FROM students", "SELECT 1 AS dcid; DROP TABLE cc", "SELECT name AS dcid FROM sqlite_master"]
)
def test_no_sql_does_anything_but_read_the_tables_of_the_district(sql: str) -> None:
    query = (
        '<query name="org.example.roster.core.evil" coreTable="CC"><columns><column column="CC.DCID">CC.DCID</column></columns>'
        f"<sql>{sql}</sql></query>"
    )
    with pytest.raises(Refused, match="cannot run here"):
        plugin.read("plugin.zip", small.zipped(None, query))


def test_an_outside_entity_is_never_read() -> None:
    xml = small.plugin_xml().replace("?>\n", '?>\n<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n')
    with pytest.raises(Refused, match="DOCTYPE"):
        plugin.read("plugin.xml", xml.replace("Example Roster", "&e;").encode())


def test_all_complaints_come_at_once() -> None:
    with pytest.raises(Refused) as refused:
        plugin.read("plugin.xml", small.plugin_xml(name=LONG, version="x", publisher="").encode())
    assert len(refused.value.complaints) == 3


def test_the_same_version_is_refused_and_a_higher_one_keeps_the_credentials() -> None:
    plugins = Plugins()
    first = plugins.install("plugin.zip", small.package(version="1.9"))
    keys = first.client_id, first.client_secret
    for version in ("1.9", "1.8.9"):
        with pytest.raises(Refused, match="higher version"):
            plugins.install("plugin.zip", small.package(version=version))
    updated = plugins.install("plugin.zip", small.package(version="1.10"))
    assert updated is first and (updated.client_id, updated.client_secret) == keys


def test_deleting_and_installing_again_makes_new_credentials() -> None:
    plugins = Plugins()
    first = plugins.install("plugin.zip", small.package())
    plugins.delete(first.number)
    assert plugins.install("plugin.zip", small.package()).client_id != first.client_id


def test_two_plugins_cannot_own_one_query() -> None:
    plugins = Plugins()
    plugins.install("plugin.zip", small.package())
    with pytest.raises(Refused, match="belongs to the plugin 'Example Roster'"):
        plugins.install("plugin.zip", small.package(name="Another"))


def test_a_plugin_comes_disabled_and_enabling_grants_what_it_asks_for() -> None:
    plugins = Plugins()
    installed = plugins.install("plugin.zip", small.package())
    assert not installed.enabled and not installed.granted and installed.ungranted
    plugins.enable(installed.number)
    assert installed.granted.keys() == installed.package.fields.keys()


def test_an_update_that_asks_for_what_is_not_there_leaves_the_old_plugin_disabled() -> None:
    plugins = Plugins()
    installed = plugins.install("plugin.zip", small.package())
    plugins.enable(installed.number)
    with pytest.raises(Refused):
        plugins.install("plugin.zip", small.package(version="2", fields=("STUDENTS.EMAIL",)))
    assert installed.enabled is not guesses.REFUSED_UPDATE_DISABLES


def test_the_simulators_own_plugin_may_read_every_column_but_the_secret_ones() -> None:
    read = plugin.read("plugin.zip", access_plugin.package())
    everything = {(table.name, column) for table in TABLES.values() for column in table.columns}
    assert set(read.fields) == everything - SECRET_COLUMNS
