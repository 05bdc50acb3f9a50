"""The floors of the house, and the doors that import-linter cannot see."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.house.files import ROOT, SRC, calls, modules, named


def test_imports_keep_every_contract() -> None:
    # A process of its own: it sets up logging anew, which would silence the loggers that other tests listen to.
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--config", str(ROOT / ".importlinter"), "--no-cache", "--no-logo"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_raw_sql_is_written_in_the_store_only() -> None:
    doors = {"cursor", "execute", "executemany", "executescript", "raw"}
    elsewhere = [
        f"{named(path)}:{call.lineno} calls {name}()"
        for path, tree in modules(of=SRC).items()
        if not path.is_relative_to(SRC / "store") and not path.is_relative_to(SRC / "sandbox")  # simulators keep their own
        for name, call in calls(tree)
        if name in doors
    ]
    assert not elsewhere


def test_faces_write_nothing_into_the_database() -> None:
    """An action asks who may, and writes the audit entry: a face that writes by itself has forgotten both."""
    writing = {"save", "create", "get_or_create", "update_or_create", "update", "delete", "bulk_create", "bulk_update"}
    faces = [(path, tree) for path, tree in modules(of=SRC).items() if path.relative_to(SRC).parts[0] in ("cli", "web")]
    assert not [
        f"{named(path)}:{call.lineno} calls {name}()"
        for path, tree in faces
        for name, call in calls(tree)
        if name in writing and any(isinstance(node, ast.Attribute) and node.attr == "objects" for node in ast.walk(call.func))
    ]


def test_nobody_assigns_a_state() -> None:
    """Two people who answer at once must not both be right, so a state is never set on an object and saved."""
    assigned = [
        f"{named(path)}:{node.lineno}"
        for path, tree in modules(of=SRC).items()
        if not path.is_relative_to(SRC / "sandbox")  # simulators keep their own
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "state" and isinstance(node.ctx, ast.Store)
    ]
    assert not assigned


def test_a_state_is_updated_in_the_store_from_the_state_that_was_seen() -> None:
    wrong = []
    for path, tree in modules(of=SRC).items():
        for name, call in calls(tree):
            if name != "update" or "state" not in keywords(call):
                continue
            if not path.is_relative_to(SRC / "store") or not any(is_conditional(inner) for inner in ast.walk(call.func)):
                wrong.append(f"{named(path)}:{call.lineno}")
    assert not wrong


def test_the_state_of_a_run_has_one_door() -> None:
    doors = {
        (named(path), function.name)
        for path, tree in modules(of=SRC).items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for name, call in calls(function)
        if name == "update" and "state" in keywords(call) and any(is_run(node) for node in ast.walk(call.func))
    }
    assert doors == {("src/rollbook/store/runs.py", "move")}


def test_no_sql_text_sets_a_state() -> None:
    assert not [
        f"{named(path)}:{node.lineno}"
        for path, tree in modules(of=SRC).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.search(r"\bupdate\b.*\bset\b[^;]*\bstate\s*=", node.value, re.IGNORECASE | re.DOTALL)
    ]


def keywords(call: ast.Call) -> set[str | None]:
    return {keyword.arg for keyword in call.keywords}


def is_conditional(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="filter")):
            return not {"state", "state__in"}.isdisjoint(keywords(node))
    return False


def is_run(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "Run"
