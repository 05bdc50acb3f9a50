"""A night that asks a PowerSchool is killed anywhere: the roster is as it was, and the next attempt asks for the rest only."""

import random
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from rollbook.connectors.powerschool.plugin import package
from rollbook.sandbox.powerschool.server import PowerSchool
from tests.torture.test_kills import Zygote

Page = tuple[str, int]


@pytest.fixture
def powerschool() -> Iterator[PowerSchool]:
    with PowerSchool.of(60).ready(package(guardians=True)) as simulator:
        yield simulator


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def zygote(empty_database: str, home: Path, powerschool: PowerSchool) -> Iterator[Zygote]:
    made = Zygote(empty_database, home, ROLLBOOK_ALLOWED_NETWORKS="127.0.0.1")
    credentials = {"url": powerschool.url, "key": powerschool.client_id, "secret": powerschool.client_secret, "devices": "mix"}
    made("begin", powerschool=credentials)
    yield made
    made.close()


def night(zygote: Zygote, kill: dict[str, Any] | None = None) -> dict[str, Any]:
    return zygote("do", way="import", to=None, kill=kill)


def kept(home: Path) -> set[Page]:
    """Name the pages that a run has on disk."""
    return {(path.parents[1].name, int(path.stem[5:])) for path in home.glob("sources/*/runs/*/pages/*/*/page-*.parquet")}


def asked(powerschool: PowerSchool) -> set[Page]:
    """Name the pages that were asked for since the log was emptied; a page of one row is a look whether it is still there."""
    found = [(each.path.rpartition(".")[2], parse_qs(each.query)) for each in powerschool.log if "pagesize=" in each.query]
    return {(name, int(query["page"][0])) for name, query in found if query["pagesize"] != ["1"]}


@pytest.mark.once
def test_a_night_killed_twice_leaves_the_roster_and_does_not_ask_again_for_the_pages_that_it_has(
    zygote: Zygote, powerschool: PowerSchool, home: Path
) -> None:
    dice = random.Random(5)
    night(zygote)
    before = zygote("look")["roster"]
    powerschool.tomorrow()

    died = night(zygote, {"at": "file", "n": dice.randint(8, 14)})

    assert died["killed"] and zygote("look")["roster"] == before
    there = kept(home)
    assert there
    (folder,) = home.glob("sources/*/runs/*/pages")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secrets = [text.encode() for text in (powerschool.client_secret, powerschool.plugin.token)]
    assert not [path for path in folder.rglob("*.*") for secret in secrets if secret in path.read_bytes()]
    powerschool.log.clear()

    assert zygote("recover")["state"] == "applied"

    rest = asked(powerschool)
    assert rest and not rest & there
    assert zygote("look")["roster"] != before
    assert not kept(home)
    powerschool.log.clear()
    nothing_is_left_to_change(zygote)
    assert rest | there == asked(powerschool)
    interrupted(zygote, powerschool, {"at": "statement", "n": dice.randint(2, 6)})


@pytest.mark.torture
def test_twenty_random_moments_of_a_night(zygote: Zygote, powerschool: PowerSchool) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    night(zygote)
    powerschool.tomorrow()
    done = night(zygote)
    assert done["state"] == "applied", done
    files, statements = done["files"], int(done["mark"].split()[1])
    for at in dice.choices(("file", "statement", "time"), (60, 25, 15), k=20):
        # Another night may have a few files and statements less.
        last = max(3, (files if at == "file" else statements) - 4)
        interrupted(zygote, powerschool, {"at": at, "n": dice.randint(2, last), "seconds": dice.uniform(0.3, 3.0)})


def interrupted(zygote: Zygote, powerschool: PowerSchool, kill: dict[str, Any]) -> None:
    """Be killed in the next night, start again, and look what became of it."""
    powerschool.tomorrow()
    before = zygote("look")

    died = night(zygote, kill)

    seen = zygote("look")
    story = (kill, died, list(seen["states"].values())[-3:])
    print(story)
    late = not died["killed"] or died["mark"].startswith("committed")
    assert not late or kill["at"] != "statement", story
    assert (seen["roster"] != before["roster"]) == late, story
    if seen["newest"] == before["newest"]:
        night(zygote)  # it had not begun
    ended = zygote("recover")
    assert ended["state"] == "applied", (story, ended)
    assert zygote("look")["roster"] != before["roster"], (story, ended)
    nothing_is_left_to_change(zygote)


def nothing_is_left_to_change(zygote: Zygote) -> None:
    after = zygote("again")
    assert (after["state"], after["changes"]) == ("applied", 0), after
