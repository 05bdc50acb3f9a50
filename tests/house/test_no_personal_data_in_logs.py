"""What may be read by anybody who reads logs: no name, no address, no number of a child, whatever happens."""

import logging
from pathlib import Path
from typing import Any

import pytest

from rollbook.actions import notices
from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.domain.entities import ENTITIES, Pii
from rollbook.pipeline import run as pipeline
from rollbook.store.models import AuditEntry
from tests.district import Grove, edited, minus, small, write

PRIVATE = {
    "givenName": "Quetzalcoatl",
    "familyName": "Xanthippe",
    "email": "quetz@xanthippe.example",
    "username": "quetzx",
    "phone": "555-0199",
}


@pytest.fixture
def district(db: None, settings: Any, tmp_path: Path) -> Grove:
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)


def named() -> Any:
    return small() | {"users": edited(small()["users"], "p1", **PRIVATE)}


def silent(*texts: str) -> None:
    for text in texts:
        for private in PRIVATE.values():
            assert private not in text


def test_the_columns_that_say_who_somebody_is_are_marked() -> None:
    person = next(each for each in ENTITIES if each.name == "person")
    assert {each.name for each in person.columns if each.pii > Pii.ID} >= {
        *("given_name", "family_name", "middle_name", "email", "sms", "phone", "username", "pronouns", "metadata"),
        *("preferred_given_name", "preferred_middle_name", "preferred_family_name"),
    }


def test_a_whole_life_of_imports_logs_nobody(
    district: Grove, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.INFO)  # statements are logged by nobody but a developer
    district.applies(named())
    district.undoes(district.applies(minus(named(), "p1")))
    files = named()
    files["users"] = edited(files["users"], "p1", enabledUser="perhaps", familyName="")
    district.applies(files)
    write(district.folder, named())
    path = district.folder / "users.csv"
    path.write_bytes(path.read_bytes() + b'zz,,,"Xanthippe')
    failed = district.runs()
    assert failed.state == "failed"
    notices.send()

    out, err = capfd.readouterr()
    silent(caplog.text, out, err, failed.message, *(str(each.detail) for each in AuditEntry.objects.all()))
    for run in (failed,):
        silent(*(each.note for each in run.events.all()), run.cause, *run.reasons)


@pytest.mark.parametrize("where", ["connector", "pipeline"])
def test_what_breaks_is_logged_without_the_rows_that_broke_it(
    district: Grove, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The text of a foreign exception may quote a row."""

    def breaks(*_: Any, **__: Any) -> Any:
        try:
            raise KeyError(f"row of {PRIVATE['familyName']}")
        except KeyError as error:
            raise ValueError(f"cannot read {PRIVATE['email']}") from error

    write(district.folder, named())
    if where == "connector":
        monkeypatch.setattr(OneRosterCsv, "extract", breaks)
    else:
        monkeypatch.setattr(pipeline, "check", breaks)

    run = district.runs()

    assert run.state == "failed" and run.exit_code == 1
    assert "ValueError" in caplog.text and "breaks" in caplog.text, "where it broke can still be found"
    silent(caplog.text, run.message, *(each.note for each in run.events.all()))
