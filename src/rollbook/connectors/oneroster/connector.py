"""The OneRoster CSV connector: a folder or a ZIP becomes the columns of the roster, whichever version it has."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import polars as pl
import xxhash

from rollbook.connectors.oneroster import csv_bundle, two_rows
from rollbook.connectors.oneroster.arrival import Arrival
from rollbook.connectors.oneroster.csv_bundle import Bundle, Manifest
from rollbook.connectors.oneroster.faults import Fault, fault, frame_of, lazily
from rollbook.connectors.oneroster.forms import Manner
from rollbook.connectors.oneroster.mapping import build, headings
from rollbook.connectors.oneroster.sheet import Sheet
from rollbook.connectors.oneroster.vocabulary import OWNER
from rollbook.connectors.protocol import Extract, Probe, option
from rollbook.domain.entities import ENTITIES
from rollbook.domain.errors import SourceBroken
from rollbook.domain.findings import Level
from rollbook.lib import columnar

#: Raise it when the same files come to mean other rows: then no fingerprint of before is equal.
MAPPING_VERSION = 1

#: The entities whose rows name people, by ids that may be joined.
OF_PEOPLE = ("person", "role", "enrollment", "guardianship")

_ROLES_OF_1_1 = (
    "users.csv has roles, as in OneRoster 1.1, but the package says that it is 1.2, and has no roles.csv. "
    "No roles were read, and no links to children; those of before stay as they are."
)
_SAY_1_1 = "Set oneroster.version to 1.1 in manifest.csv, or export roles.csv, too."

FILE_OF = {entity: file for file, entity in OWNER.items()}


@dataclass(frozen=True)
class OneRosterCsvConfig:
    """Where the files lie, and how they are to be understood."""

    path: str = option("Folder or ZIP file", hint="Where the export lies, as a full path.")
    version: str = option("Version", default="", choices=("1.1", "1.2"), hint="Ask before reading files of another version.")
    without_manifest: str = option(
        "Without manifest.csv",
        default="",
        choices={"complete": "Always a complete export"},
        hint="'complete': files without a manifest are always a full export.",
    )
    dates: str = option(
        "Dates not written YYYY-MM-DD",
        default="",
        choices={"mdy": "Month first: 8/27/2026", "dmy": "Day first: 27/8/2026"},
        hint="'mdy': 8/27/2026 is 27 August. 'dmy': 27/8/2026 is.",
    )
    two_rows: str = option(
        "Two rows with one name, and one username or identifier",
        default="",
        choices={"join": "One person with both roles", "apart": "Two people"},
        hint="In OneRoster 1.1, whoever has two roles has two rows. 'join': one person with both roles. 'apart': two people.",
    )


class OneRosterCsv:
    """One package of OneRoster CSV files."""

    name: ClassVar[str] = "oneroster-csv"
    title: ClassVar[str] = "OneRoster CSV files"
    Config: ClassVar[type[OneRosterCsvConfig]] = OneRosterCsvConfig

    def __init__(self, config: OneRosterCsvConfig, *, scratch: Path | None = None) -> None:
        self.config = config
        self._scratch_in = scratch
        self._unpacked: Path | None = None
        self._sheets: dict[str, Sheet] = {}

    # --- the five names ---

    def probe(self) -> Probe:
        """Look at the package and the heading of each file, without reading their rows. Raises SourceError."""
        for name in self._manifest.modes:
            Sheet.try_heading(name, self._version, *self._bundle.files[name], self._scratch)
        size = sum(path.stat().st_size for _, path in self._bundle.files.values())
        written = f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
        names = ", ".join(came for name, (came, _) in sorted(self._bundle.files.items()) if name in self._manifest.modes)
        sentence = f"OneRoster {self._version} as CSV files, {written}: {names}."
        notes = (*self._manifest.questions, *(note.message for note in (*self._bundle.notes, *self._manifest.notes)))
        return Probe(sentence, notes)

    def offers(self) -> frozenset[str]:
        """Name the entities whose files are there. Raises SourceError."""
        self._arrival.rested()
        offered = {OWNER[name] for name in self._manifest.modes}
        if self._roles_file in self._manifest.modes:
            offered.add("role")
            # Which of two people is the child shows in their roles alone.
            if "users" in self._manifest.modes and "agentSourcedIds" in self._sheet("users").places:
                offered.add("guardianship")
        return frozenset(offered)

    def extract(self, entity: str) -> Extract:
        """Return all rows of one offered entity. Raises SourceError.

        Shape: one streaming pass over each file that the entity depends on; frame and faults are lazy and scan again, together
            if the caller reads them so.
        """
        sheets = {name: self._sheet(name) for name in self._depends(entity)}
        is_first = entity == next(each.name for each in ENTITIES if each.name in self.offers())
        package = self._package_faults() if is_first else []
        questions = self._questions if is_first else ()
        manners: dict[str, Manner] = {}
        for sheet in sheets.values():
            manners[sheet.standard], question = sheet.manner(self.config.dates)
            if question and OWNER[sheet.standard] == entity:
                questions = (*questions, question)
        joined = self._two_rows if self.config.two_rows == "join" and entity in OF_PEOPLE else two_rows.NONE
        built = build(entity, sheets, manners, joined)
        beside = [(marks, self._scratch() / f"{entity}.{at}.parquet") for at, marks in enumerate(built.marks)]

        def faults() -> Iterator[pl.DataFrame]:
            yield frame_of(package)
            yield from built.tell([pl.scan_parquet(file) if file.exists() else marks for marks, file in beside])

        asks = entity == "person" and self._version == "1.1" and not self.config.two_rows

        def ask() -> tuple[str, ...]:
            self._arrival.unchanged()  # asked for when the rows are in
            if not asks or self._two_rows.is_empty():
                return questions
            return (*questions, two_rows.question(sheets["users"], self._two_rows))

        return Extract(
            built.frame,
            lazily(entity, faults),
            partial=built.partial,
            beside=(*beside, *([(two_rows.hashes(sheets["users"]), self._shared_file)] if asks else [])),
            fingerprint=self._fingerprint(entity, sheets, questions, package, joined, built.manner),
            headings=headings(entity, sheets),
            questions=ask,
        )

    def close(self) -> None:
        """Remove what was unpacked on the way."""
        if self._unpacked is not None:
            shutil.rmtree(self._unpacked, ignore_errors=True)
            self._unpacked = None

    def bytes_fingerprint(self) -> str:
        """Hash the bytes of all files that would be read, and the settings, without reading a row. Raises SourceError."""
        self._arrival.rested()
        parts = [str(MAPPING_VERSION), repr(self.config), csv_bundle.bytes_digest(Path(self.config.path))]
        self._arrival.unchanged()
        return xxhash.xxh3_128_hexdigest("\n".join(parts).encode())

    # --- the package ---

    def _scratch(self) -> Path:
        if self._unpacked is None:
            self._unpacked = Path(tempfile.mkdtemp(prefix="oneroster-", dir=self._scratch_in))
        return self._unpacked

    @cached_property
    def _arrival(self) -> Arrival:
        return Arrival(Path(self.config.path))

    @cached_property
    def _bundle(self) -> Bundle:
        self._arrival.unchanged()  # which begins to watch, too
        try:
            return csv_bundle.find(Path(self.config.path), self._scratch)
        except SourceBroken:
            self._arrival.unchanged()  # half a ZIP is no ZIP
            raise

    @cached_property
    def _manifest(self) -> Manifest:
        complete = self.config.without_manifest == "complete"
        return csv_bundle.read_manifest(self._bundle, self._scratch, version=self.config.version, complete=complete)

    @cached_property
    def _version(self) -> str:
        return self._manifest.version

    @property
    def _roles_file(self) -> str:
        return "users" if self._version == "1.1" else "roles"

    @property
    def _questions(self) -> tuple[str, ...]:
        questions = self._manifest.questions
        if self.config.version and self.config.version != self._version:
            questions = (
                *questions,
                f"The files say OneRoster {self._version}; this source expects {self.config.version}. Read them all the same?",
            )
        return questions

    @cached_property
    def _two_rows(self) -> pl.DataFrame:
        """Which rows of users are one person; 1.2 has no such rows, for roles have a file of their own."""
        if self._version != "1.1" or "users" not in self._manifest.modes:
            return two_rows.NONE
        users, kept = self._sheet("users"), self._shared_file
        return two_rows.found(users, pl.scan_parquet(kept) if kept.exists() else two_rows.hashes(users))

    @property
    def _shared_file(self) -> Path:
        return self._scratch() / "shared.parquet"

    def _sheet(self, name: str) -> Sheet:
        if name not in self._sheets:
            came, path = self._bundle.files[name]
            self._sheets[name] = Sheet.open(name, self._version, came, path, self._scratch, self._arrival.unchanged)
        return self._sheets[name]

    def _depends(self, entity: str) -> list[str]:
        """Name the files that an entity's rows are made of, its own first."""
        if entity == "role" and self._version == "1.1":
            return ["users", "orgs"] if "orgs" in self._manifest.modes else ["users"]
        if entity == "guardianship":
            return ["users"] if self._version == "1.1" else ["users", "roles"]
        return [FILE_OF[entity]]

    def _package_faults(self) -> list[Fault]:
        notes = (*self._bundle.notes, *self._manifest.notes)
        faults = [fault(Level.NOTE, note.rule, note.file, note.message, line=note.line) for note in notes]
        if self._version == "1.2" and "users" in self._manifest.modes and "roles" not in self._manifest.modes:
            users = self._sheet("users")
            if "role" in (heading.lower() for heading in users.table.header):
                faults.append(fault(Level.WARNING, "roles_of_1_1", users.came, _ROLES_OF_1_1, remedy=_SAY_1_1))
        return faults

    def _fingerprint(
        self,
        entity: str,
        sheets: dict[str, Sheet],
        questions: tuple[str, ...],
        package: list[Fault],
        joined: pl.DataFrame,
        manner: str,
    ) -> str:
        parts = [str(MAPPING_VERSION), entity, self._version, repr(self.config.dates), *questions]
        if entity == "person" and self._version == "1.1":
            parts.append(self.config.two_rows)  # the question hangs on it
        parts += [sheet.survey.content for sheet in sheets.values()] + [str(note["message"]) for note in package]
        parts += [manner] if manner else []
        parts += [columnar.digest(joined.lazy().select("alias", "person"))] if not joined.is_empty() else []
        return xxhash.xxh3_128_hexdigest("\n".join(parts).encode())
