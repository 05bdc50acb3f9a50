"""Rollbook as a program: killed, interrupted, asked twice, served, and stopped."""

import json
import re
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

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


def test_help_comes_at_once(program: Program) -> None:
    heavy = "import atexit; atexit.register(lambda: print(sorted({'django', 'polars', 'rich'} & set(sys.modules))))"
    said = ended(program("--help", first=heavy))
    assert said.code == 0
    assert said.out.endswith("[]\n"), "what takes long to load is loaded when it is needed"


def test_before_init_a_command_says_what_to_type(program: Program, tmp_path: Path) -> None:
    said = ended(program("runs"))
    assert (said.code, "rollbook init" in said.err, said.out) == (2, True, "")
    assert "Traceback" not in said.err


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


def test_a_worker_does_what_was_asked_for_and_stops_when_told(installed: Program) -> None:
    assert ended(installed("run", "lincoln", first=KILLED)).code == -signal.SIGKILL
    working = installed("work")
    try:
        assert _becomes(lambda: ended(installed("show", "1", "--json")).json["state"] == "applied")
        working.send_signal(signal.SIGTERM)
        assert ended(working).code == 0
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


def test_the_demo_goes_on_where_it_was(program: Program, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sign_ins = []
    for _ in range(2):
        demo = program("demo", "--no-browser", "--port", port)
        try:
            assert _answers(f"http://127.0.0.1:{port}/"), demo.poll()
            assert "would deactivate" in _signed_in(f"http://127.0.0.1:{port}", tmp_path / "kept" / "demo.json", "/imports/3/")
            demo.send_signal(signal.SIGINT)
            said = ended(demo)
        finally:
            demo.kill()
        assert said.code == 0, said
        sign_ins.append([line for line in said.out.splitlines() if line.startswith(("Sign in", "Password"))])
        assert [each["state"] for each in ended(program("runs", "--json")).json] == ["held", "applied", "applied"]
    assert sign_ins[0] == sign_ins[1] != []
    assert list((tmp_path / "kept" / "mail").glob("*.eml"))


def test_the_demo_leaves_a_real_installation_alone(installed: Program) -> None:
    said = ended(installed("demo", "--no-browser"))
    assert (said.code, "not the demo's" in said.err) == (2, True), said
    assert ended(installed("sources", "--json")).json[0]["name"] == "lincoln"


def test_an_approved_import_that_was_killed_is_applied_as_it_was_approved(installed: Program) -> None:
    held = ended(installed("plan", "lincoln", "--json")).json
    assert ended(installed("approve", held["run"], first=DIES_APPLYING)).code == -signal.SIGKILL
    said = ended(installed("approve", held["run"], "--json"))
    assert (said.code, said.json["state"], said.json["digest"]) == (0, "applied", held["digest"]), said
