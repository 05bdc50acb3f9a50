"""Finds the files of a package, in a folder or a ZIP, and reads its manifest; opens no rows."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import xxhash

from rollbook.connectors.oneroster.vocabulary import FILES, STANDARD_FILES, VERSIONS
from rollbook.domain.errors import SourceBroken, SourceError
from rollbook.lib.csv_table import Unreadable
from rollbook.lib.tabular import open_table
from rollbook.lib.unpack import UnsafeArchive, unpack

#: Every file that is read in some version, and the manifest.
READ = {name.lower(): name for version in FILES.values() for name in version} | {"manifest": "manifest"}
KNOWN = {name.lower(): name for version in STANDARD_FILES.values() for name in version} | {"manifest": "manifest"}

MODES = ("absent", "bulk", "delta")

#: A manifest has some thirty short lines.
MANIFEST_LIMIT = 1 << 20


@dataclass(frozen=True)
class Note:
    """Something about the package as a whole that was forgiven."""

    rule: str
    file: str
    message: str
    line: int | None = None


@dataclass(frozen=True)
class Bundle:
    """The files that we read, by their standard name, each as (name as it came, where it lies)."""

    files: dict[str, tuple[str, Path]]
    others: frozenset[str]  # standard files that are there and stay closed
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What the package says of itself."""

    version: str
    modes: dict[str, str]  # file -> bulk; those that are absent are left out
    notes: tuple[Note, ...] = ()
    questions: tuple[str, ...] = ()


def skipped(name: str) -> bool:
    """Say whether a file is what operating systems leave behind."""
    return any(part.startswith((".", "~$")) or part == "__MACOSX" for part in PurePosixPath(name).parts)


def stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem.strip().lower() if path.suffix.lower() == ".csv" else ""


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn what the disk says against reading a file or folder into SourceError; that our own disk is full stays as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SourceError(
            f"{name} cannot be read ({error.strerror or type(error).__name__})",
            next_step="Let the account that Rollbook runs as read it, and see that its disk is there, then run the import again.",
        ) from error


def find(path: Path, scratch: Callable[[], Path]) -> Bundle:
    """Find the files of a package; unpack those that are read, if it is a ZIP. Raises SourceError."""
    with readable(str(path)):
        is_folder, is_file = path.is_dir(), path.is_file()
    if is_folder:
        return arrange(in_folder(path), "folder")
    if not is_file:
        raise SourceError(
            f"There is no folder and no file at {path}",
            next_step="Check the path in the settings, and that the export has run, then run the import again.",
        )
    try:
        with readable(path.name):
            found = unpack(path, scratch(), wanted=lambda name: not skipped(name) and stem(name) in READ)
    except UnsafeArchive as error:
        raise SourceBroken(f"{path.name} is not a ZIP file that can be opened safely: {error}") from error
    return arrange({name: lies for name, lies in found.items() if not skipped(name)}, "ZIP")


def in_folder(folder: Path) -> dict[str, Path | None]:
    """List the CSV files of a folder, or of the only folder in it that has any. Raises SourceError."""
    found = {}
    with readable(f"The folder {folder}"):
        os.listdir(folder)  # which complains; a pattern finds nothing instead
        for each in sorted(folder.glob("*")) + sorted(folder.glob("*/*")):
            name = each.relative_to(folder).as_posix()
            if skipped(name) or not stem(name):
                continue
            # A link that leads elsewhere, or a pipe that never ends, is not a part of an export.
            if not each.is_file() or not each.resolve().is_relative_to(folder.resolve()):
                raise SourceBroken(f"{name} is not a file of this folder but a link to another place, or no file at all")
            found[name] = each if stem(name) in READ else None
    return found


def arrange(found: dict[str, Path | None], kind: str) -> Bundle:
    """Match the files by their standard names; refuse what is not clear."""
    names = [name for name in found if stem(name) in KNOWN]
    folders = {str(PurePosixPath(name).parent) for name in names} - {"."}
    top = [name for name in names if len(PurePosixPath(name).parts) == 1]
    notes = []
    if top:
        if len(top) < len(names):
            aside = next(name for name in names if name not in top)
            text = f"Files of OneRoster lie in folders, too, such as {aside}. Only those at the top of the {kind} were read."
            notes.append(Note("folders_aside", aside, text))
        names = top
    elif len(folders) == 1:
        folder = folders.pop()
        notes.append(
            Note("folder", names[0], f"The files lie in the folder '{folder}/'. They should lie at the top of the {kind}.")
        )
    elif folders:
        raise SourceBroken(f"The files of OneRoster lie in several folders: {', '.join(sorted(folders))}")
    else:
        raise SourceBroken(f"There are no files of OneRoster in this {kind}, such as users.csv or orgs.csv")
    files: dict[str, tuple[str, Path]] = {}
    for name in sorted(names):
        came, standard, lies = PurePosixPath(name).name, KNOWN[stem(name)], found[name]
        twice = sorted(PurePosixPath(other).name for other in names if stem(other) == stem(name))
        if len(twice) > 1:
            raise SourceBroken(f"The {kind} has {' and '.join(twice)}, whose names differ by capital letters only")
        if came != f"{standard}.csv":
            notes.append(Note("file_name", came, f"The file {came} is read as {standard}.csv."))
        if lies is not None:
            files[standard] = (came, lies)
    others = frozenset(KNOWN[stem(name)] for name in names) - files.keys()
    return Bundle(files, others, tuple(notes))


def digest(path: Path) -> str:
    """Hash the bytes of a file, 128 bits. Raises SourceError."""
    state = xxhash.xxh3_128()
    with readable(path.name), path.open("rb") as file:
        while chunk := file.read(4 << 20):
            state.update(chunk)
    return state.hexdigest()


def bytes_digest(path: Path) -> str:
    """Hash the bytes of a package without reading any: those of the ZIP, or those of each file that would be read."""
    if path.is_file():
        return digest(path)
    bundle = find(path, lambda: path)
    parts = [f"{name}:{came}:{digest(lies)}" for name, (came, lies) in sorted(bundle.files.items())]
    return xxhash.xxh3_128_hexdigest("\n".join([*parts, *sorted(bundle.others)]).encode())


def read_manifest(bundle: Bundle, scratch: Callable[[], Path], *, version: str, complete: bool) -> Manifest:
    """Read manifest.csv, or say what its absence leaves open. Raises SourceError."""
    if "manifest" not in bundle.files:
        version = version or guessed_version(bundle)
        present = {name: "bulk" for name in bundle.files if name in FILES[version]}
        questions = (
            ()
            if complete
            else (
                "There is no manifest.csv. Is this a complete export, so that people who are missing become inactive, "
                "or does it hold only changes?",
            )
        )
        return Manifest(version, present, (), questions)
    came, path = bundle.files["manifest"]
    try:
        with readable(came):
            table = open_table(path, came, scratch=scratch, size_limit=MANIFEST_LIMIT)
    except Unreadable as error:
        raise SourceBroken(str(error)) from error
    if len(table.header) < 2:
        raise SourceBroken(f"{came} has one column; it should have two, propertyName and value")
    notes = [Note(repair.rule, came, repair.message, repair.line) for repair in table.repairs]
    rows = [(line, (name or "").strip(), (value or "").strip()) for line, name, value in table.scan([0, 1]).collect().iter_rows()]
    if table.header[0].lower() != "propertyname":
        notes.append(Note("manifest_header", came, f"{came} has no header. Its first line is read like all others.", 1))
        rows.insert(0, (1, table.header[0], table.header[1]))
    for line, cells, _ in table.refused().iter_rows():
        raise SourceBroken(f"{came}, line {line} has {cells} cells; it should have two, propertyName and value")
    return Reading(bundle, came, rows, notes).manifest()


def guessed_version(bundle: Bundle) -> str:
    """Tell the version by its shape: 1.1 has a role in each row of users.csv, 1.2 has roles.csv."""
    if "roles" in bundle.files or "users" not in bundle.files:
        return "1.2"
    came, path = bundle.files["users"]
    with readable(came), path.open("rb") as file:
        header = file.readline(1 << 16).replace(b"\0", b"").lower()
    return "1.1" if b"orgsourcedids" in header else "1.2"


class Reading:
    """Reads the lines of one manifest."""

    def __init__(self, bundle: Bundle, came: str, rows: list[tuple[int, str, str]], notes: list[Note]) -> None:
        self.bundle, self.came, self.notes = bundle, came, notes
        self.rows: dict[str, tuple[int, str, str]] = {}
        for line, name, value in rows:
            if not name and not value:
                continue
            spelling = name.lower().rstrip("*")
            if spelling in self.rows and self.rows[spelling][2].lower() != value.lower():
                raise SourceBroken(f"{came} has '{name}' twice, in lines {self.rows[spelling][0]} and {line}")
            self.rows[spelling] = (line, name, value)

    def note(self, rule: str, message: str, line: int | None = None) -> None:
        self.notes.append(Note(rule, self.came, message, line))

    def manifest(self) -> Manifest:
        version = self._versions()
        written = self._modes(version)
        stated = [mode for mode in written.values() if mode != "absent"]
        common = stated[0] if len(set(stated)) == 1 else None
        modes: dict[str, str] = {}
        for name in FILES[version]:
            there = name in self.bundle.files
            mode = written.get(name)
            came = self.bundle.files[name][0] if there else f"{name}.csv"
            if mode is None and there:
                if common is None:
                    raise SourceBroken(f"{self.came} does not say what {came} is: file.{name} is missing or empty")
                self.note("manifest_line", f"{self.came} says nothing of file.{name}. Taken as '{common}', like the other files.")
                mode = common
            elif mode == "absent" and there:
                raise SourceBroken(f"{self.came} says that {name} is absent, but the package has {came}")
            elif mode in ("bulk", "delta") and not there:
                raise SourceBroken(f"{self.came} announces {name}.csv as {mode}, but it is not in the package")
            if mode == "delta":
                raise SourceBroken(
                    f"{self.came} says that {came} holds only changes (delta). Only complete exports (bulk) are read so far",
                    next_step="Set the export to bulk, then run the import again.",
                )
            if mode == "bulk":
                modes[name] = mode
        for name in sorted(self.bundle.files.keys() - modes.keys() - {"manifest"}):
            came = self.bundle.files[name][0]
            self.note("other_version", f"OneRoster {version} has no file {came}. It was not read.")
        self._look_at_closed_files(version, written)
        return Manifest(version, modes, tuple(self.notes))

    def _versions(self) -> str:
        line, _, own = self.rows.get("manifest.version", (None, "", ""))
        if own == "1":
            self.note(
                "manifest_version", f"{self.came}: manifest.version is '1' (a spreadsheet program may have shortened 1.0).", line
            )
        elif own != "1.0":
            said = f"is '{own[:20]}', not '1.0'" if own else "is missing"
            self.note("manifest_version", f"{self.came}: manifest.version {said}. Read as 1.0.", line)
        line, _, version = self.rows.get("oneroster.version", (None, "", ""))
        if not version:
            raise SourceBroken(f"{self.came} does not say oneroster.version")
        if version not in VERSIONS:
            raise SourceBroken(
                f"{self.came}, line {line}: oneroster.version is '{version[:20]}'. Versions 1.1 and 1.2 are read",
                next_step="Ask the source for a 1.1 or 1.2 export, then run the import again.",
            )
        return version

    def _modes(self, version: str) -> dict[str, str]:
        """Return the mode of each standard file that the manifest has a mode for."""
        written: dict[str, str] = {}
        strays = []
        for spelling, (line, name, value) in self.rows.items():
            prefix, _, last = spelling.rpartition(".")
            standard = KNOWN.get(last)
            if prefix in ("manifest", "oneroster", "source") or standard in (None, "manifest"):
                if prefix not in ("manifest", "oneroster", "source"):
                    strays.append((line, name))
                continue
            if prefix != "file" and f"file.{last}" in self.rows:
                strays.append((line, name))
                continue
            mode = value.lower()
            if not mode:
                if standard not in FILES[version]:
                    self.note("manifest_line", f"{self.came}: {name} is empty. {standard}.csv is not read in any case.", line)
                continue
            if mode not in MODES:
                if standard not in FILES[version]:
                    self.note(
                        "manifest_line", f"{self.came}: {name} is '{value[:20]}'. {standard}.csv is not read in any case.", line
                    )
                    continue
                raise SourceBroken(f"{self.came}, line {line}: {name} is '{value[:20]}'; it can be {', '.join(MODES)}")
            if name.rstrip("*") != f"file.{standard}":
                self.note("manifest_spelling", f"{self.came} has '{name}'. Taken as 'file.{standard}'.", line)
            elif mode != value:
                self.note("manifest_spelling", f"{self.came}: {name} is written '{value}'. Taken as '{mode}'.", line)
            written[standard] = mode
        for line, name in strays:
            self.note(
                "manifest_unknown", f"{self.came}, line {line}: '{name[:40]}' is not a property of OneRoster. Ignored.", line
            )
        return written

    def _look_at_closed_files(self, version: str, written: dict[str, str]) -> None:
        for name in STANDARD_FILES[version]:
            if name in FILES[version]:
                continue
            there, mode = name in self.bundle.others, written.get(name)
            if there and mode in (None, "absent"):
                self.note(
                    "closed_file",
                    f"{name}.csv is in the package, but {self.came} does not announce it. It is not read in any case.",
                )
            elif not there and mode in ("bulk", "delta"):
                self.note(
                    "closed_file", f"{self.came} announces {name}.csv, which is not in the package. It is not read in any case."
                )
