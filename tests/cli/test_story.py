"""One district, from its first import to an undo, by commands alone."""

from pathlib import Path

from rollbook.sandbox.district import write_district, write_next_day, write_without
from tests.cli.conftest import Desk


def test_a_night_that_loses_half_a_school_is_held_answered_and_taken_back(desk: Desk, tmp_path: Path) -> None:
    days = [tmp_path / f"day-{n}" for n in (1, 2, 3)]
    write_district(days[0], students=60)
    write_next_day(days[0], days[1], rate=0.05)
    write_without(days[1], days[2])
    export = tmp_path / "export"
    export.mkdir()

    def arrives(day: Path) -> None:
        for file in day.iterdir():
            (export / file.name).write_bytes(file.read_bytes())

    arrives(days[0])
    desk.adds("lincoln", export)
    preview = desk.sees("plan", "lincoln")
    assert (preview["state"], preview["reasons"], preview["trigger"]) == ("held", ["preview"], "preview")
    assert desk.sees("roster", "person") == []

    first = desk.sees("run", "lincoln")
    assert first["state"] == "applied"
    assert first["entities"]["person"]["appear"] == len(desk.sees("roster", "person"))
    assert desk.sees("run", "lincoln")["message"].startswith("Nothing had to be changed")

    arrives(days[1])
    assert desk.sees("run", "lincoln")["state"] == "applied"
    before = desk.sees("roster", "enrollment")

    arrives(days[2])
    held = desk.sees("run", "lincoln", code=3)
    assert held["state"] == "held"
    assert any("would become inactive" in reason for reason in held["reasons"])
    assert desk.sees("roster", "enrollment") == before
    for_people = desk.types("show", held["run"]).out
    for way_out in ("approve", "reject", "run lincoln"):
        assert f"rollbook {way_out}" in for_people

    changes = desk.sees("changes", held["run"])
    assert len(changes) == sum(each["vanish"] + each["alter"] for each in held["entities"].values())
    approved = desk.sees("approve", held["run"])
    assert (approved["state"], approved["digest"]) == ("applied", held["digest"])
    assert len(desk.sees("roster", "person", "--status", "inactive")) > 0

    undone = desk.types("undo", held["run"], "--json")
    if undone.code == 3:  # so many who come back is worth a question, too
        assert desk.sees("approve", undone.json["run"])["state"] == "applied"
    values = [{**row, "last_run": 0, "changed_at": ""} for row in desk.sees("roster", "enrollment")]
    assert values == [{**row, "last_run": 0, "changed_at": ""} for row in before]


def test_a_rejected_import_leaves_the_roster_and_says_why_to_everybody(desk: Desk, tmp_path: Path) -> None:
    write_district(tmp_path / "day", students=40)
    write_without(tmp_path / "day", tmp_path / "bad", share=1.0)
    export = tmp_path / "export"
    export.symlink_to(tmp_path / "day")
    desk.adds("lincoln", export)
    desk.sees("run", "lincoln")
    export.unlink()
    export.symlink_to(tmp_path / "bad")
    held = desk.sees("run", "lincoln", code=3)

    rejected = desk.sees("reject", held["run"], "--because", "the export was cut off")

    assert (rejected["state"], rejected["because"]) == ("rejected", "the export was cut off")
    assert "the export was cut off" in desk.types("show", held["run"]).out
    assert desk.types("reject", held["run"], "--because", "twice").code == 6
    assert [each["state"] for each in desk.sees("runs")] == ["rejected", "applied"]
