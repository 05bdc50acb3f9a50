"""A PostgreSQL server for one test session: made from the installed programs, gone when the session is, however it ends."""

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests import installed

GIVEN = "ROLLBOOK_TEST_POSTGRES"  # the address of a server to use instead; its user must be allowed to create databases
#: The data lives for minutes and may be lost.
CARELESS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=50"


def address() -> str | None:
    """Address of the server to test on, started if need be; None if there is no PostgreSQL here.

    The first process of a session starts it. The workers that it starts inherit the address.
    """
    if GIVEN not in os.environ and (programs := installed.postgres()):
        os.environ[GIVEN] = start(programs)
    return os.environ.get(GIVEN)


def start(programs: Path) -> str:
    """Start a server in a folder of its own and give its address."""
    home = Path(tempfile.mkdtemp(prefix="rollbook-postgres-"))
    password = secrets.token_hex(16)  # other accounts of this machine can reach the port
    (home / "password").write_text(password)
    owner = []
    if os.geteuid() == 0:  # initdb and pg_ctl refuse root
        owner = ["runuser", "-u", "postgres", "--"]
        for path in (home, home / "password"):
            shutil.chown(path, "postgres", "postgres")

    def run(program: str, *options: str) -> None:
        command = [*owner, str(programs / program), "-D", str(home / "cluster"), *options]
        with (home / "output").open("a+") as output:  # a file: the server would keep a pipe open, and us waiting
            if subprocess.run(command, cwd=home, stdout=output, stderr=output, env=environment, check=False).returncode:
                output.seek(0)
                raise RuntimeError(f"{program} failed:\n{output.read()}")

    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run("initdb", "-U", "postgres", "-E", "UTF8", "-A", "scram-sha-256", f"--pwfile={home / 'password'}", "--no-sync")
    listen = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='{home}' {CARELESS}"
    run("pg_ctl", "start", "-w", "-o", listen, "-l", str(home / "log"))

    # The guard reads a pipe that only we hold. When we end, even if killed, the pipe closes and the guard stops the server.
    last = f"cat; '{programs}/pg_ctl' stop -m immediate -D '{home}/cluster'; cd /; rm -rf '{home}'"
    guard = subprocess.Popen(
        [*owner, "sh", "-c", last], cwd=home, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
    atexit.register(guard.communicate)
    return f"postgres://postgres:{password}@127.0.0.1:{port}/rollbook"
