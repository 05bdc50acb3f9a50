"""When nothing of a package is applied: each stop says what, where, and what to do."""

import errno
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.connectors.testing import extracts
from rollbook.domain.errors import SourceError
from tests.connectors.oneroster import bundles
from tests.connectors.oneroster.bundles import texts, write, write_zip
from tests.connectors.oneroster.reading import Read, stop
from tests.connectors.oneroster.test_accepted_with_a_note import VERSIONS, changed


def stop_at(path: Path) -> str:
    with pytest.raises(SourceError) as error:
        Read(path)
    return error.value.sentence


@VERSIONS
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("users.csv", "sourcedId", "id", "users.csv has no column 'sourcedId'. Found: id, status"),
        ("users.csv", "username", "login", "users.csv has no column 'username'"),
        ("classes.csv", "termSourcedIds", "terms", "classes.csv has no column 'termSourcedIds'"),
        ("orgs.csv", "identifier", "name", "orgs.csv, line 1: there are two columns 'name'"),
        ("manifest.csv", "file.users,bulk", "file.users,delta", "users.csv holds only changes (delta)"),
        (
            "manifest.csv",
            "file.users,bulk",
            "file.users,replace",
            "manifest.csv, line 16: file.users is 'replace'; it can be absent, bulk, delta",
        ),
        ("manifest.csv", "file.users,bulk", "file.users,absent", "says that users is absent, but the package has users.csv"),
        ("manifest.csv", "oneroster.version,1", "oneroster.version,3", "Versions 1.1 and 1.2 are read"),
        ("manifest.csv", "oneroster.version,", "version,", "does not say oneroster.version"),
        ("orgs.csv", "Alder School", '"Alder School', "orgs.csv: the quote opened in line 3 is never closed"),
        ("classes.csv", "k1,,", "k1,tobedeleted,", "A complete file cannot hold rows marked tobedeleted (classes.csv, line 2)"),
        ("users.csv", "u2,,", "u2, ToBeDeleted ,", "(users.csv, line 3)"),
    ],
)
def test_what_cannot_be_trusted_stops(tmp_path: Path, version: str, name: str, old: str, new: str, words: str) -> None:
    sentence = stop(tmp_path, changed(version, name, old, new))

    assert words in sentence
    assert "The roster is as it was." in sentence


@VERSIONS
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("users.csv", b"%PDF-1.7\n%\xe2\xe3", "users.csv is not a CSV file but a PDF"),
        ("orgs.csv", b"", "orgs.csv is empty: it has not even a header"),
        ("classes.csv", b"one,two\nk1,k2\n", "classes.csv has no header"),
        ("courses.csv", b"sourcedId;status;title\n", "courses.csv, line 1: the cells are separated by semicolons"),
        ("orgs.csv", "sourcedId,name\nu,Alder\n".encode("utf-16"), "orgs.csv has no column 'type'"),
    ],
)
def test_what_a_heading_shows_stops_the_test_of_the_connection(
    tmp_path: Path, version: str, name: str, content: bytes, words: str
) -> None:
    folder = write(tmp_path / "files", texts(version))
    (folder / name).write_bytes(content)
    connector = OneRosterCsv(OneRosterCsv.Config(path=str(folder)))

    with pytest.raises(SourceError) as error:
        connector.probe()
    connector.close()

    assert words in error.value.sentence


def test_the_test_of_the_connection_reads_no_row(tmp_path: Path) -> None:
    folder = write(tmp_path / "files", changed("1.2", "orgs.csv", "Alder School", '"Alder School'))
    header, rows = (folder / "users.csv").read_text().split("\n", 1)
    (folder / "users.csv").write_text("\r\n,,,\r\n" + header.replace("username", '"user\nname",username') + "\n" + rows)
    connector = OneRosterCsv(OneRosterCsv.Config(path=str(folder)))

    assert "users.csv" in connector.probe().sentence
    connector.close()


@VERSIONS
def test_bytes_that_are_no_text_stop(tmp_path: Path, version: str) -> None:
    files = texts(version)
    assert "neither UTF-8 nor Windows-1252" in stop(tmp_path, files | {"users.csv": files["users.csv"].encode() + b"\xef\x81"})


def test_version_1_0_is_named(tmp_path: Path) -> None:
    sentence = stop(tmp_path, changed("1.1", "manifest.csv", "oneroster.version,1.1", "oneroster.version,1.0"))

    assert "oneroster.version is '1.0'. Versions 1.1 and 1.2 are read. The roster is as it was. Ask the source for" in sentence


@VERSIONS
def test_a_missing_file_is_not_an_empty_file(tmp_path: Path, version: str) -> None:
    files = texts(version)
    del files["enrollments.csv"]

    assert "manifest.csv announces enrollments.csv as bulk, but it is not in the package" in stop(tmp_path, files)


@VERSIONS
def test_a_header_alone_is_an_empty_entity_and_no_error(tmp_path: Path, version: str) -> None:
    header = texts(version)["enrollments.csv"].splitlines()[0]

    given = Read(write(tmp_path, texts(version) | {"enrollments.csv": header}))

    assert given.frames["enrollment"].height == 0
    assert "enrollment" in given.offers


@VERSIONS
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "users.csv is empty: it has not even a header"),
        (b"%PDF-1.4\n", "users.csv is not a CSV file but a PDF"),
        (b"u1,true,s1\r\nu2,true,s1\r\n", "users.csv has no header"),
        (b"sourcedId\r\nu1\r\n", "users.csv has no column 'enabledUser'"),
    ],
)
def test_a_file_of_another_kind_stops(tmp_path: Path, version: str, content: bytes, words: str) -> None:
    assert words in stop(tmp_path, texts(version) | {"users.csv": content})


@VERSIONS
def test_two_files_whose_names_differ_by_case_stop(tmp_path: Path, version: str) -> None:
    path = write_zip(tmp_path / "x.zip", texts(version) | {"Users.csv": "x"})

    assert "Users.csv and users.csv, whose names differ by capital letters only" in stop_at(path)


@VERSIONS
def test_files_in_two_folders_stop(tmp_path: Path, version: str) -> None:
    files = texts(version)
    scattered = {("a/" if place % 2 else "b/") + name: content for place, (name, content) in enumerate(files.items())}

    assert "lie in several folders: a, b" in stop(tmp_path, scattered)


def test_a_line_missing_while_the_others_disagree_stops(tmp_path: Path) -> None:
    files = texts("1.2") | {"manifest.csv": bundles.manifest("1.2", users="", orgs="delta")}

    assert "orgs.csv holds only changes" in stop(tmp_path, files)


@pytest.mark.parametrize("twice", ["file.users,absent", "oneroster.version,1.2"])
def test_a_manifest_that_contradicts_itself_stops(tmp_path: Path, twice: str) -> None:
    files = texts("1.1")

    assert "twice" in stop(tmp_path, files | {"manifest.csv": files["manifest.csv"] + twice + "\r\n"})


def test_nothing_there_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "There is no folder and no file at" in stop_at(tmp_path / "nowhere")
    assert "There are no files of OneRoster in this folder" in stop_at(tmp_path / "empty")


@pytest.mark.parametrize("name", ["users.csv", "manifest.csv", "x.zip"])
@pytest.mark.parametrize("ask", [OneRosterCsv.bytes_fingerprint, lambda connector: dict(extracts(connector))])
def test_a_file_that_may_not_be_read_is_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ask: Callable[[OneRosterCsv], object]
) -> None:
    path = write_zip(tmp_path / "x.zip", texts("1.1")) if name == "x.zip" else write(tmp_path, texts("1.1"))
    opened = io.open

    def locked(file: object, *given: Any, **more: Any) -> Any:
        if str(file).endswith(name):
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return opened(file, *given, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(io, "open", locked)
    with pytest.raises(SourceError) as error:
        ask(OneRosterCsv(OneRosterCsv.Config(path=str(path))))

    assert f"{name} cannot be read (Permission denied). The roster is as it was. Let the account" in error.value.sentence


def test_a_folder_that_may_not_be_listed_is_not_called_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(folder: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(os, "listdir", locked)

    assert f"The folder {tmp_path} cannot be read (Permission denied)" in stop_at(write(tmp_path, texts("1.1")))


def test_a_zip_that_is_none_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"sourcedId,status\r\n")

    assert "x.zip is not a ZIP file that can be opened safely" in stop_at(path)


def test_a_zip_that_leads_out_of_its_folder_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in" / "x.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../users.csv", "x")

    assert "leads out of the folder" in stop_at(path)
    assert [each.name for each in tmp_path.rglob("*")] == ["in", "x.zip"]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("sourcedId\r\n")
    folder = write(tmp_path / "roster", texts("1.1"))
    (folder / "users.csv").unlink()
    (folder / "users.csv").symlink_to(secret)

    assert "users.csv is not a file of this folder but a link" in stop_at(folder)


def test_nothing_is_left_in_the_scratch_folder(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    connector = OneRosterCsv(OneRosterCsv.Config(path=str(write_zip(tmp_path / "x.zip", texts("1.1")))), scratch=scratch)

    connector.extract("person").frame.collect()
    assert [each.name for each in scratch.rglob("*.csv")]

    connector.close()
    assert list(scratch.iterdir()) == []


def test_what_is_never_read_is_never_unpacked(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    files = texts("1.1") | {"demographics.csv": "sourcedId,birthDate\r\nu2,2012-01-01\r\n"}
    connector = OneRosterCsv(OneRosterCsv.Config(path=str(write_zip(tmp_path / "x.zip", files))), scratch=scratch)

    connector.probe()

    assert not [each for each in scratch.rglob("*.csv") if "birthDate" in each.read_text()]
