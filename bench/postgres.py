"""A PostgreSQL server for the measurement, and the CPU seconds that it has used so far."""

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests import installed, postgres

TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server that nobody else uses."""

    def __init__(self, address: str) -> None:
        self._address = urlsplit(address)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            # What it does by itself would be counted for whoever is running just then. ANALYZE is run where it would have been.
            connection.execute("ALTER SYSTEM SET autovacuum = off")
            connection.execute("SELECT pg_reload_conf()")
            self.version = str(connection.info.server_version // 10_000)
            self._postmaster = _stat(connection.info.backend_pid)[1]

    @staticmethod
    def start() -> "Server | None":
        """Start a server from the installed programs, or give None. It is gone when this process is."""
        programs = installed.postgres()
        return Server(postgres.start(programs)) if programs else None

    def url(self, database: str) -> str:
        return self._address._replace(path=f"/{database}").geturl()

    def create(self, database: str, template: str | None = None) -> str:
        """Make a database, a copy of another one if that is named; give its address."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}"')
            connection.execute(f'CREATE DATABASE "{database}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url(database)

    def settle(self, database: str) -> None:
        """Do now what autovacuum does within minutes of a load."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def cpu(self) -> float:
        """Sum the CPU seconds of all processes of this server, those included that have ended."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")  # or the next one measured would write out what the last one left
        time.sleep(0.3)  # a connection ends a moment after its client
        alive = (_stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit())
        ticks = sum(own for _, parent, own, _ in alive if parent == self._postmaster)
        _, _, own, children = _stat(self._postmaster)
        return (ticks + own + children) / TICKS


def _stat(pid: int) -> tuple[int, int, int, int]:
    """Read of a process: its number, its parent's, its ticks, and those of its children that have ended."""
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return pid, 0, 0, 0
    user, system, children_user, children_system = (int(field) for field in fields[11:15])
    return pid, int(fields[1]), user + system, children_user + children_system
