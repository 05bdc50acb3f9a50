"""Sees to it that the files of a package have arrived, so that half a file is never taken for a whole one."""

import time
from pathlib import Path

from rollbook.connectors.oneroster import csv_bundle
from rollbook.domain.errors import SourceUnavailable
from rollbook.lib import clock

#: For so many seconds nobody may have written to the files. A slow upload may pause for longer: only a marker tells its end.
REST = 2.0

#: A file whose name ends so, in the folder or beside the ZIP, is written when all others are whole.
MARKER = ".done"

_AGAIN = "A scheduled import is tried again by itself; else run it again when the upload has ended."

Stamp = tuple[int, int, int]


class Arrival:
    """The files of one package, watched from before their first byte is read until after the last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._first = self._look()
        self._has_rested = False

    def rested(self) -> None:
        """Wait until the files have been left alone for a moment. Raises SourceUnavailable if they are on their way."""
        if self._has_rested:
            return
        newest = max(self._first, key=lambda name: self._first[name][2], default="")
        if newest:
            written = self._first[newest][2]
            marker = self._marker()
            if marker and written > _stamp(marker)[2]:
                raise SourceUnavailable(
                    f"{newest} is newer than {marker.name}, so the files are still on their way",
                    next_step=f"{_AGAIN} If it has, write {marker.name} anew, or remove it.",
                )
            if not marker:
                time.sleep(max(0.0, min(REST, written / 1e9 + REST - clock.now().timestamp())))
        self.unchanged()
        self._has_rested = True

    def unchanged(self) -> None:
        """Raise SourceUnavailable if a file has come, gone or been written to since the first look."""
        now = self._look()
        if now != self._first:
            names = sorted(name for name in now.keys() | self._first.keys() if now.get(name) != self._first.get(name))
            raise SourceUnavailable(f"{names[0]} changed while it was read; it may still be on its way", next_step=_AGAIN)

    def _look(self) -> dict[str, Stamp]:
        with csv_bundle.readable(str(self.path)):
            if self.path.is_dir():
                return {name: _stamp(lies) for name, lies in csv_bundle.in_folder(self.path).items() if lies is not None}
            return {self.path.name: _stamp(self.path)} if self.path.is_file() else {}

    def _marker(self) -> Path | None:
        if self.path.is_dir():
            return max(self.path.glob(f"*{MARKER}"), key=_stamp_of_change, default=None)
        beside = self.path.with_name(self.path.name + MARKER)
        return beside if beside.is_file() else None


def _stamp(path: Path) -> Stamp:
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns


def _stamp_of_change(path: Path) -> int:
    return _stamp(path)[2]
