"""Districts with a past: it is lived once in each test process, and every test goes on from a copy of it."""

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections, transaction

from tests import copies
from tests.district import Grove

Past = Callable[[Grove], Any]


class Prepared:
    """Keeps a database and a folder for each past."""

    def __init__(self, blank: str, home: Path) -> None:
        self.blank = blank
        self.home = home
        self.known: dict[Past, tuple[str, Path, Grove]] = {}

    @contextmanager
    def after(self, past: Past, settings: Any, kept: Path) -> Iterator[Grove]:
        """Give a district that has been through `past`. What becomes of it is forgotten, but for the files in `kept`."""
        if past not in self.known:
            self.known[past] = self._live(past, settings)
        name, home, grove = self.known[past]
        shutil.copytree(home / "kept", kept)
        shutil.rmtree(grove.folder, ignore_errors=True)  # its address is in the database, so it stays where it is
        shutil.copytree(home / "sent", grove.folder)
        settings.DATA_DIR = kept
        with connected(name), transaction.atomic():
            yield copy.deepcopy(grove)
            transaction.set_rollback(True)

    def _live(self, past: Past, settings: Any) -> tuple[str, Path, Grove]:
        name, home = copies.create(self.blank), self.home / str(len(self.known))
        settings.DATA_DIR = home / "kept"
        with connected(name):
            grove = Grove(home)
            past(grove)
        shutil.copytree(grove.folder, home / "sent")
        return name, home, grove

    def forget(self) -> None:
        for name, _, _ in self.known.values():
            copies.drop(name)


@contextmanager
def connected(name: str) -> Iterator[None]:
    """Let Django talk to another database."""
    before = connections["default"]
    there = before.copy()
    there.settings_dict["NAME"] = name
    connections["default"] = there
    try:
        yield
    finally:
        connections["default"] = before
        there.close()
