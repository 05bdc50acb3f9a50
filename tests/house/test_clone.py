"""What is in the repository works on any machine, and says nothing of the one that it was written on."""

import re
from pathlib import Path

import pytest

from tests.house.files import ROOT, named, texts

LOCKED = sorted((ROOT / "requirements").glob("*.txt"))
#: Lock files that write the address of a registry beside every package.
ADDRESS_BOOKS = ("uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json", "pnpm-lock.yaml", "yarn.lock")
#: Folders that belong to one person: of a Linux, of a Mac, of a Windows, of root.
PERSONAL = re.compile(r"(?<![\w.}])/(?:root|(?:home|Users)/\w+)/|\b[A-Z]:\\+Users\\", re.ASCII)


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_every_package_is_pinned_to_what_was_tried(path: Path) -> None:
    text = path.read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert packages
    assert not [line.split()[0] for line in packages if "==" not in line.split()[0] or "--hash=sha256:" not in line]


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_packages_come_from_wherever_the_installer_gets_them(path: Path) -> None:
    assert "://" not in path.read_text()


def test_no_lock_file_keeps_addresses() -> None:
    assert not [named(path) for path in texts() if path.name in ADDRESS_BOOKS or path.match("pylock*.toml")]


def test_no_file_names_a_folder_of_somebody_s_machine() -> None:
    assert not [
        f"{named(path)}:{number}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if PERSONAL.search(line) or (len(ROOT.parts) > 2 and f"{ROOT}/" in line)  # "/src" alone would be found anywhere
    ]


@pytest.mark.parametrize("folder", ["/home{}ada/district", "C:{}Users{}ada", "/root{}.venv", "cd /Users{}ada/code"])
def test_a_personal_folder_is_recognised(folder: str) -> None:
    assert PERSONAL.search(folder.replace("{}", "\\" if folder.startswith("C") else "/"))
