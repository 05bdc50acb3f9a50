"""The fear that a secret has to be typed where everybody on the machine can read it, or is still there after it was forgotten."""

import json
from pathlib import Path

from tests.cli.conftest import Desk

PLAIN = ("url=ps.maple.example", "key=4d2a", "devices=mix")


def sets(*settings: str) -> list[str]:
    return [word for each in settings for word in ("--set", each)]


def kept() -> dict[str, str]:
    from rollbook.store.models import Source

    found: dict[str, str] = json.loads(Source.objects.get(name="ours").secrets or "{}")
    return found


def test_a_secret_can_be_read_from_a_file_or_a_pipe(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("5e3b\n")
    said = desk.types("source", "add", "powerschool", "ours", *sets(*PLAIN, f"secret=@{tmp_path / 'secret'}"))
    assert said.code == 0, said
    assert kept() == {"secret": "5e3b"}
    assert "5e3b" not in said.out + said.err
    desk.types("source", "disable", "ours")
    assert desk.types("source", "enable", "ours", *sets("secret=@-"), answers="6f4c\n").code == 0
    assert kept() == {"secret": "6f4c"}


def test_a_file_that_is_not_there_is_said_to_be_missing(desk: Desk, tmp_path: Path) -> None:
    said = desk.types("source", "add", "powerschool", "ours", *sets(*PLAIN, f"secret=@{tmp_path / 'nowhere'}"))
    assert said.code == 2
    assert "cannot be read" in said.err


def test_without_a_terminal_nothing_is_asked(desk: Desk) -> None:
    said = desk.types("source", "add", "powerschool", "ours", *sets(*PLAIN), answers="5e3b\n")
    assert said.code == 2
    assert "secret" in said.err


def test_a_disabled_source_has_no_secret_and_wants_it_again(desk: Desk) -> None:
    desk.types("source", "add", "powerschool", "ours", *sets(*PLAIN, "secret=5e3b"))
    assert desk.sees("source", "disable", "ours")["enabled"] is False
    assert kept() == {}
    refused = desk.types("source", "enable", "ours")
    assert (refused.code, "forgotten" in refused.err) == (2, True)
    again = desk.sees("source", "enable", "ours", *sets("secret=6f4c"))
    assert (again["enabled"], again["settings"]["key"]) == (True, "4d2a")
