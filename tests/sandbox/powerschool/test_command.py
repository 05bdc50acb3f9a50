"""`rollbook sandbox powerschool`, as a program that somebody else's client talks to."""

import json
import signal
import subprocess
import sys

import httpx2
from typer.testing import CliRunner

from rollbook.cli.main import app

PROGRAM = [sys.executable, "-m", "rollbook", "sandbox", "powerschool", "--port", "0", "--students", "50"]


def test_its_first_line_is_what_a_client_needs_and_a_signal_ends_it() -> None:
    with subprocess.Popen([*PROGRAM, "--ready", "--fault", "unavailable:1"], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        said = json.loads(program.stdout.readline())
        with httpx2.Client(base_url=said["url"], verify=False, trust_env=False, timeout=30) as http:
            keys = said["client_id"], said["client_secret"]
            token = http.post("/oauth/access_token", data={"grant_type": "client_credentials"}, auth=keys).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            assert http.get("/ws/v1/district/student/count", headers=headers).json()["resource"]["count"] >= 50
            assert http.get("/ws/v1/metadata", headers=headers).status_code == 503
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 0


def test_who_is_ready_may_ask_the_queries_of_our_plugin() -> None:
    with subprocess.Popen([*PROGRAM, "--ready"], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        said = json.loads(program.stdout.readline())
        with httpx2.Client(base_url=said["url"], verify=False, trust_env=False, timeout=30) as http:
            keys = said["client_id"], said["client_secret"]
            token = http.post("/oauth/access_token", data={"grant_type": "client_credentials"}, auth=keys).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            query = "/ws/schema/query/org.rollbook.roster.core.students/count"
            assert int(http.post(query, headers=headers, json={}).json()["count"]) >= 50
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 0


def test_an_unknown_fault_is_refused_with_those_that_there_are() -> None:
    said = CliRunner().invoke(app, ["sandbox", "powerschool", "--port", "0", "--fault", "earthquake"])
    assert said.exit_code == 2 and "maintenance" in said.stderr
