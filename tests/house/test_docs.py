"""What the pages say is true: they are fresh, their links lead somewhere, and their commands exist."""

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from rollbook.actions import shapes
from rollbook.cli.main import app
from rollbook.connectors.protocol import Connector
from rollbook.connectors.testing import ConnectorPromises
from rollbook.domain.changes import SITUATIONS
from rollbook.domain.errors import RollbookError
from rollbook.domain.findings import Level
from rollbook.pipeline.check import OWN_RULES
from rollbook.pipeline.rules import CATALOGUE
from rollbook.pipeline.undo import CHANGED_SINCE
from tests.house.files import ROOT, named, texts
from tests.pipeline.test_situations import TABLE
from tools import docs

PAGES = sorted(path for path in texts() if path.suffix == ".md")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(rollbook [^`]+)`")
#: Files of pages that say what a run of hours measured: they are there when it has been done.
MEASURED = {"docs/explanation/performance.md", "docs/explanation/reliability.md"}


@pytest.mark.parametrize("path", docs.PAGES)
def test_a_page_made_from_code_still_says_what_the_code_says(path: str) -> None:
    assert (ROOT / path).read_text() == docs.PAGES[path](), "make docs"


def test_no_other_page_claims_to_be_made() -> None:
    made = {named(path) for path in PAGES if path.read_text().startswith(docs.NOTE[:15])}
    assert made == set(docs.PAGES)


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        page = (path.parent / place).resolve() if place else path
        if named(page) in MEASURED and not page.exists():
            continue
        if not page.exists() or (anchor and anchor not in anchors(page)):
            broken.append(target)
    assert not broken


def test_every_page_of_docs_can_be_reached() -> None:
    linked = {
        (path.parent / target.partition("#")[0]).resolve()
        for path in PAGES
        for target in LINK.findall(path.read_text())
        if not re.match(r"[a-z]+:|#", target)
    }
    folders = {page for page in linked if page.is_dir()}
    pages = [path for path in PAGES if path.is_relative_to(ROOT / "docs") and named(path) not in MEASURED]
    assert not [named(path) for path in pages if path not in linked and path.parent not in folders]


def shown() -> Iterator[tuple[str, str]]:
    """Every command line that some page shows, with the page."""
    for path in PAGES:
        text = path.read_text()
        for _, language, body in FENCE.findall(text):
            for line in re.sub(r"\\\n\s*", " ", body).splitlines():
                if language in ("sh", "ini") and (met := re.search(r"(?:^|[\s/=])(rollbook [a-z].*)", line)):
                    yield named(path), met[1]
        for words in INLINE.findall(FENCE.sub("", text)):
            if re.match(r"rollbook [a-z]", words):
                yield named(path), words


@pytest.mark.parametrize(("page", "line"), sorted(set(shown())))
def test_every_command_that_is_shown_exists(page: str, line: str) -> None:
    assert not complaint(shlex.split(line.replace("…", "x"), comments=True)), page


@pytest.mark.parametrize("line", ["rollbook sync", "rollbook plan lincoln --force", "rollbook source remove x"])
def test_a_command_that_is_not_there_is_seen(line: str) -> None:
    assert complaint(shlex.split(line))


def complaint(words: list[str]) -> str:
    """Say what of a command line is not there: the command, or an option of it."""
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while getattr(command, "commands", None) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return f"no command {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else ""


def test_the_two_commands_of_the_readme_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {
        (named(path), word) for path in PAGES for word in re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(), re.MULTILINE)
    }
    assert {("README.md", "demo"), ("README.md", "test")} <= asked
    assert not {(page, word) for page, word in asked if word not in targets}


@pytest.mark.parametrize(
    "rule", [*(each.rule for each in CATALOGUE.values()), *OWN_RULES, CHANGED_SINCE], ids=lambda rule: rule.name
)
def test_every_rule_says_what_is_wrong_and_what_to_do(rule: Any) -> None:
    assert re.fullmatch(r"[A-Z].+\.", rule.text)
    assert rule.level is Level.NOTE or re.fullmatch(r"[A-Z].+\.", rule.remedy)


def test_every_error_says_what_to_do_next() -> None:
    kinds = [RollbookError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        assert re.fullmatch(r"[A-Z].+\.", kind.next_step), kind
        assert re.fullmatch(r"[A-Z].+\.", kind.left_alone), kind


def test_the_table_of_situations_is_the_one_that_is_tested() -> None:
    page = (ROOT / "docs" / "explanation" / "situations.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| ") and "`" in line]
    assert sorted(name for line in lines for name in re.findall(r"`([\w-]+)`", line.rsplit("|", 2)[1])) == sorted(TABLE)
    for _, change in SITUATIONS.values():
        assert change is None or any(f"| `{change}` |" in line for line in lines)


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text()
    said = set(re.findall(r"^\| ([a-z][\w-]+) \|", page, re.MULTILINE)) - {"package"}
    asked = {
        name
        for path in (ROOT / "requirements").glob("*.in")
        for name in re.findall(r"^([a-z][\w-]*)", path.read_text(), re.MULTILINE)
    }
    assert said == asked


def test_every_key_of_a_run_s_json_is_explained() -> None:
    assert set(re.findall(r"\"(\w+)\": ", inspect.getsource(shapes.run))) == set(docs.RUN_KEYS)


def test_decisions_are_numbered_without_a_gap() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in pages] == list(range(1, len(pages) + 1))
    for path in pages:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. ")
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Rejected", "Consequences")), path.name


def test_no_page_is_longer_than_it_may_be() -> None:
    most = {"README.md": 80, "ARCHITECTURE.md": 120}
    assert {
        name: (ROOT / name).read_text().count("\n") for name in most if (ROOT / name).read_text().count("\n") >= most[name]
    } == {}


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class TestTheConnectorOfTheDocs(ConnectorPromises):
    """The smallest connector, as the page shows it, keeps the promises of every connector."""

    @pytest.fixture(autouse=True)
    def page(self, tmp_path: Path) -> None:
        text = (ROOT / "docs" / "howto" / "write-a-connector.md").read_text()
        blocks = [body for _, language, body in FENCE.findall(text) if language == "python"]
        self.given = SimpleNamespace(__name__="people_file")
        exec(compile(blocks[0], "write-a-connector.md", "exec"), vars(self.given))
        self.path = tmp_path / "people.csv"
        self.path.write_text("id,first,last\np1,Ada,Hill\np2,Ben,\n")

    def connector(self) -> Connector:
        connector: Connector = self.given.PeopleFile(self.given.PeopleFileConfig(path=str(self.path)))
        return connector
