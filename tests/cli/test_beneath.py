"""What lies beneath Rollbook breaks: the disk, the mail, the database; and what is said then of the roster is true."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.cli.conftest import Program, Said, ended, program_at

#: Leaves the database no room to grow; SQLite itself says so.
FULL = """
from django.db.backends.signals import connection_created
connection_created.connect(lambda connection, **_: connection.cursor().execute("PRAGMA max_page_count = 1"), weak=False)
"""

#: Interrupts this process when it tries a mail, as Ctrl-C does while a mail server does not answer.
INTERRUPTED_AT_THE_MAIL = """
import os, signal
from rollbook.lib.mail import FolderBackend
FolderBackend.send_messages = lambda self, messages: os.kill(os.getpid(), signal.{signal})
"""

#: Mail breaks in a way that nobody thought of.
BROKEN_MAIL = """
from rollbook.lib.mail import FolderBackend
FolderBackend.send_messages = lambda self, messages: 1 / 0
"""

#: Interrupts this process while it keeps the hashes of what is committed already.
INTERRUPTED_AFTER_THE_COMMIT = """
import os, signal
from rollbook.store import snapshots
from rollbook.store.snapshots import Accepted
keep = Accepted.keep
Accepted.keep = lambda self, *rest: os.kill(os.getpid(), signal.SIGINT) if self.folder.name == "1" else keep(self, *rest)
"""

#: The server ends every connection while rows are read; with CLOSED, it lets nobody in again.
LOST = """
import os, psycopg
from urllib.parse import urlsplit
from rollbook.connectors.oneroster.connector import OneRosterCsv
extract = OneRosterCsv.extract
def cut(self, entity):
    address = urlsplit(os.environ["ROLLBOOK_DATABASE_URL"])
    with psycopg.connect(address._replace(path="/postgres").geturl(), autocommit=True) as server:
        name = address.path[1:]
        if {closed}:
            server.execute(f'ALTER DATABASE "{{name}}" ALLOW_CONNECTIONS false')
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    return extract(self, entity)
OneRosterCsv.extract = cut
"""


def _is_quiet(said: Said) -> bool:
    return "Traceback" not in said.err and 'File "' not in said.err


def _people(installed: Program) -> int:
    return len(ended(installed("roster", "person", "--json")).json)


def test_hashes_that_cannot_be_kept_do_not_make_an_applied_import_a_failed_one(installed: Program, tmp_path: Path) -> None:
    in_the_way = tmp_path / "kept/sources/1/accepted/1"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder should be")
    said = ended(installed("run", "lincoln", "--json"))
    assert (said.code, said.json["state"], _is_quiet(said)) == (0, "applied", True), said
    assert "as it was" not in said.out + said.err
    assert _people(installed) == 3
    in_the_way.unlink()
    (tmp_path / "export/orgs.csv").write_text((tmp_path / "export/orgs.csv").read_text() + "\n")
    again = ended(installed("run", "lincoln", "--json")).json
    assert {each["alter"] + each["appear"] + each["vanish"] for each in again["entities"].values()} == {0}


def test_a_mail_that_breaks_hides_nothing_of_an_applied_import(installed: Program) -> None:
    said = ended(installed("run", "lincoln", "--json", first=BROKEN_MAIL))
    assert (said.code, said.json["state"], _is_quiet(said)) == (0, "applied", True), said


@pytest.mark.once
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_who_stops_a_command_after_its_commit_is_told_that_it_is_applied(installed: Program, name: str) -> None:
    said = ended(installed("run", "lincoln", "--json", first=INTERRUPTED_AT_THE_MAIL.format(signal=name)))
    assert (said.code, said.json["state"], _is_quiet(said)) == (0, "applied", True), said
    assert "as it was" not in said.err


@pytest.mark.once
def test_who_stops_a_command_between_commit_and_hashes_is_told_that_it_is_applied(installed: Program) -> None:
    said = ended(installed("run", "lincoln", "--json", first=INTERRUPTED_AFTER_THE_COMMIT))
    assert (said.code, said.json["state"], _is_quiet(said)) == (0, "applied", True), said
    assert ended(installed("run", "lincoln", "--json")).code == 0


@pytest.mark.once
def test_a_full_disk_is_called_by_its_name(installed: Program, tmp_path: Path) -> None:
    for words in (
        ("run", "lincoln"),
        ("source", "add", "oneroster-csv", "x" * 5000, "--set", f"path={tmp_path / 'export'}"),
    ):
        said = ended(installed(*words, "--json", first=FULL))
        assert (said.code, "The disk is full" in said.err, _is_quiet(said)) == (1, True, True), said
        assert "The disk is full" in said.json.get("error", said.json.get("message"))
    assert _people(installed) == 0


@pytest.mark.once
def test_a_data_folder_that_cannot_be_used_is_named(installed: Program, tmp_path: Path) -> None:
    (tmp_path / "kept/sources").write_text("a file where a folder should be")
    said = ended(installed("run", "lincoln", "--json"))
    assert (said.code, said.json["state"], _is_quiet(said)) == (2, "failed", True), said
    assert f"{tmp_path}/kept/sources" in said.json["message"]
    assert "The roster is as it was." in said.json["message"]


@pytest.mark.postgres
def test_a_connection_that_is_lost_for_a_moment_ends_an_import_in_words(installed: Program) -> None:
    said = ended(installed("run", "lincoln", "--json", first=LOST.format(closed=False)))
    assert (said.code, said.json["state"], _is_quiet(said)) == (1, "failed", True), said
    assert said.json["message"].startswith("The database went away. The roster is as it was.")
    assert _people(installed) == 0
    assert ended(installed("run", "lincoln")).code == 0


@pytest.mark.postgres
def test_a_database_that_stays_away_leaves_no_claim_about_the_roster(installed: Program) -> None:
    said = ended(installed("run", "lincoln", "--json", first=LOST.format(closed=True)))
    assert (said.code, _is_quiet(said), "rollbook show 1" in said.json["next_step"]) == (1, True, True), said
    assert "as it was" not in said.err


@pytest.mark.postgres
def test_a_server_that_answers_no_is_told_from_one_that_does_not_answer(tmp_path: Path, empty_database: str) -> None:
    address = urlsplit(empty_database)
    wrong = {
        address._replace(netloc=f"nobody:hunter2@{address.hostname}:{address.port}").geturl(): 'failed for user "nobody"',
        address._replace(path="/nowhere").geturl(): 'database "nowhere" does not exist',
        address._replace(netloc=f"{address.username}@127.0.0.1:1").geturl(): "does not answer: Connection refused",
    }
    for there, words in wrong.items():
        for command in ("runs", "serve"):
            said = ended(program_at(tmp_path, there)(command))
            assert (said.code, words in said.err, _is_quiet(said)) == (2, True, True), said
            assert ("Start it" in said.err) is words.startswith("does not answer")
            assert "hunter2" not in said.err


@pytest.mark.postgres
def test_a_user_without_rights_is_told_what_it_may_not_do(installed: Program, tmp_path: Path) -> None:
    there = ended(installed("runs", first="import os; print(os.environ['ROLLBOOK_DATABASE_URL'])")).out.splitlines()[0]
    address = urlsplit(there)
    with psycopg.connect(there, autocommit=True) as server:
        server.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    try:
        guest = program_at(tmp_path, address._replace(netloc=f"guest:guest@{address.hostname}:{address.port}").geturl())
        for command in ("runs", "serve"):
            said = ended(guest(command))
            assert (said.code, "permission denied" in said.err, _is_quiet(said)) == (2, True, True), said
    finally:
        with psycopg.connect(there, autocommit=True) as server:
            server.execute("DROP ROLE guest")


@pytest.mark.once
def test_a_file_that_is_no_database_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear all, this is no database. " * 100)
    (tmp_path / "folder").mkdir()
    for name, words in (("letter", "file is not a database"), ("folder", "unable to open database file")):
        said = ended(program_at(tmp_path, f"sqlite:///{tmp_path / name}")("runs"))
        assert (said.code, words in said.err, _is_quiet(said)) == (2, True, True), said
        assert "Start it" not in said.err


@pytest.mark.once
def test_a_database_that_may_only_be_read_says_so(installed: Program) -> None:
    only_read = """
from django.db.backends.signals import connection_created
connection_created.connect(lambda connection, **_: connection.cursor().execute("PRAGMA query_only = 1"), weak=False)
"""
    said = ended(installed("run", "lincoln", first=only_read))
    assert (said.code, "attempt to write a readonly database" in said.err, _is_quiet(said)) == (2, True, True), said
