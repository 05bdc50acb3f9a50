"""A module is small, says its one idea first, and speaks the words of the house."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.files import SRC, modules, named, texts

LONGEST = 500
#: Words that fit anything and so say nothing. The house has a better one for each.
FOGGY = {
    *("batch", "batches", "data", "handle", "handles", "helper", "helpers", "info", "item", "items", "job", "jobs"),
    *("manager", "managers", "misc", "process", "processes", "record", "records", "sync", "task", "tasks"),
    *("util", "utils"),
}
#: Names that somebody else chose: Django, Python, or the list of settings that scripts rely on.
GIVEN = {
    "receive_data_chunk",
    "data_dir",
    "get_context_data",
    "handle",
    "handle_error",
    "process_exception",
    "process_request",
    "process_view",
}


def test_no_module_is_too_long_to_be_read_in_one_sitting() -> None:
    lengths = {named(path): text.count("\n") for path, text in texts().items() if path in modules(of=SRC)}
    assert not {path: lines for path, lines in lengths.items() if lines > LONGEST}


def test_every_module_begins_by_saying_its_idea() -> None:
    silent = [named(path) for path, tree in modules().items() if tree.body and not says_its_idea(tree)]
    assert not silent, "the first line of a module is a docstring: a whole sentence, with a capital and a full stop"


@pytest.mark.parametrize("first", ["", '"""Utilities"""', '"""gives out rows."""', "import os", '"""Rows\n\nof a roster."""'])
def test_a_heading_is_no_sentence(first: str) -> None:
    assert not says_its_idea(ast.parse(first))


def test_names_are_of_words_that_mean_something() -> None:
    foggy = [f"{named(path)}: {name}" for path, tree in modules(of=SRC).items() for name in names(path, tree) if is_foggy(name)]
    assert not foggy


@pytest.mark.parametrize("name", ["sync_all", "RosterManager", "getData", "HTTPHelper", "_utils"])
def test_a_foggy_word_is_seen_wherever_it_stands_in_a_name(name: str) -> None:
    assert is_foggy(name)


@pytest.mark.parametrize("name", ["database", "metadata", "asynchronous", "taskbar", "Recorded"])
def test_a_word_that_only_contains_a_foggy_one_is_fine(name: str) -> None:
    assert not is_foggy(name)


def says_its_idea(tree: ast.Module) -> bool:
    first = (ast.get_docstring(tree) or "").partition("\n")[0]
    return bool(re.fullmatch(r"[A-Z`\"“].*\w.* .*[.?]", first))


def names(path: Path, tree: ast.Module) -> set[str]:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {path.stem} | {node.name for node in ast.walk(tree) if isinstance(node, defined)}


def is_foggy(name: str) -> bool:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return name not in GIVEN and not FOGGY.isdisjoint(word.lower() for word in words)
