"""Two packages that other people made, faults and all."""

import shutil
from pathlib import Path

import pytest

from tests.connectors.oneroster.reading import Read
from tests.connectors.oneroster.test_stopped import stop_at

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "oneroster"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")


@pytest.fixture(params=["full-1.1", "full-1.2"])
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES / request.param, tmp_path / "sample", copy_function=shutil.copyfile))


def without_deleted_rows(folder: Path) -> Path:
    for path in folder.glob("*.csv"):
        lines = path.read_bytes().splitlines(keepends=True)
        path.chmod(0o644)
        path.write_bytes(b"".join(line for line in lines if b"tobedeleted" not in line))
    return folder


def test_rows_marked_tobedeleted_in_a_complete_file_stop(sample: Path) -> None:
    assert "A complete file cannot hold rows marked tobedeleted (academicSessions.csv, line 2)" in stop_at(sample)


def test_without_them_the_rest_is_read(sample: Path) -> None:
    given = Read(without_deleted_rows(sample))

    assert {name: frame.height for name, frame in given.frames.items()} == {
        "org": 1,
        "academic_session": 4,
        "section": 1,
        "person": 6,
        "role": 7 if sample.name == "full-1.2" or (sample / "roles.csv").exists() else 6,
        "enrollment": 6,
        "guardianship": 5,
    }
    assert given.questions == []
    assert given.partial == set()
    (error,) = given.told("error")
    assert (error["rule"], error["field"], error["sourced_id"]) == ("status", "status", "as-grp-222-2345")
    assert "'inactive'" in error["message"]
    assert {"boolean_form", "word_form", "bulk_status", "list_form"} <= set(given.faults["rule"])
    assert given.one("subjects_and_codes")["level"] == "warning"
    assert not [message for message in given.messages if "Password1" in message]
