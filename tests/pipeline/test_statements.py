"""Ten times the students take not one statement more, in any stage."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rollbook.store import runs as door
from tests.district import Grove


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Count the statements of a run by its stage."""

    def count(act: Any) -> Counter[str]:
        marks: list[tuple[str, int]] = []
        at_stage = door.at_stage
        with CaptureQueriesContext(connection) as seen:

            def mark(run: Any, stage: Any, *more: Any) -> None:
                marks.append((str(stage), len(seen)))
                at_stage(run, stage, *more)

            monkeypatch.setattr(door, "at_stage", mark)
            run = act()
            monkeypatch.setattr(door, "at_stage", at_stage)
            assert run.state == "applied", run.message
        found: Counter[str] = Counter({"before": marks[0][1]})
        for (stage, begin), (_, end) in zip(marks, [*marks[1:], ("", len(seen))], strict=True):
            found[stage] += end - begin
        return found

    return count


def story(district: Grove, students: int, statements: Any) -> dict[str, Counter[str]]:
    few = range(3, students, max(1, students // 12))
    edits = {number: {"email": f"n{number}@maple.example"} for number in range(4, students, max(1, students // 9))}
    district.writes(students, students=students, leave_out=(), guardians=True)
    found = {"first": statements(district.runs)}
    district.writes(students, students=students, leave_out=few, edits=edits, guardians=True)
    found["next"] = statements(district.runs)
    last = district.source.accepted_run
    found["same"] = statements(district.runs)
    found["undo"] = statements(lambda: district.undoes(district.again(last_run(last))))
    return found


def last_run(pk: int | None) -> Any:
    from rollbook.store.models import Run

    return Run.objects.get(pk=pk)


def test_the_number_of_statements_does_not_depend_on_the_size_of_the_district(
    db: None, settings: Any, tmp_path: Path, statements: Any
) -> None:
    counted = {}
    for students in (200, 2_000):
        settings.DATA_DIR = tmp_path / str(students)
        counted[students] = story(Grove(tmp_path / f"home{students}", f"Maple {students}"), students, statements)
    for night in counted[200]:
        assert counted[200][night] == counted[2_000][night], night
        assert sum(counted[200][night].values()) < 160, counted[200][night]
