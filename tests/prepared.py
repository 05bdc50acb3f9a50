"""Districts with a past: it is lived once in each test process, and every test goes on from a copy of it."""

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import copies
from tests.district import Grove

Past = Callable[[Grove], Any]


class Prepared:
    """Keeps a database, one connection to it and a folder for each past."""

    def __init__(self, blank: str, home: Path) -> None:
        self.blank = blank
        self.home = home
        self.known: dict[Past, tuple[BaseDatabaseWrapper, Path, Grove]] = {}

    @contextmanager
    def after(self, past: Past, settings: Any, kept: Path) -> Iterator[Grove]:
        """Give a district that has been through `past`. What becomes of it is forgotten, but for the files in `kept`."""
        if past not in self.known:
            self.known[past] = self._live(past, settings)
        there, home, grove = self.known[past]
        shutil.copytree(home / "kept", kept)
        shutil.rmtree(grove.folder, ignore_errors=True)  # its address is in the database, so it stays where it is
        shutil.copytree(home / "sent", grove.folder)
        settings.DATA_DIR = kept
        with connected(there), transaction.atomic():
            yield copy.deepcopy(grove)
            transaction.set_rollback(True)

    def _live(self, past: Past, settings: Any) -> tuple[BaseDatabaseWrapper, Path, Grove]:
        there, home = connections["default"].copy(), self.home / str(len(self.known))
        there.settings_dict["NAME"] = copies.create(self.blank)
        settings.DATA_DIR = home / "kept"
        with connected(there):
            grove = Grove(home)
            past(grove)
        shutil.copytree(grove.folder, home / "sent")
        return there, home, grove

    def forget(self) -> None:
        for there, _, _ in self.known.values():
            there.close()
            copies.drop(str(there.settings_dict["NAME"]))


@contextmanager
def connected(there: BaseDatabaseWrapper) -> Iterator[None]:
    """Let Django talk to another database."""
    before = connections["default"]
    connections["default"] = there
    try:
        yield
    finally:
        connections["default"] = before
