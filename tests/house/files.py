"""Reads the project as a stranger would: its files as text, its modules as syntax."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "rollbook"
HIDDEN_BUT_OURS = {".ci", ".github"}
NOT_OURS = {"__pycache__", "build", "dist", "node_modules"}


def named(path: Path) -> str:
    """Path as it is said in a complaint."""
    return path.relative_to(ROOT).as_posix()


@cache
def texts() -> dict[Path, str]:
    """Every file of the project that is text, but a developer's own settings."""
    found = {}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name in HIDDEN_BUT_OURS or (not name.startswith(".") and name not in NOT_OURS)]
        for path in (Path(folder, name) for name in files if name != ".env"):
            try:
                found[path] = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue  # a picture, a font, a file that is broken on purpose
    return found


@cache
def modules(*, of: Path = ROOT) -> dict[Path, ast.Module]:
    """Syntax of every Python module in a folder; what Django wrote is nobody's style."""
    return {
        path: ast.parse(text, str(path))
        for path, text in texts().items()
        if path.suffix == ".py" and path.is_relative_to(of) and path.parent.name != "migrations"
    }


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the last name of what is called: `cursor` for `connection.cursor()`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
                yield name, node
