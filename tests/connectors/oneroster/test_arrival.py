"""Half a file is never read: not one that still grows, nor one whose end has not been told."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rollbook.connectors.oneroster import arrival
from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.connectors.testing import extracts
from rollbook.domain.errors import SourceError, SourceUnavailable
from tests.connectors.oneroster.bundles import texts, write, write_zip
from tests.connectors.oneroster.reading import Read

Waits = list[float]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Give how long each wait would have taken, were it not left out here."""
    slept: Waits = []
    monkeypatch.setattr(arrival, "REST", 2.0)
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture(params=["folder", "zip"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "zip":
        return write_zip(tmp_path / "x.zip", texts("1.1"))
    return write(tmp_path / "x", texts("1.1"))


def files(package: Path) -> list[Path]:
    return sorted(package.glob("*.csv")) if package.is_dir() else [package]


def aged(package: Path, seconds: float) -> Path:
    for each in files(package):
        os.utime(each, (time.time() - seconds,) * 2)
    return package


def grows(package: Path) -> None:
    with files(package)[-1].open("ab") as file:
        file.write(b"u9")


def connect(package: Path) -> OneRosterCsv:
    return OneRosterCsv(OneRosterCsv.Config(path=str(package)))


def marker(package: Path) -> Path:
    return package / ".done" if package.is_dir() else package.with_name("x.zip.done")


def test_files_that_were_written_a_while_ago_are_not_waited_for(package: Path, waits: Waits) -> None:
    Read(aged(package, 60))

    assert sum(waits) == 0


def test_files_that_were_written_just_now_are_waited_for_once_and_briefly(package: Path, waits: Waits) -> None:
    Read(aged(package, 0.5))

    assert 0 < sum(waits) <= arrival.REST


def test_a_look_at_the_source_does_not_wait(package: Path, waits: Waits) -> None:
    connector = connect(package)
    connector.probe()
    connector.close()

    assert waits == []


@pytest.mark.parametrize("ask", [OneRosterCsv.bytes_fingerprint, OneRosterCsv.offers])
def test_a_file_that_grows_meanwhile_is_tried_again(
    package: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch, ask: Callable[[OneRosterCsv], object]
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: grows(package))

    with pytest.raises(SourceUnavailable, match="changed while it was read") as error:
        ask(connect(package))
    assert "tried again by itself" in error.value.sentence


def test_a_file_that_grows_once_it_was_found_is_tried_again(tmp_path: Path) -> None:
    folder = write(tmp_path, texts("1.1"))
    connector = connect(folder)
    connector.offers()
    grows(folder)

    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        connector.extract("person")


def test_a_file_that_grows_when_its_rows_are_in_is_tried_again(package: Path) -> None:
    connector = connect(package)
    given = dict(extracts(connector))
    grows(package)

    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        [question for each in given.values() for question in each.questions()]
    connector.close()


def test_a_file_that_comes_while_the_others_are_read_is_tried_again(tmp_path: Path) -> None:
    content = texts("1.1")
    users = content.pop("users.csv")
    folder = write(tmp_path, content | {"manifest.csv": content["manifest.csv"].replace("file.users,bulk", "file.users,absent")})
    connector = connect(folder)
    connector.offers()
    write(folder, {"users.csv": users})

    with pytest.raises(SourceUnavailable, match=r"users\.csv changed"):
        connector.extract("org")


def test_half_a_zip_is_not_called_damaged_while_it_grows(tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    package = write_zip(tmp_path / "x.zip", texts("1.1"))
    whole = package.read_bytes()
    package.write_bytes(whole[:-100])
    monkeypatch.setattr(time, "sleep", lambda seconds: package.write_bytes(whole))

    with pytest.raises(SourceUnavailable):
        connect(package).offers()


def test_a_marker_ends_the_wait(package: Path, waits: Waits) -> None:
    marker(package).touch()

    Read(package)

    assert waits == []


def test_a_marker_of_last_night_does_not_stand_for_tonight_s_files(package: Path) -> None:
    marker(package).touch()
    os.utime(marker(package), (time.time() - 3600,) * 2)

    with pytest.raises(SourceError, match=r"is newer than .*\.done, so the files are still on their way") as error:
        Read(package)
    assert isinstance(error.value, SourceUnavailable)
    assert "write" in error.value.sentence and "remove it" in error.value.sentence
