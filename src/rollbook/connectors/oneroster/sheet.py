"""One CSV file of a package: its headings matched to the standard's, its rows surveyed once, its faults told row by row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import xxhash

from rollbook.connectors.oneroster import forms
from rollbook.connectors.oneroster.forms import Check, Manner
from rollbook.connectors.oneroster.vocabulary import FILES, LEFT_CLOSED, MISSPELT, STATUS, Field, Form
from rollbook.connectors.protocol import FAULTS
from rollbook.domain.errors import SourceBroken
from rollbook.domain.findings import Level
from rollbook.lib.columnar import row_hash
from rollbook.lib.tabular import Table, Unreadable, open_table

#: How many different spellings a note shows.
SEEN = 5

#: How much of a cell a message shows.
SHOWN = 40

Fault = dict[str, str | int | None]


def fault(level: Level, rule: str, file: str, message: str, **more: str | int | None) -> Fault:
    """Write one row of FAULTS; what is not given is null, and it counts once."""
    row: Fault = dict.fromkeys(FAULTS)
    row.update(level=level.value, rule=rule, file=file, message=message, count=1)
    row.update(more)
    return row


@dataclass(frozen=True)
class Survey:
    """What one pass over a file tells, before any row is read for good."""

    content: str  # the same for the same rows, in whatever order
    alarms: frozenset[str]  # what some row has: "deleted", "key", "date", "role"
    twice: bool  # two rows are the same, letter by letter


def is_exact(heading: str) -> bool:
    return heading.strip().lower().endswith(("sourcedid", "sourcedids"))


class Sheet:
    """One file, opened."""

    def __init__(self, standard: str, version: str, came: str, table: Table) -> None:
        self.standard, self.version, self.came, self.table = standard, version, came, table
        self.notes: list[Fault] = [
            fault(Level.NOTE, repair.rule, came, repair.message, line=repair.line, count=repair.count) for repair in table.repairs
        ]
        self.fields: dict[str, Field] = {}
        self.places: dict[str, int] = {}
        self.metadata: dict[str, str] = {}  # its name in the JSON object -> our name of the column
        self._match()

    @staticmethod
    def open(standard: str, version: str, came: str, path: Path, scratch: Callable[[], Path]) -> "Sheet":
        """Check a file and match its headings. Raises SourceBroken."""
        read = {field.heading.lower() for field in FILES[version][standard]}

        def is_blind(heading: str) -> bool:
            name = heading.lower()
            return not (name in read or MISSPELT.get(name, "").lower() in read or name.startswith("metadata."))

        try:
            table = open_table(path, came, scratch=scratch, blind=is_blind, exact=is_exact)
        except Unreadable as error:
            raise SourceBroken(str(error)) from error
        return Sheet(standard, version, came, table)

    # --- headings ---

    def _match(self) -> None:
        due = {field.heading.lower(): field for field in FILES[self.version][self.standard]}
        written = [heading.lower() for heading in self.table.header]
        aside, spelt = [], []
        for place, heading in enumerate(self.table.header):
            name = written[place]
            if name not in due and name in MISSPELT and MISSPELT[name].lower() not in written:
                meant = MISSPELT[name]
                if meant.lower() in due or meant.lower() in LEFT_CLOSED:
                    self._note("heading", f"{self.came}: column '{heading}' read as '{meant}'.", 1, heading)
                    name = meant.lower()
            if name in due:
                if due[name].heading in self.places:
                    raise SourceBroken(f"{self.came}, line 1: there are two columns '{due[name].heading}'")
                self.fields[due[name].heading] = due[name]
                self.places[due[name].heading] = place
                if heading != due[name].heading and heading.lower() == name:
                    spelt.append(heading)
            elif name.startswith("metadata.") and len(name) > len("metadata."):
                key = heading[len("metadata.") :].strip()
                if key in self.metadata:
                    raise SourceBroken(f"{self.came}, line 1: there are two columns '{heading}'")
                self.metadata[key] = f"metadata.{key}"
                self.places[f"metadata.{key}"] = place
            elif name and name not in LEFT_CLOSED:
                aside.append(heading)
        if not self.fields:
            raise SourceBroken(
                f"{self.came} has no header: its first line holds none of the names that OneRoster gives to columns"
            )
        if lacking := [field.heading for field in due.values() if field.due and field.heading not in self.fields]:
            found = ", ".join(self.table.header)
            raise SourceBroken(f"{self.came} has no column '{lacking[0]}'. Found: {found[:400]}")
        if spelt:
            self._note("heading_form", f"{self.came}: matched without regard to capital letters: {', '.join(spelt)}.", 1)
        if aside:
            number = "1 column is" if len(aside) == 1 else f"{len(aside)} columns are"
            was = "was" if len(aside) == 1 else "were"
            self._note(
                "columns_aside", f"{self.came}: {number} not part of OneRoster and {was} set aside: {', '.join(aside)[:400]}.", 1
            )
        order = [self.places[field.heading] for field in due.values() if field.heading in self.places]
        if order != sorted(order):
            self._note("column_order", f"{self.came}: columns are in another order than OneRoster asks; matched by name.", 1)

    def _note(self, rule: str, message: str, line: int | None, field: str | None = None) -> None:
        self.notes.append(fault(Level.NOTE, rule, self.came, message, line=line, field=field))

    # --- cells ---

    @cached_property
    def raw(self) -> pl.LazyFrame:
        """`line` and the columns that are read, named by their headings, as they stand in the file."""
        scan = self.table.scan(list(self.places.values()))
        return scan.rename({str(place): heading for heading, place in self.places.items()})

    def cells(self, headings: Iterable[str] | None = None) -> pl.LazyFrame:
        """The same, trimmed, empty cells null, and without rows that hold nothing at all."""
        wanted = list(self.places if headings is None else headings)
        rows = self._trimmed.filter(~self._all_blank) if "key" in self.survey.alarms else self._trimmed
        return rows.select("line", *wanted)

    @property
    def _trimmed(self) -> pl.LazyFrame:
        return self.raw.with_columns(_trimmed(pl.col(heading)) for heading in self.places)

    @property
    def _all_blank(self) -> pl.Expr:
        return pl.all_horizontal(pl.col(heading).is_null() for heading in self.places)

    @cached_property
    def survey(self) -> Survey:
        """Look at every row once. Raises SourceBroken if a complete file has rows marked as deleted.

        Shape: one streaming scan; nine bytes a row are kept.
        """
        alarms = self._alarms()
        packed = pl.sum_horizontal(
            pl.lit(0, pl.UInt8), *[when.fill_null(False).cast(pl.UInt8) * (1 << bit) for bit, when in enumerate(alarms.values())]
        )
        seen = self.raw.select(hash=row_hash(list(self.places)), odd=packed.cast(pl.UInt8)).collect(engine="streaming")
        hashes = np.sort(seen["hash"].to_numpy())
        odd = int(np.bitwise_or.reduce(seen["odd"].to_numpy(), initial=0))
        found = frozenset(name for bit, name in enumerate(alarms) if odd >> bit & 1)
        if "deleted" in found:
            line = self.raw.filter(alarms["deleted"]).select(pl.col("line").min()).collect().item()
            raise SourceBroken(
                f"A complete file cannot hold rows marked tobedeleted ({self.came}, line {line})",
                next_step="Is this a change file? Set the export to bulk, then run the import again.",
            )
        refused = self.table.refused()
        content = xxhash.xxh3_128(hashes.tobytes())
        content.update(repr([self.came, *self.table.header]).encode())
        content.update(repr([(note["rule"], note["field"], note["count"]) for note in self.notes]).encode())
        content.update(repr(sorted(refused.select("cells", "why").rows())).encode())
        return Survey(content.hexdigest(), found, bool((hashes[1:] == hashes[:-1]).any()))

    def _alarms(self) -> dict[str, pl.Expr]:
        """What a row may have that matters before its faults are asked for.

        Shape: cheap tests that never miss, and may cry wolf; what rests on them looks again.
        """
        cell = {heading: pl.col(heading) for heading in self.places}
        alarms: dict[str, pl.Expr] = {}
        if STATUS.heading in cell:
            alarms["deleted"] = cell["status"].str.strip_chars().str.to_lowercase() == "tobedeleted"
        alarms["key"] = pl.any_horizontal(self._may_be_blank(cell[key]) for key in self.keys)
        dates = [heading for heading, field in self.fields.items() if field.form is Form.DATE]
        if dates:
            alarms["date"] = pl.any_horizontal(
                (cell[heading] != "") & ~cell[heading].str.contains(forms.PLAIN_DATE) for heading in dates
            )
        role = self.fields.get("role")
        if role and self.standard in ("users", "roles"):
            alarms["role"] = ~cell["role"].is_in(role.words).fill_null(False)
        if "orgSourcedIds" in cell:
            alarms["orgs"] = self._may_be_blank(cell["orgSourcedIds"])
        if "agentSourcedIds" in cell and not self.table.ascii:
            alarms["agents"] = forms.illegible(cell["agentSourcedIds"])
        return alarms

    def _may_be_blank(self, cell: pl.Expr) -> pl.Expr:
        if self.table.ascii:
            return (cell < "!").fill_null(True)
        text = cell.str.strip_chars()
        return (text == "").fill_null(True) | forms.illegible(cell).fill_null(False)

    @property
    def doubtful(self) -> bool:
        """Whether some row of this file cannot be told apart from others: nothing may be concluded from a row's absence."""
        return self.table.refused_path is not None or self.has({"key"}, self.keyless)

    def has(self, alarms: set[str], when: pl.Expr) -> bool:
        """Say whether some row is so; looks only if one of the alarms was raised."""
        return bool(alarms & self.survey.alarms) and not self.cells().filter(when).head(1).collect().is_empty()

    def sound(self) -> pl.LazyFrame:
        """Return the cells of the rows whose key can be read."""
        return self.cells().filter(~self.keyless) if "key" in self.survey.alarms else self.cells()

    @property
    def keyless(self) -> pl.Expr:
        return pl.any_horizontal(forms.no_key(pl.col(key)) for key in self.keys)

    @property
    def keys(self) -> list[str]:
        """The headings that say whose row it is. The ids of roles.csv are not used: 1.1 has none, and people change versions."""
        return ["userSourcedId", "orgSourcedId"] if self.standard == "roles" else ["sourcedId"]

    # --- dates ---

    def manner(self, dates: str) -> tuple[Manner, str]:
        """Return how this file's dates are read, and the question that this raises, if any."""
        if "date" not in self.survey.alarms:
            return Manner(self.version), ""
        if dates:
            return Manner(self.version, True, dates), ""
        headings = [heading for heading, field in self.fields.items() if field.form is Form.DATE]
        columns = [self.cells([heading]).select(pl.col(heading).alias("date")).unique() for heading in headings]
        cell = pl.col("date")
        odd = (
            pl.concat(columns)
            .unique()
            .filter(cell.is_not_null() & ~forms.is_iso_date(cell) & ~cell.str.contains(forms.WITH_TIME))
            .select("date", mdy=forms.local_date(cell, "mdy"), dmy=forms.local_date(cell, "dmy"))
            .sort("date")
            .collect()
        )
        fits = [order for order in forms.READINGS if odd.height and not odd[order].null_count()]
        if len(fits) != 1:
            return Manner(self.version, True), ""
        order = fits[0]
        # A date that only this reading allows shows best what is meant.
        clear = odd.filter(pl.col("dmy" if order == "mdy" else "mdy").is_null())
        example = clear.row(0, named=True)
        question = (
            f"{self.came} has dates that are not written YYYY-MM-DD. All of them can be read as {forms.READINGS[order]}: "
            f"{example['date']} as {example[order]}. Is that right?"
        )
        return Manner(self.version, True, order), question

    # --- faults ---

    def key_checks(self) -> list[Check]:
        """Return the checks that find rows without a key."""
        if "key" not in self.survey.alarms:
            return []
        return [
            Check(
                "no_key",
                Level.ERROR,
                key,
                forms.no_key(pl.col(key)),
                f"{key} is empty or cannot be read, so nobody can say whose row this is.",
                "Fill it in in the source, then export again.",
            )
            for key in self.keys
        ]

    def said_twice(self) -> list[Fault]:
        """Return a note that counts the rows that say what another row says."""
        lines = (
            self.raw.select("line", hash=row_hash(list(self.places)))
            .filter(~pl.col("hash").is_first_distinct())
            .select("line")
            .collect()
        )
        count, line = lines.height, lines["line"].min()
        text = f"{self.came}: {count:,} {'row says' if count == 1 else 'rows say'} the same as another row. Taken once."
        return [fault(Level.NOTE, "said_twice", self.came, text, line=int(str(line)), count=count)]

    def own_faults(self, partly: str) -> list[Fault]:
        """Return what the file as a whole, and the rows that could not be read at all, have to say."""
        rows = [*self.notes, *self._blank_rows()]
        for line, cells, why in self.table.refused().iter_rows():
            if why == "quotes":
                text = "its quotes do not fit together."
                remedy = "A quotation mark inside a cell must be doubled, and the whole cell quoted."
            else:
                text = f"{cells} {'cell' if cells == 1 else 'cells'}, the header has {len(self.table.header)}."
                remedy = "A comma inside a name may lack its quotes. Correct it in the source, then export again."
            verb = "has" if why == "cells" else ":"
            message = f"{self.came} line {line}{'' if verb == ':' else ' '}{verb} {text} {partly}"
            rows.append(fault(Level.ERROR, "cells" if why == "cells" else "quotes", self.came, message, line=line, remedy=remedy))
        return rows

    def _blank_rows(self) -> list[Fault]:
        if "key" not in self.survey.alarms:
            return []
        blank = self._trimmed.filter(self._all_blank).select(pl.len().alias("count"), pl.col("line").min()).collect()
        count, line = blank.row(0)
        text = f"{self.came}: {count:,} {'row holds' if count == 1 else 'rows hold'} nothing but commas. Left out."
        return [fault(Level.NOTE, "blank_rows", self.came, text, line=line, count=count)] if count else []

    def faults(self, checks: Sequence[Check], sourced_id: pl.Expr) -> list[Fault]:
        """Hold every row against the checks; notes are counted, all else is told row by row.

        Shape: one streaming scan, a batch at a time; what is kept grows with the errors only.
        """
        if not checks:
            return []
        flags = pl.sum_horizontal(*[check.when.fill_null(False).cast(pl.UInt64) * (1 << bit) for bit, check in enumerate(checks)])
        flagged = self.cells().with_columns(_flags=flags, _id=sourced_id).filter(pl.col("_flags") != 0)
        tallies = [Tally(check) for check in checks]
        rows: list[Fault] = []
        for batch in flagged.collect_batches(chunk_size=100_000, maintain_order=True, engine="streaming"):
            present = int(np.bitwise_or.reduce(batch["_flags"].to_numpy(), initial=0))
            for bit, tally in enumerate(tallies):
                if present >> bit & 1:
                    hit = batch.filter(pl.col("_flags") // (1 << bit) % 2 == 1)
                    if tally.check.level is Level.NOTE:
                        tally.add(hit)
                    else:
                        rows.extend(self._told(tally.check, hit))
        return [tally.fault(self.came) for tally in tallies if tally.count] + rows

    def _told(self, check: Check, hit: pl.DataFrame) -> Iterable[Fault]:
        # A row here is an error that a person will read, so a walk over them is short or the run is held.
        value = check.shows if check.shows is not None else pl.col(check.field)
        told = hit.select("line", "_id", value=value.cast(pl.String))
        for line, sourced_id, cell in told.iter_rows():
            message = f"{self.came} line {line}: " + check.message.replace("{value}", shorten(cell or ""))
            yield fault(
                check.level,
                check.rule,
                self.came,
                message,
                line=line,
                field=check.field,
                sourced_id=sourced_id,
                remedy=check.remedy,
            )


class Tally:
    """Counts the rows of one note."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.count = 0
        self.line: int | None = None
        self.seen: list[str] = []

    def add(self, hit: pl.DataFrame) -> None:
        self.count += hit.height
        first = hit["line"].min()
        assert isinstance(first, int)
        self.line = first if self.line is None else min(self.line, first)
        shown = self.check.shows if self.check.shows is not None else pl.format("'{}'", pl.col(self.check.field))
        if len(self.seen) < SEEN:
            fresh = hit.select(seen=shown).unique().sort("seen")["seen"].drop_nulls().head(SEEN).to_list()
            self.seen = sorted({*self.seen, *fresh})[:SEEN]

    def fault(self, file: str) -> Fault:
        rows = "1 row" if self.count == 1 else f"{self.count:,} rows"
        text = self.check.message.replace("{rows}", rows).replace("{seen}", ", ".join(shorten(each) for each in self.seen))
        text = text.replace("{{", "{").replace("}}", "}")
        return fault(
            self.check.level, self.check.rule, file, f"{file}: {text}", line=self.line, field=self.check.field, count=self.count
        )


def shorten(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _trimmed(cell: pl.Expr) -> pl.Expr:
    text = cell.str.strip_chars()
    return pl.when(text != "").then(text)
