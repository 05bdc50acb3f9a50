"""What may be read by anybody who reads logs: no name, no address, no number of a child, whatever happens."""

import logging
from pathlib import Path
from typing import Any

import pytest

from rollbook.actions import notices
from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.domain.entities import ENTITIES, Pii
from rollbook.pipeline import run as pipeline
from rollbook.store.models import MODELS, AuditEntry, Notice, Run
from tests.district import Files, Grove, as_1_2, columns, edited, minus, small, write

#: What each column that says who somebody is holds in this district, by entity and column: nobody else writes like that.
PRIVATE = {
    (entity.name, column.name): f"quetzal-{entity.name}-{column.name}" + ("@xanthippe.example" if column.name == "email" else "")
    for entity in ENTITIES
    for column in entity.columns
    if column.pii > Pii.ID
}
FILES = {
    "org": "orgs",
    "academic_session": "academicSessions",
    "course": "courses",
    "section": "classes",
    "person": "users",
    "role": "roles",
    "enrollment": "enrollments",
}
OUTSIDE = "metadata.note"  # a column that no standard knows


@pytest.fixture
def district(db: None, settings: Any, tmp_path: Path) -> Grove:
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)


def heading(column: str) -> str:
    first, *others = column.split("_")
    return OUTSIDE if column == "metadata" else first + "".join(map(str.capitalize, others))


def named(files: Files) -> Files:
    """Write a package as 1.2, with every private value in it: one student has all that people have."""
    new = as_1_2(files)
    for entity, name in FILES.items():
        values = {heading(column): value for (one, column), value in PRIVATE.items() if one == entity}
        assert set(values) <= {*columns(name, "1.2"), OUTSIDE}
        new[name] = [
            each | (values if name != "users" or each["sourcedId"] == "p1" else {OUTSIDE: ""})  # a file has one set of columns
            for each in new[name]
        ]
    return new


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


def test_a_whole_life_of_imports_tells_no_log_and_no_mail_who_somebody_is(
    district: Grove, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.INFO)  # statements are logged by nobody but a developer
    district.applies(named(small(40)))
    for (entity, column), private in PRIVATE.items():
        held = MODELS[entity].objects.filter(**{f"{column}__contains": private})
        assert held.exists(), f"{column} of {entity} was never imported, and so proves nothing"
    district.undoes(district.applies(named(minus(small(40), "p1"))))
    faulty = named(small(40))
    faulty["users"] = edited(faulty["users"], "p1", enabledUser="perhaps", familyName="")
    district.applies(faulty)
    assert district.sends(named(small(2))).state == "held"
    write(district.folder, named(small()))
    path = district.folder / "users.csv"
    path.write_bytes(path.read_bytes() + f'zz,,,"{PRIVATE["person", "family_name"]}'.encode())
    failed = district.runs()
    assert failed.state == "failed"
    notices.send()

    out, err = capfd.readouterr()
    silent(caplog.text, out, err, *(str(each.detail) for each in AuditEntry.objects.all()))
    for run in Run.objects.all():
        silent(run.message, run.cause, *run.reasons, *(each.note for each in run.events.all()))
    assert {each.outcome for each in Notice.objects.all()} == {"applied", "held", "failed"}
    silent(*(part for each in Notice.objects.all() for part in (each.subject, each.text, each.html)))


@pytest.mark.parametrize("where", ["connector", "pipeline"])
def test_what_breaks_is_logged_without_the_rows_that_broke_it(
    district: Grove, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The text of a foreign exception may quote a row."""

    def breaks(*_: Any, **__: Any) -> Any:
        try:
            raise KeyError(f"row of {PRIVATE['person', 'family_name']}")
        except KeyError as error:
            raise ValueError(f"cannot read {PRIVATE['person', 'email']}") from error

    write(district.folder, named(small()))
    if where == "connector":
        monkeypatch.setattr(OneRosterCsv, "extract", breaks)
    else:
        monkeypatch.setattr(pipeline, "check", breaks)

    run = district.runs()

    assert run.state == "failed" and run.exit_code == 1
    assert "ValueError" in caplog.text and "breaks" in caplog.text, "where it broke can still be found"
    silent(caplog.text, run.message, *(each.note for each in run.events.all()))
