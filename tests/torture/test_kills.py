"""A process is killed at any moment: the roster is as before or as after, the run says which, and the next start ends it."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house.files import ROOT


class Zygote:
    """A process that begins processes and kills them."""

    def __init__(self, database: str, folder: Path, **more: str) -> None:
        environment = {
            **os.environ,
            "ROLLBOOK_DATABASE_URL": database,
            "ROLLBOOK_DATA_DIR": str(folder),
            "ROLLBOOK_SECRET_KEY": "for tests only",
            "ROLLBOOK_EMAIL_URL": f"file://{folder}/mail",
            "DJANGO_SETTINGS_MODULE": "rollbook.server.settings",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "POLARS_MAX_THREADS": "2",
            "OPENBLAS_NUM_THREADS": "1",  # threads do not survive a fork
            **more,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.zygote"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, order: str, **more: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"order": order, **more}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "broke" not in answer, answer
        return answer

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture
def zygote(empty_database: str, tmp_path: Path) -> Iterator[Zygote]:
    made = Zygote(empty_database, tmp_path / "kept")
    made("begin")
    yield made
    made.close()


def test_a_few_kills(zygote: Zygote) -> None:
    torture(zygote, 4, random.Random(7))


@pytest.mark.torture
def test_two_hundred_kills(zygote: Zygote, capsys: pytest.CaptureFixture[str]) -> None:
    seed = random.SystemRandom().randrange(10**6)
    fell = torture(zygote, 200, random.Random(seed))
    with capsys.disabled():
        print(
            f"\n{sum(fell.values())} kills (seed {seed}): {fell['before']} before the transaction, {fell['inside']} inside it, "
            f"{fell['after']} after it"
        )
    assert fell["inside"] >= 100


def torture(zygote: Zygote, kills: int, dice: random.Random) -> Counter[str]:
    """Go to and fro between two rosters, and be killed on the way, so many times."""
    known, statements, at = {}, {}, "a"
    for way, to in (("import", "a"), ("import", "b"), ("undo", None), ("approve", "b"), ("approve", "a")):
        done = zygote("do", way=way, to=to)
        assert done["state"] == "applied", done
        statements[way] = int(done["mark"].split()[1])
        if way == "approve":  # from now on nobody is new any more
            known[to] = zygote("look")["roster"]
    assert known["a"] != known["b"]
    fell: Counter[str] = Counter()
    turn = 0
    while sum(fell.values()) < kills:
        turn += 1
        other = "b" if at == "a" else "a"
        way = dice.choice(("import", "import", "undo", "approve"))
        kind = dice.choices(("statement", "time", "file", "commit"), (65, 15, 12, 8))[0]
        kill = {"at": kind, "n": dice.randint(1, 12 if kind == "file" else statements[way])}
        if kind == "statement":
            kill["n"] = dice.randint(2, statements[way])
        kill["seconds"] = dice.uniform(0.05, 1.5)  # type: ignore[assignment]
        before = known[at]

        died = zygote("do", way=way, to=None if way == "undo" else other, kill=kill)

        seen = zygote("look")
        story = (turn, way, kill, died, list(seen["states"].values())[-4:])
        print(story)
        if died["killed"]:
            where = {"": "before", "i": "inside", "c": "after"}[died["mark"][:1]]
            fell["after" if seen["roster"] == known[other] else where if where != "after" else "before"] += 1
        assert seen["roster"] in (known[at], known[other]), story
        written = seen["roster"] == known[other]
        if not died["killed"]:
            assert written, story
        if died["mark"]:  # the run had been begun
            state = seen["states"][str(seen["newest"])]
            assert (state == "applied") == written, story
            assert state in ("applied", "working"), story
        ended = zygote("recover")
        now = zygote("look")
        if died["mark"] or now["roster"] != before:
            assert ended["state"] == "applied" and now["roster"] == known[other], (story, ended)
            at = other
            if died["mark"].startswith("inside"):
                assert "put back" in ended["history"], (story, ended)
        assert "working" not in now["states"].values() and "queued" not in now["states"].values(), (story, ended)
        if way != "undo" and at == other and dice.random() < 0.25:
            after = zygote("again")
            assert (after["state"], after["changes"]) == ("applied", 0), (story, after)
    return fell


def test_a_first_import_killed_while_its_indexes_are_away_leaves_them_as_they_were(zygote: Zygote) -> None:
    dice = random.Random(11)
    empty = zygote("look")
    assert not any(empty["roster"].values())
    died = zygote("do", way="import", to="a", rebuild=True, kill={"at": "statement", "n": dice.randint(10, 40)})
    seen = zygote("look")
    assert died["killed"] and died["mark"] == "inside"
    assert seen["roster"] == empty["roster"] and seen["indexes"] == empty["indexes"]

    assert zygote("recover")["state"] == "applied"

    done = zygote("look")
    assert len(done["roster"]["person"]) == 33 and done["indexes"] == empty["indexes"]
