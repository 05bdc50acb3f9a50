"""The OneRoster CSV connector: a folder or a ZIP becomes the columns of the roster, whichever version it has."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import polars as pl
import xxhash

from rollbook.connectors.oneroster import csv_bundle, forms
from rollbook.connectors.oneroster.csv_bundle import Bundle, Manifest
from rollbook.connectors.oneroster.forms import Check, Manner
from rollbook.connectors.oneroster.sheet import Fault, Sheet, fault
from rollbook.connectors.oneroster.vocabulary import OWNER, RELATIONSHIPS, STATUS, WIDE_ORGS
from rollbook.connectors.protocol import FAULTS, Extract, Probe, option
from rollbook.domain.entities import ENTITIES
from rollbook.domain.findings import Level

#: Raise it when the same files come to mean other rows: then no fingerprint of before is equal.
MAPPING_VERSION = 1

FILE_OF = {entity: file for file, entity in OWNER.items()}

_PARTLY = "The row was left out. Until all ids of the file can be read, nobody becomes inactive because of it."


@dataclass(frozen=True)
class Config:
    """Where the files lie, and how they are to be understood."""

    path: str = option("Folder or ZIP file", hint="Where the export lies, as a full path.")
    version: str = option("Version", default="", choices=("1.1", "1.2"), hint="Ask before reading files of another version.")
    without_manifest: str = option(
        "Without manifest.csv",
        default="",
        choices=("complete",),
        hint="'complete': files without a manifest are always a full export.",
    )
    dates: str = option(
        "Dates not written YYYY-MM-DD",
        default="",
        choices=("mdy", "dmy"),
        hint="'mdy': 8/27/2026 is 27 August. 'dmy': 27/8/2026 is.",
    )


class OneRosterCsv:
    """One package of OneRoster CSV files."""

    name: ClassVar[str] = "oneroster-csv"
    title: ClassVar[str] = "OneRoster CSV files"
    Config: ClassVar[type[Config]] = Config

    def __init__(self, config: Config, *, scratch: Path | None = None) -> None:
        self.config = config
        self._scratch_in = scratch
        self._unpacked: Path | None = None
        self._sheets: dict[str, Sheet] = {}

    # --- the five names ---

    def probe(self) -> Probe:
        """Look at the package without reading its rows. Raises SourceError."""
        size = sum(path.stat().st_size for _, path in self._bundle.files.values())
        written = f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
        names = ", ".join(came for name, (came, _) in sorted(self._bundle.files.items()) if name in self._manifest.modes)
        sentence = f"OneRoster {self._version} as CSV files, {written}: {names}."
        notes = (*self._manifest.questions, *(note.message for note in (*self._bundle.notes, *self._manifest.notes)))
        return Probe(sentence, notes)

    def offers(self) -> frozenset[str]:
        """Name the entities whose files are there. Raises SourceError."""
        offered = {OWNER[name] for name in self._manifest.modes}
        if self._roles_file in self._manifest.modes:
            offered.add("role")
            # Which of two people is the child shows in their roles alone.
            if "users" in self._manifest.modes and "agentSourcedIds" in self._sheet("users").places:
                offered.add("guardianship")
        return frozenset(offered)

    def extract(self, entity: str) -> Extract:
        """Return all rows of one offered entity. Raises SourceError.

        Shape: one streaming pass over each file that the entity depends on; frame and faults are lazy and scan again.
        """
        sheets = [self._sheet(name) for name in self._depends(entity)]
        first = next(each.name for each in ENTITIES if each.name in self.offers())
        questions = self._questions if entity == first else ()
        manners: dict[str, Manner] = {}
        for sheet in sheets:
            manners[sheet.standard], question = sheet.manner(self.config.dates)
            if question and OWNER[sheet.standard] == entity:
                questions = (*questions, question)
        build = {"role": self._role, "guardianship": self._guardianship}.get(entity, self._rows)
        frame, partial, tell = build(entity, sheets, manners)
        package = self._package_faults() if entity == first else []

        def faults() -> pl.DataFrame:
            rows = [*package, *tell()]
            return pl.DataFrame([{**row, "entity": entity} for row in rows], schema=FAULTS)

        return Extract(
            frame,
            pl.defer(faults, schema=FAULTS),
            partial=partial,
            fingerprint=self._fingerprint(entity, sheets, questions, package),
            questions=questions,
        )

    def close(self) -> None:
        """Remove what was unpacked on the way."""
        if self._unpacked is not None:
            shutil.rmtree(self._unpacked, ignore_errors=True)
            self._unpacked = None

    def bytes_fingerprint(self) -> str:
        """Hash the bytes of all files that would be read, and the settings, without reading a row. Raises SourceError."""
        parts = [str(MAPPING_VERSION), repr(self.config), csv_bundle.bytes_digest(Path(self.config.path))]
        return xxhash.xxh3_128_hexdigest("\n".join(parts).encode())

    # --- the package ---

    def _scratch(self) -> Path:
        if self._unpacked is None:
            self._unpacked = Path(tempfile.mkdtemp(prefix="oneroster-", dir=self._scratch_in))
        return self._unpacked

    @cached_property
    def _bundle(self) -> Bundle:
        return csv_bundle.find(Path(self.config.path), self._scratch)

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

    def _sheet(self, name: str) -> Sheet:
        if name not in self._sheets:
            came, path = self._bundle.files[name]
            self._sheets[name] = Sheet.open(name, self._version, came, path, self._scratch)
        return self._sheets[name]

    def _depends(self, entity: str) -> list[str]:
        """Name the files that an entity's rows are made of, its own first."""
        if entity == "role" and self._version == "1.1":
            return ["users"] + (["orgs"] if "orgs" in self._manifest.modes else [])
        if entity == "guardianship":
            return ["users"] + (["roles"] if self._version == "1.2" else [])
        return [FILE_OF[entity]]

    def _package_faults(self) -> list[Fault]:
        notes = (*self._bundle.notes, *self._manifest.notes)
        return [fault(Level.NOTE, note.rule, note.file, note.message, line=note.line) for note in notes]

    def _fingerprint(self, entity: str, sheets: list[Sheet], questions: tuple[str, ...], package: list[Fault]) -> str:
        parts = [str(MAPPING_VERSION), entity, self._version, repr(self.config.dates), *questions]
        parts += [sheet.survey.content for sheet in sheets] + [str(note["message"]) for note in package]
        return xxhash.xxh3_128_hexdigest("\n".join(parts).encode())

    # --- rows ---

    def _rows(self, entity: str, sheets: list[Sheet], manners: dict[str, Manner]) -> "Built":
        """Rows of an entity that has a file of its own, row for row."""
        sheet = sheets[0]
        readings = [
            (field.column, forms.read(field, manners[sheet.standard]))
            for field in sheet.fields.values()
            if field.column is not None
        ]
        values = [reading.value.alias(column) for column, reading in readings]
        checks = [*sheet.key_checks(), *_status_checks(sheet), *(check for _, reading in readings for check in reading.checks)]
        if {"subjects", "subjectCodes"} <= sheet.fields.keys():
            checks.append(_SUBJECTS_AND_CODES)
        frame = sheet.sound().select(*values, *_origin(sheet))
        key = pl.when(~sheet.keyless).then(pl.col("sourcedId"))
        return frame, sheet.doubtful, lambda: [*sheet.own_faults(_PARTLY), *sheet.faults(checks, key)]

    def _role(self, entity: str, sheets: list[Sheet], manners: dict[str, Manner]) -> "Built":
        """Who is what where: in 1.1 from the users, in 1.2 from a file of its own."""
        return self._roles_of_users(sheets) if self._version == "1.1" else self._roles(sheets[0], manners["roles"])

    def _roles_of_users(self, sheets: list[Sheet]) -> "Built":
        users = sheets[0]
        word, places = users.fields["role"], users.fields["orgSourcedIds"]
        manner = Manner(self._version)
        role, orgs = forms.read(word, manner), forms.read(places, manner)
        clear = forms.is_word(word, pl.col("role"), self._version) & ~forms.no_key(pl.col("orgSourcedIds"))
        wide: list[str] = []
        if len(sheets) > 1:
            kinds = sheets[1].cells(["sourcedId", "type"]).filter(pl.col("type").str.to_lowercase().is_in(WIDE_ORGS))
            wide = kinds.select("sourcedId").drop_nulls().collect()["sourcedId"].to_list()
        where = pl.when(pl.col("org").is_in(wide)).then(pl.lit("districtAdministrator")).otherwise(pl.lit("siteAdministrator"))
        frame = (
            users.sound()
            .filter(clear)
            .select(
                "line",
                person="sourcedId",
                role=role.value,
                org=forms.items(pl.col("orgSourcedIds")).list.unique(maintain_order=True),
            )
            .explode("org")
            .drop_nulls("org")
            .with_columns(role=pl.when(pl.col("role") == "administrator").then(where).otherwise(pl.col("role")))
            .select(
                "person",
                "org",
                "role",
                sourced_id=forms.content_key(pl.col("person"), pl.col("org"), pl.col("role")),
                role_type=pl.lit("primary"),
                source_file=pl.lit(users.came),
                line="line",
            )
        )
        checks = [
            *role.checks,
            *orgs.checks,
            _is_empty("role", "A person without a role cannot be placed."),
            _is_empty("orgSourcedIds", "A person without a school cannot be placed."),
            _is_illegible("orgSourcedIds"),
            Check(
                "administrator",
                Level.NOTE,
                "role",
                pl.col("role").str.to_lowercase() == "administrator",
                "role in {rows} is 'administrator'; read as districtAdministrator at a district, else as siteAdministrator.",
            ),
        ]
        partial = any(sheet.doubtful for sheet in sheets) or users.has({"role", "orgs"}, ~clear)
        return frame, partial, lambda: users.faults(checks, pl.lit(None, pl.String))

    def _roles(self, sheet: Sheet, manner: Manner) -> "Built":
        readings = {field.heading: (field.column, forms.read(field, manner)) for field in sheet.fields.values() if field.column}
        clear = forms.is_word(sheet.fields["role"], pl.col("role"), self._version)
        key = forms.content_key(pl.col("userSourcedId"), pl.col("orgSourcedId"), readings["role"][1].value)
        frame = (
            sheet.sound()
            .filter(clear)
            .select(
                key.alias("sourced_id"),
                *(reading.value.alias(str(column)) for column, reading in readings.values()),
                *_origin(sheet),
            )
        )
        checks = [
            *sheet.key_checks(),
            *_status_checks(sheet),
            *(check for _, reading in readings.values() for check in reading.checks),
            _is_empty("role", "A person without a role cannot be placed."),
        ]
        if sheet.survey.twice:
            names = [name for name in frame.collect_schema().names() if name != "line"]
            frame = frame.unique(names, keep="first", maintain_order=True)
        sourced_id = pl.when(~sheet.keyless & clear).then(key)

        def tell() -> list[Fault]:
            rows = [*sheet.own_faults(_PARTLY), *sheet.faults(checks, sourced_id)]
            return rows + (sheet.said_twice() if sheet.survey.twice else [])

        return frame, sheet.doubtful or sheet.has({"role"}, ~clear), tell

    def _guardianship(self, entity: str, sheets: list[Sheet], manners: dict[str, Manner]) -> "Built":
        """Which adult belongs to which child: the two that a user's agents name, told apart by their roles."""
        users = sheets[0]
        agents = forms.read(users.fields["agentSourcedIds"], Manner(self._version))
        pairs = self._pairs(users, sheets[-1])
        names = ["student", "guardian", "relationship"]
        frame = (
            pairs.filter(pl.col("one") != pl.col("other"))
            .group_by(names)
            .agg(pl.col("line").min())
            .select(
                forms.content_key(*map(pl.col, names)).alias("sourced_id"),
                *names,
                pl.lit(users.came).alias("source_file"),
                pl.col("line"),
            )
        )

        def tell() -> list[Fault]:
            checks = [*agents.checks, _is_illegible("agentSourcedIds")]
            return users.faults(checks, pl.lit(None, pl.String)) + self._guesses(pairs, users.came)

        # An unknown role hides a relationship, which is a part of the key.
        role_unclear = self._role("role", self._role_sheets(), {"roles": Manner(self._version)})[1]
        agent_unclear = users.has({"agents"}, forms.illegible(pl.col("agentSourcedIds")))
        return frame, users.doubtful or role_unclear or agent_unclear, tell

    def _role_sheets(self) -> list[Sheet]:
        return [self._sheet(name) for name in self._depends("role")]

    def _pairs(self, users: Sheet, roles: Sheet) -> pl.LazyFrame:
        """One row for each agent that a user lists: line, one (who lists), other (who is listed), student, guardian, relationship, known."""
        person = pl.col("sourcedId" if self._version == "1.1" else "userSourcedId")
        role = pl.col("role").str.to_lowercase()
        known = (
            roles.sound()
            .group_by(person.alias("person"))
            .agg(*((role == word).any().alias(word) for word in ("student", *RELATIONSHIPS)))
        )
        listed = (
            users.sound()
            .filter(~forms.no_key(pl.col("agentSourcedIds")))
            .select("line", one="sourcedId", other=forms.items(pl.col("agentSourcedIds")).list.unique(maintain_order=True))
            .explode("other")
            .drop_nulls("other")
        )
        both = listed.join(known.rename(lambda name: f"one_{name}"), left_on="one", right_on="one_person", how="left").join(
            known.rename(lambda name: f"other_{name}"), left_on="other", right_on="other_person", how="left"
        )
        one_is, other_is = pl.col("one_student").fill_null(False), pl.col("other_student").fill_null(False)
        turned = ~one_is & other_is

        def adult(word: str) -> pl.Expr:
            return pl.when(turned).then(pl.col(f"one_{word}")).otherwise(pl.col(f"other_{word}"))

        return both.select(
            "line",
            "one",
            "other",
            student=pl.when(turned).then(pl.col("other")).otherwise(pl.col("one")),
            guardian=pl.when(turned).then(pl.col("one")).otherwise(pl.col("other")),
            relationship=pl.coalesce(pl.when(adult(word)).then(pl.lit(word)) for word in RELATIONSHIPS),
            known=one_is | other_is,
        )

    def _guesses(self, pairs: pl.LazyFrame, came: str) -> list[Fault]:
        """Return a warning for each pair in which no child is known, and for each who lists himself or herself."""
        names = ["student", "guardian", "relationship"]
        odd = pairs.filter(~pl.col("known") | (pl.col("one") == pl.col("other"))).with_columns(
            _id=forms.content_key(*map(pl.col, names))
        )
        rows = []
        # As many rows as there are warnings to be read.
        for line, one, other, sourced_id in odd.select("line", "one", "other", "_id").sort("line").collect().iter_rows():
            if one == other:
                text = f"{came} line {line}: '{one}' is listed as an agent of the same person. Left out."
            else:
                text = f"{came} line {line}: neither '{one}' nor '{other}' is a student. '{one}' was taken to be the child."
            rows.append(
                fault(
                    Level.WARNING,
                    "agent_of_nobody",
                    came,
                    text,
                    line=line,
                    field="agentSourcedIds",
                    sourced_id=None if one == other else sourced_id,
                    remedy="Give the child the role of a student, or take the link out, then export again.",
                )
            )
        return rows


#: Rows, whether some row could not be told, and how to tell the faults.
Built = tuple[pl.LazyFrame, bool, Callable[[], list[Fault]]]

_SUBJECTS_AND_CODES = Check(
    "subjects_and_codes",
    Level.WARNING,
    "subjects",
    forms.items(pl.col("subjects")).list.len() != forms.items(pl.col("subjectCodes")).list.len(),
    "subjects and subjectCodes do not have the same number of entries. Kept as they are.",
    "List as many codes as subjects, in the same order.",
)


def _origin(sheet: Sheet) -> list[pl.Expr]:
    """The columns that every file gives: what stands outside the standard, and where the row was."""
    extra = [forms.metadata(sheet.metadata).alias("metadata")] if sheet.metadata else []
    return [*extra, pl.lit(sheet.came).alias("source_file"), pl.col("line")]


def _is_empty(heading: str, why: str) -> Check:
    return Check(
        "empty",
        Level.ERROR,
        heading,
        pl.col(heading).is_null(),
        f"{heading} is empty. {why}",
        "Fill it in in the source, then export again.",
    )


def _is_illegible(heading: str) -> Check:
    return Check(
        "no_key",
        Level.ERROR,
        heading,
        forms.illegible(pl.col(heading)),
        f"{heading} has a letter that cannot be read, so nobody can say whom it names.",
        "Correct it in the source, then export again.",
    )


def _status_checks(sheet: Sheet) -> list[Check]:
    if STATUS.heading not in sheet.fields:
        return []
    cell = pl.col(STATUS.heading)
    active = cell.str.to_lowercase() == "active"
    return [
        Check(
            "bulk_status",
            Level.NOTE,
            STATUS.heading,
            active,
            "status is filled in {rows} of a complete file; OneRoster wants it and the date of change empty. Ignored.",
        ),
        Check(
            "status",
            Level.ERROR,
            STATUS.heading,
            ~active,
            "status '{value}' is not a word of OneRoster. In a complete file it is empty.",
            "If this row is no longer valid, leave it out of the export; else leave its status empty.",
        ),
    ]
