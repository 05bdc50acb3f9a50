"""Types commands as a person does, or as a script, in a district of its own; and starts real processes where that matters."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rollbook.cli.main import app

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


@pytest.fixture
def program(tmp_path: Path, empty_database: str) -> Callable[..., subprocess.Popen[str]]:
    """Start Rollbook as a program of its own, on an empty database; `first` is Python that runs before it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROLLBOOK_")}
    environment |= {
        "ROLLBOOK_DATABASE_URL": empty_database,
        "ROLLBOOK_DATA_DIR": str(tmp_path / "kept"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    def start(*words: object, first: str = "") -> subprocess.Popen[str]:
        code = f"import sys\n{first}\nfrom rollbook.cli.main import main\nmain()"
        command = [sys.executable, "-c", code, *(str(word) for word in words)]
        return subprocess.Popen(
            command,
            env=environment,
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    return start


def ended(process: subprocess.Popen[str]) -> Said:
    """Wait for a program; return what it said."""
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, err)
