"""The shortcut for byte-identical input: taken when nothing can differ, and never else."""

import pytest

from rollbook.actions import sources
from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.domain.runs import Trigger
from rollbook.store.models import Run
from tests.district import Files, Grove, edited, minus, read, small, write


@pytest.fixture
def extracted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which entities were read from the files; the files are the connector's, so it is asked and not our pipeline."""
    seen: list[str] = []
    read_one = OneRosterCsv.extract

    def spy(self: OneRosterCsv, entity: str) -> object:
        seen.append(entity)
        return read_one(self, entity)

    monkeypatch.setattr(OneRosterCsv, "extract", spy)
    return seen


def taken(district: Grove, extracted: list[str], trigger: Trigger = Trigger.MANUAL) -> bool:
    extracted.clear()
    run = district.runs(trigger)
    assert run.state in ("applied", "held"), run.message
    return not extracted


def test_the_same_bytes_again_are_not_read_and_the_numbers_are_the_same(imported: Grove, extracted: list[str]) -> None:
    first = Run.objects.latest("pk")
    before = imported.everything()
    extracted.clear()

    night = imported.runs(Trigger.SCHEDULED)

    assert night.state == "applied" and not extracted
    assert {name: n["read"] for name, n in night.counts.items()} == {name: n["read"] for name, n in first.counts.items()}
    assert all(n["same"] == n["read"] for n in night.counts.values())
    assert imported.everything() == before
    assert "Nothing had to be changed" in night.message
    assert [line["read"] for line in night.summary] == [line["read"] for line in first.summary]
    assert taken(imported, extracted), "and so the night after"


def test_rows_in_another_order_are_read_and_change_nothing(imported: Grove, extracted: list[str]) -> None:
    write(imported.folder, small() | {"users": list(reversed(small()["users"]))})
    assert not taken(imported, extracted)


def faulty() -> Files:
    return small() | {"users": edited(small()["users"], "p1", familyName="")}


def test_unfit_rows_are_judged_every_night(district: Grove, extracted: list[str]) -> None:
    district.applies(faulty())
    assert not taken(district, extracted)
    assert not taken(district, extracted)


def test_an_undo_in_between_forbids_it(imported: Grove, extracted: list[str]) -> None:
    imported.undoes(imported.applies(small(5)))
    assert not taken(imported, extracted)
    assert "p5" in imported.rows("person")


def test_a_rejected_or_failed_run_in_between_forbids_it(imported: Grove, extracted: list[str]) -> None:
    (imported.folder / "users.csv").write_bytes(b"%PDF")
    assert imported.runs().state == "failed"
    write(imported.folder, small())
    assert not taken(imported, extracted)


def test_another_limit_or_setting_forbids_it(imported: Grove, extracted: list[str]) -> None:
    key = "person.vanish.student.org.share"
    sources.set_limit(imported.ada, imported.source, key, percent=11.0, floor=5, count=None)
    assert not taken(imported, extracted)
    sources.change(imported.ada, imported.source, {"path": str(imported.folder), "without_manifest": "complete"})
    assert not taken(imported, extracted)


def test_a_preview_of_other_files_in_between_does_not_leak_into_it(imported: Grove, extracted: list[str]) -> None:
    first = Run.objects.latest("pk")
    imported.sends(minus(small(), "p1", "p2", "p3"), Trigger.PREVIEW)
    write(imported.folder, small())

    night = imported.runs()

    assert night.counts["person"]["read"] == first.counts["person"]["read"]
    from rollbook.domain.entities import PERSON
    from rollbook.store.snapshots import files_of, open_snapshot

    kept = open_snapshot(files_of(night.source_id, night.pk).snapshot)
    assert kept and kept.rows(PERSON).collect().height == 7, "the rows on the page are those that were sent"
    assert [line["read"] for line in night.summary] == [line["read"] for line in first.summary]


def test_an_approved_preview_in_between_forbids_it(imported: Grove, extracted: list[str]) -> None:
    imported.applies(small(5))
    imported.approves(imported.sends(small(), Trigger.PREVIEW))
    assert "p5" not in imported.rows("person")

    write(imported.folder, small(5))

    assert not taken(imported, extracted)
    assert "p5" in imported.rows("person")


def test_a_snapshot_that_is_gone_forbids_it(imported: Grove, extracted: list[str]) -> None:
    from rollbook.store.snapshots import files_of

    first = Run.objects.latest("pk")
    files_of(first.source_id, first.pk).drop_snapshot()
    assert not taken(imported, extracted)


def test_one_changed_letter_is_always_seen(imported: Grove, extracted: list[str]) -> None:
    for file in read(imported.folder):
        path = imported.folder / f"{file}.csv"
        path.write_bytes(path.read_bytes() + b"\n")
        assert not taken(imported, extracted), file


def test_an_unchanged_file_of_a_changed_package_is_kept_by_reference(imported: Grove) -> None:
    from rollbook.domain.entities import ENROLLMENT, PERSON
    from rollbook.store.snapshots import files_of

    def inode(run: object, entity: object) -> int:
        folder = files_of(run.source_id, run.pk).snapshot  # type: ignore[attr-defined]
        return (folder / f"{entity.name}.parquet").stat().st_ino  # type: ignore[attr-defined]

    one = Run.objects.latest("pk")
    two = imported.applies(small() | {"users": edited(small()["users"], "p1", familyName="New")})
    assert inode(one, ENROLLMENT) == inode(two, ENROLLMENT)
    assert inode(one, PERSON) != inode(two, PERSON)
