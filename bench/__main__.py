"""`make bench`: every night of a district on both databases, beside the floors and the peers, each ratio beside its goal.

It measures and judges nothing: whatever comes out, it ends well.
"""

import argparse
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench import cost, pull, report
from bench.cost import Cost
from bench.postgres import Server
from bench.report import Figures


@dataclass
class Database:
    """One of the two databases: how a copy of the prepared one is made, and what the floor of a first import is."""

    name: str
    work: Path
    server: Server | None = None
    number: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def prepare(self, export: Path) -> None:
        """Make an empty database with one source that reads `export`: what every measured one is a copy of."""
        if self.server:
            self.server.create("prepared")
        folder = self.work / self.name / "prepared"
        folder.mkdir(parents=True)
        self._use("prepared", folder)
        self.run("night", "prepare", str(export))

    def fresh(self) -> None:
        """Go on with a copy of the prepared database."""
        self.number += 1
        folder = self.work / self.name / str(self.number)
        shutil.copytree(self.work / self.name / "prepared", folder)
        if self.server:
            self.server.create(f"copy{self.number}", "prepared")
        self._use(f"copy{self.number}", folder)

    def run(self, module: str, *words: str) -> Cost:
        return cost.of([f"bench.{module}", *words], self.environment, self.server)

    def settle(self) -> None:
        if self.server:
            self.server.settle(f"copy{self.number}")

    def floor(self) -> Cost:
        """Load the rows that the database holds now into empty tables, and make the same indexes."""
        dumped = self.work / self.name / "dumped"
        dumped.mkdir(exist_ok=True)
        if self.server:
            if not list(dumped.iterdir()):
                cost.of(["bench.floors", "dump-postgres", self.server.url(f"copy{self.number}"), str(dumped)], {})
            bare = self.server.create("bare", "prepared")
            cost.of(["bench.floors", "strip-postgres", bare, str(dumped)], {})
            return cost.of(["bench.floors", "load-postgres", bare, str(dumped)], {}, self.server)
        if not list(dumped.iterdir()):
            database = Path(self.environment["ROLLBOOK_DATA_DIR"]) / "rollbook.sqlite3"
            cost.of(["bench.floors", "dump-sqlite", str(database), str(dumped)], {})
        bare_file = self.work / self.name / "bare.sqlite3"
        for left in bare_file.parent.glob("bare.sqlite3*"):
            left.unlink()
        return cost.of(["bench.floors", "load-sqlite", str(bare_file), str(dumped)], {})

    def _use(self, database: str, folder: Path) -> None:
        url = self.server.url(database) if self.server else f"sqlite:///{folder}/rollbook.sqlite3"
        self.environment = {
            "ROLLBOOK_DATA_DIR": str(folder),
            "ROLLBOOK_DATABASE_URL": url,
            "ROLLBOOK_SECRET_KEY": "for measuring only",
            "ROLLBOOK_EMAIL_URL": f"file://{folder}/mail",
        }


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    ask.add_argument("--students", type=int, default=100_000, help="size of the district (100000)")
    ask.add_argument("--nights", type=int, default=3, help="how often each night is measured (3)")
    ask.add_argument("--imports", type=int, default=1, help="how often the first import is measured (1)")
    ask.add_argument("--slice", type=int, default=2_000, help="rows that the update_or_create loop gets (2000)")
    ask.add_argument("--no-peers", action="store_true", help="leave out Django's loop and dlt")
    ask.add_argument("--pull", type=int, default=20_000, help="students of the PowerSchool that is pulled; 0: none (20000)")
    wanted = ask.parse_args()
    if sys.platform != "linux":
        sys.exit("CPU seconds and memory are read the way that Linux gives them; please measure there.")
    with tempfile.TemporaryDirectory(prefix="rollbook-bench-") as folder:
        print(measure(wanted, Path(folder)))


def measure(wanted: argparse.Namespace, work: Path) -> str:
    """Take every measurement; return the report."""
    server = Server.start()
    databases = [Database("SQLite", work), *([Database("PostgreSQL", work, server)] if server else [])]
    if server is None:
        print("There is no PostgreSQL here; `make setup` installs it or says how.", file=sys.stderr)
    figures = Figures({database.name: {} for database in databases})
    export = work / "export"  # a link: the source's path stays the same, what lies there changes every night
    today = work / "today"
    figures.rows = _files("district", str(today), str(wanted.students)).said["rows"]
    for database in databases:
        database.prepare(export)

    for _ in range(wanted.imports):
        _lead(export, today)
        for database in databases:
            database.fresh()
            figures.add(database.name, "first", _applied(database.run("night", "import")))
            figures.add(database.name, "copy", database.floor())
            database.settle()

    # As many leave as the default limit of 200 says at 100,000 students, so that a small district is held as well.
    leavers = max(1, min(200, wanted.students // 500))
    for number in range(wanted.nights):
        shuffled, other, tomorrow = (work / name for name in ("shuffled", "other", "tomorrow"))
        _files("shuffled", str(today), str(shuffled), str(number))
        _files("next-day", str(today), str(other), str(1_000 + number))
        _files("next-day", str(today), str(tomorrow), str(number))
        for database in databases:
            # The first night under other limits looks at everything again. It is not the one to be measured.
            _lead(export, today)
            database.run("night", "limits", str(leavers))
            _applied(database.run("night", "import"))
            for folder in (shuffled, today, shuffled):  # each in another order than the one before
                _lead(export, folder)
                figures.add(database.name, "unchanged", _applied(database.run("night", "import")))
                figures.add(database.name, "scan", cost.of(["bench.floors", "scan", str(folder)], {}))
            figures.add(database.name, "identical", _applied(database.run("night", "import")))
            figures.add(database.name, "read", cost.of(["bench.floors", "read", str(shuffled)], {}))
            # Another day than the one that is applied, which would else find most of its work done.
            _lead(export, other)
            figures.add(database.name, "held", _in_state("held", database.run("night", "import")))
            _lead(export, tomorrow)
            database.run("night", "limits", "0")
            figures.add(database.name, "one", _applied(database.run("night", "import")))
        for folder in (today, shuffled, other):
            shutil.rmtree(folder)
        tomorrow.rename(today)

    if not wanted.no_peers:
        for database in databases:
            database.fresh()
            for name in ("loop", "loop again"):
                figures.add(database.name, name, database.run("peers", "django", str(today), str(wanted.slice)))
        if server:
            address = server.create("dlt")
            for name in ("dlt", "dlt again"):
                command = ["bench.peers", "dlt", str(today), address, str(work / "dlt")]
                figures.add("PostgreSQL", name, cost.of(command, {}, server))
    if wanted.pull:
        for pulled in pull.measured(wanted.pull):
            figures.pulled(pulled)
    figures.slice = wanted.slice
    return report.written(figures, _machine(wanted.students, server))


def _files(*words: str) -> Cost:
    return cost.of(["bench.files", *words], {})


def _lead(link: Path, folder: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(folder)


def _applied(measured: Cost) -> Cost:
    return _in_state("applied", measured)


def _in_state(state: str, measured: Cost) -> Cost:
    if measured.said["state"] != state:
        sys.exit(f"This import was to be {state}, and is {measured.said['state']}: {measured.said['message']}")
    return measured


def _machine(students: int, server: Server | None) -> str:
    shell = "with" if shutil.which("sqlite3") else "without"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    return (
        f"{datetime.now(UTC):%-d %B %Y}; {students:,} students; {machine}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} ({shell} its shell), "
        + (f"PostgreSQL {server.version}" if server else "no PostgreSQL")
    )


if __name__ == "__main__":
    main()
