"""Rollbook as a program: killed, interrupted, asked twice, served, and stopped."""

import json
import re
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import polars as pl
import pytest

from rollbook.cli import demo
from rollbook.sandbox.powerschool.district import tables
from rollbook.sandbox.powerschool.frames import Tables
from rollbook.sandbox.powerschool.tomorrow import half_a_school_leaves
from tests.cli.conftest import Program, ended

#: Makes the OneRoster connector end its own process, without a word, while rows are read.
KILLED = """
import os, signal
from rollbook.connectors.oneroster.connector import OneRosterCsv
OneRosterCsv.extract = lambda self, entity: os.kill(os.getpid(), signal.SIGKILL)
"""

#: The same, just before approved changes are written.
DIES_APPLYING = """
import os, signal
from rollbook.lib import columnar
columnar.digest = lambda frame: os.kill(os.getpid(), signal.SIGKILL)
"""

#: A PowerSchool of our own may be asked without a pause.
HURRIED = """
from functools import partial
from rollbook.lib import http
http.Limits = partial(http.Limits, apart=0.0)
"""

#: Makes the PowerSchool connector end its own process, without a word, before rows are read.
DIES_ASKING = """
import os, signal
from rollbook.connectors.powerschool.connector import PowerSchool
PowerSchool.extract = lambda self, entity: os.kill(os.getpid(), signal.SIGKILL)
"""

#: Believes that it talks to a person, and goes on with the people of the files only once the person has been told so.
WATCHED = """
import threading
from rich.status import Status
from rollbook.connectors.oneroster.connector import OneRosterCsv
sys.stderr.isatty = lambda: True
told, update, extract = threading.Event(), Status.update, OneRosterCsv.extract
Status.update = lambda self, text: (update(self, text), "people" in text.plain and told.set())
OneRosterCsv.extract = lambda self, entity: (entity != "person" or told.wait(30)) and extract(self, entity)
"""

#: Interrupts this process, as Ctrl-C does, when a module is asked for.
STOPPED_LOADING = """
class Stop:
    def find_spec(name, *more):
        if name == "{module}":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop)
"""

#: Says first where the database is.
TELLS_ITS_DATABASE = "import os; print(os.environ['ROLLBOOK_DATABASE_URL'].removeprefix('sqlite:///'))"


@pytest.mark.once
def test_help_comes_at_once(program: Program) -> None:
    heavy = "import atexit; atexit.register(lambda: print(sorted({'django', 'polars', 'rich'} & set(sys.modules))))"
    said = ended(program("--help", first=heavy))
    assert said.code == 0
    assert said.out.endswith("[]\n"), "what takes long to load is loaded when it is needed"


@pytest.mark.once
def test_ctrl_c_is_quiet_while_a_command_is_still_loading(program: Program) -> None:
    for module in ("typer", "django"):
        said = ended(program("runs", first=STOPPED_LOADING.format(module=module)))
        assert (said.code, said.out, said.err) == (130, "", "")
    said = ended(program("runs", "--json", first=STOPPED_LOADING.format(module="django")))
    assert (said.code, said.json["exit_code"]) == (130, 130)


@pytest.mark.once
def test_whoever_has_read_enough_ends_a_command_in_peace(installed: Program) -> None:
    for words in (("settings",), ("settings", "--json"), ("sources",), ("sources", "--json")):
        process = installed(*words)
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert (process.wait(60), process.stderr.read()) == (0, ""), words


@pytest.mark.once
def test_before_init_a_command_says_what_to_type(program: Program, tmp_path: Path) -> None:
    said = ended(program("runs"))
    assert (said.code, "rollbook init" in said.err, said.out) == (2, True, "")
    assert "Traceback" not in said.err


@pytest.mark.once
def test_a_command_that_ends_leaves_the_whole_database_in_one_file(installed: Program, tmp_path: Path) -> None:
    """Whoever copies the file of SQLite between two commands has everything."""
    assert ended(installed("run", "lincoln")).code == 0
    database = ended(installed("run", "lincoln", first=TELLS_ITS_DATABASE)).out.splitlines()[0]
    assert Path(database).exists()
    assert not list(Path(database).parent.glob(f"{Path(database).name}-*"))


@pytest.mark.once
def test_who_waits_at_a_terminal_sees_how_far_an_import_is(installed: Program) -> None:
    said = ended(installed("run", "lincoln", "--json", first=WATCHED))
    assert (said.code, json.loads(said.out)["state"]) == (0, "applied")
    assert "Step 1 of 5: Reading the source: people (4 of 8)" in said.err


def test_an_import_that_was_killed_is_taken_up_by_the_next_one(installed: Program) -> None:
    assert ended(installed("run", "lincoln", first=KILLED)).code == -signal.SIGKILL
    assert ended(installed("roster", "person", "--json")).json == []
    said = ended(installed("run", "lincoln", "--json"))
    assert said.code == 0, said
    assert "interrupted before it wrote anything" in said.err
    assert (said.json["run"], said.json["state"]) == (1, "applied")


def test_a_preview_and_an_undo_that_were_killed_stand_in_nobodys_way(installed: Program) -> None:
    assert ended(installed("plan", "lincoln", first=KILLED)).code == -signal.SIGKILL
    applied = ended(installed("run", "lincoln", "--json"))
    assert (applied.code, applied.json["run"]) == (0, 2)
    assert "takes its place" in applied.err
    assert (
        ended(installed("run", "lincoln", first=KILLED.replace("extract", "bytes_fingerprint").replace(", entity", ""))).code < 0
    )
    seen = ended(installed("plan", "lincoln", "--json"))
    assert (seen.code, seen.json["state"]) == (0, "held")
    undone = ended(installed("undo", "2", "--json"))
    assert undone.code in (0, 3), undone
    assert [each["state"] for each in ended(installed("runs", "--json")).json][1:] == [
        "superseded",
        "superseded",
        "applied",
        "superseded",
    ]


def test_ctrl_c_stops_the_web_and_its_worker(installed: Program, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = installed("serve", "--port", port)
    try:
        assert _answers(f"http://127.0.0.1:{port}/"), serving.poll()
        workers = _children(serving.pid)
        assert len(workers) >= 2, "a web worker, and one for imports"
        taken = ended(installed("serve", "--port", port, "--no-worker"))
        assert (taken.code, "--port" in taken.err) == (2, True)
        serving.send_signal(signal.SIGINT)
        assert ended(serving).code == 0
        # What Python keeps beside them to clear up ends a moment after them.
        assert _becomes(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    finally:
        serving.kill()


def test_a_worker_does_what_was_asked_for_and_stops_when_told(installed: Program, tmp_path: Path) -> None:
    assert ended(installed("run", "lincoln", first=KILLED)).code == -signal.SIGKILL
    working = installed("work")
    try:
        assert _becomes(lambda: any(tmp_path.glob("kept/mail/*.eml"))), "its end is mailed, once it is over"
        working.send_signal(signal.SIGTERM)
        assert ended(working).code == 0
        assert ended(installed("show", "1", "--json")).json["state"] == "applied"
    finally:
        working.kill()


def _answers(address: str) -> bool:
    def asks() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return _becomes(asks)


def _read(address: str, *, method: str = "GET") -> str:
    with urllib.request.urlopen(Request(address, method=method), timeout=60) as answer:
        return str(answer.read().decode())


def _becomes(true: Callable[[], bool], *, within: float = 40) -> bool:
    """Look again until something has happened elsewhere; give up after a while."""
    end, pause = time.monotonic() + within, threading.Event()
    while not true():
        if time.monotonic() > end:
            return False
        pause.wait(0.1)
    return True


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _active(tables: Tables) -> int:
    return tables["STUDENTS"].filter(pl.col("ENROLL_STATUS") == 0).height


def _signed_in(address: str, sign_in: Path, page: str) -> str:
    """Sign in to a running Rollbook and read one of its pages, as a person would: through the server and its workers."""
    browser = build_opener(HTTPCookieProcessor())
    form = browser.open(f"{address}/sign-in/", timeout=60).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert token
    known = json.loads(sign_in.read_text())
    answers = {"csrfmiddlewaretoken": token[1], "email": known["email"], "password": known["password"]}
    request = Request(f"{address}/sign-in/", urlencode(answers).encode(), {"Referer": f"{address}/sign-in/"})
    browser.open(request, timeout=60)
    return str(browser.open(f"{address}{page}", timeout=60).read().decode())


@pytest.mark.once
def test_the_demo_goes_on_where_it_was(program: Program, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        rollbook = f"http://127.0.0.1:{free.getsockname()[1]}"
    words = ("demo", "--no-browser", "--port", rollbook.rpartition(":")[2])
    assert ended(program(*words, first=HURRIED + DIES_ASKING)).code == -signal.SIGKILL
    powerschool = f"http://127.0.0.1:{json.loads((kept / 'demo.json').read_text())['port']}"
    seen, told = [], []
    for turn in range(2):
        shown = program(*words, first=HURRIED)
        try:
            assert _answers(rollbook), shown.poll()
            assert "would deactivate" in _signed_in(rollbook, kept / "demo.json", "/imports/2/")
            if turn == 0:
                _read(f"{powerschool}/admin/plugins/42/regenerate", method="POST")
                _read(f"{powerschool}/admin/simulator/tomorrow", method="POST")
            plugin, credentials, day = (
                _read(f"{powerschool}/admin/{page}") for page in ("plugins/42", "plugins/42/data.html", "simulator.html")
            )
            assert "It is enabled" in plugin
            seen.append((plugin, credentials, re.findall(r"Today is [^.]+", day)))
            shown.send_signal(signal.SIGINT)
            said = ended(shown)
        finally:
            shown.kill()
        assert said.code == 0, said
        told.append(
            [line for line in said.out.splitlines() if line.startswith(("Rollbook ", "Sign in", "Password", "PowerSchool"))]
        )
        assert [each["state"] for each in ended(program("runs", "--json")).json] == ["held", "applied"]
    assert told[0] == told[1]
    assert all(address in " ".join(told[0]) for address in (rollbook, powerschool))
    assert seen[0] == seen[1]
    assert "day 3" in seen[0][2][0]
    assert len(list((kept / "mail").glob("*.eml"))) == 3


@pytest.mark.parametrize("month", range(1, 13))
def test_half_of_a_school_can_leave_in_whatever_month_the_demo_begins(month: int) -> None:
    for today in (date(2026, month, 1), date(2026, month, 20)):
        begun = tables(demo.STUDENTS, demo.SEED, demo.school_day(today))
        after = half_a_school_leaves(begun, today=today + timedelta(days=1))
        assert _active(begun) - _active(after) > 80


@pytest.mark.once
def test_the_demo_leaves_a_real_installation_alone(installed: Program) -> None:
    said = ended(installed("demo", "--no-browser"))
    assert (said.code, "not the demo's" in said.err) == (2, True), said
    assert ended(installed("sources", "--json")).json[0]["name"] == "lincoln"


def test_an_approved_import_that_was_killed_is_applied_as_it_was_approved(installed: Program) -> None:
    held = ended(installed("plan", "lincoln", "--json")).json
    assert ended(installed("approve", held["run"], first=DIES_APPLYING)).code == -signal.SIGKILL
    said = ended(installed("approve", held["run"], "--json"))
    assert (said.code, said.json["state"], said.json["digest"]) == (0, "applied", held["digest"]), said
