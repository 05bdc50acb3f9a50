"""Types commands as a person does, or as a script, in a district of its own; and starts real processes where that matters."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rollbook.cli.main import app
from tests import copies
from tests.connectors.oneroster import bundles

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Said:
    """What one command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """A place to type commands at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def types(self, *words: object, answers: str | None = None) -> Said:
        result = CliRunner().invoke(app, [str(word) for word in words], input=answers)
        return Said(result.exit_code, result.stdout, result.stderr)

    def sees(self, *words: object, code: int = 0) -> Any:
        """Type a command with --json, expect its exit code, return its one value."""
        said = self.types(*words, "--json")
        assert said.code == code, said
        return said.json

    def begins(self, *, district: str = "Maple Grove", admin: str = "dana@maple-grove.example") -> None:
        (self.folder / "password").write_text(PASSWORD + "\n")
        said = self.types("init", "--district", district, "--admin", admin, "--password-file", self.folder / "password")
        assert said.code == 0, said

    def adds(self, name: str, path: Path) -> None:
        said = self.types("source", "add", "oneroster-csv", name, "--set", f"path={path}")
        assert said.code == 0, said


@pytest.fixture
def desk(db: None, settings: Any, tmp_path: Path) -> Desk:
    settings.DATA_DIR = tmp_path / "kept"
    made = Desk(tmp_path)
    made.begins()
    return made


Program = Callable[..., subprocess.Popen[str]]


def program_at(folder: Path, database: str) -> Program:
    """Give what starts Rollbook as a program of its own; `first` is Python that runs before it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROLLBOOK_")}
    environment |= {
        "ROLLBOOK_DATABASE_URL": database,
        "ROLLBOOK_DATA_DIR": str(folder / "kept"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    def start(*words: object, first: str = "") -> subprocess.Popen[str]:
        code = f"import sys\n{first}\nfrom rollbook.__main__ import main\nmain()"
        command = [sys.executable, "-c", code, *(str(word) for word in words)]
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    return start


@pytest.fixture
def program(tmp_path: Path, empty_database: str) -> Program:
    """Rollbook as a program, on an empty database."""
    return program_at(tmp_path, empty_database)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Name of a database, and its folder, with a district and a source called lincoln, made by commands once."""
    folder, database = tmp_path_factory.mktemp("installation"), copies.create()
    program = program_at(folder, copies.address(database))
    (folder / "password").write_text(PASSWORD)
    said = ended(program("init", "--district", "Maple Grove", "--admin", "dana@maple.example", "--password-file", "password"))
    assert said.code == 0, said
    bundles.write(folder / "export", dict(bundles.texts("1.2")))
    said = ended(program("source", "add", "oneroster-csv", "lincoln", "--set", "path=export"))
    assert said.code == 0, said
    yield database, folder
    copies.drop(database)


@pytest.fixture
def installed(installation: tuple[str, Path], tmp_path: Path) -> Iterator[Program]:
    """Rollbook as a program, on a copy of that installation."""
    like, folder = installation
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    database = copies.create(like)
    yield program_at(tmp_path, copies.address(database))
    copies.drop(database)


def ended(process: subprocess.Popen[str]) -> Said:
    """Wait for a program; return what it said."""
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, err)
