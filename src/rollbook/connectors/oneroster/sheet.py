"""One CSV file of a package: its headings matched to the standard's, its rows looked at once before they are read for good."""

import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import xxhash

from rollbook.connectors.oneroster import forms
from rollbook.connectors.oneroster.csv_bundle import readable
from rollbook.connectors.oneroster.faults import Fault, fault, frame_of
from rollbook.connectors.oneroster.forms import Manner
from rollbook.connectors.oneroster.vocabulary import FILES, LEFT_CLOSED, MISSPELT, STATUS, Field, Form
from rollbook.domain.errors import SourceBroken
from rollbook.domain.findings import Level
from rollbook.lib.columnar import row_hash
from rollbook.lib.csv_table import LINE_LIMIT, ZERO_WIDTH, Table, Unreadable
from rollbook.lib.tabular import open_table

_UNSEEN = f"[{ZERO_WIDTH}]"


@dataclass(frozen=True)
class Survey:
    """What one pass over a file tells, before any row is read for good."""

    content: str  # the same for the same rows, in whatever order
    alarms: frozenset[str]  # what some row may have: see `_alarms`
    twice: bool  # two rows are the same, letter by letter


def is_exact(heading: str) -> bool:
    return heading.strip().lower().endswith(("sourcedid", "sourcedids"))


class Sheet:
    """One file, opened."""

    def __init__(self, standard: str, version: str, came: str, table: Table, unchanged: Callable[[], None]) -> None:
        self.standard, self.version, self.came, self.table = standard, version, came, table
        self.unchanged = unchanged  # raises SourceUnavailable if somebody has written to the package: see `arrival`
        self.notes: list[Fault] = [
            fault(Level.NOTE, repair.rule, came, repair.message, line=repair.line, count=repair.count) for repair in table.repairs
        ]
        self.fields: dict[str, Field] = {}
        self.places: dict[str, int] = {}
        self.metadata: dict[str, str] = {}  # its name in the JSON object -> our name of the column
        self._match()

    @staticmethod
    def open(
        standard: str, version: str, came: str, path: Path, scratch: Callable[[], Path], unchanged: Callable[[], None]
    ) -> "Sheet":
        """Check a file and match its headings. Raises SourceError."""
        read = {field.heading.lower() for field in FILES[version][standard]}

        def is_blind(heading: str) -> bool:
            name = heading.lower()
            return not (name in read or MISSPELT.get(name, "").lower() in read or name.startswith("metadata."))

        try:
            with readable(came):
                table = open_table(path, came, scratch=scratch, blind=is_blind, exact=is_exact)
        except Unreadable as error:
            unchanged()
            raise SourceBroken(str(error)) from error
        unchanged()
        return Sheet(standard, version, came, table, unchanged)

    @staticmethod
    def try_heading(standard: str, version: str, came: str, path: Path, scratch: Callable[[], Path]) -> None:
        """Raise what `open` would raise for the heading of a file, however long the file is."""
        alone = scratch() / "heading.csv"
        with readable(came):
            alone.write_bytes(_heading(path))
        Sheet.open(standard, version, came, alone, scratch, lambda: None)

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
        if "unseen" in self.survey.alarms:
            seen = self.raw.with_columns(_seen(pl.col(heading)) for heading in self._exact)
            return seen.with_columns(_trimmed(pl.col(heading)) for heading in self.places)
        if not self.table.padded:  # nothing to trim, and an empty cell without quotes is null already
            if not self.table.doubled:
                return self.raw
            return self.raw.with_columns(pl.when(pl.col(heading) != "").then(pl.col(heading)) for heading in self.places)
        return self.raw.with_columns(_trimmed(pl.col(heading)) for heading in self.places)

    @property
    def _exact(self) -> list[str]:
        return [heading for heading, field in self.fields.items() if field.form in (Form.KEY, Form.KEYS)]

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
        # Not polars' own hash, which a release may change: this one tells that a source still sends what was undone.
        seen = self.raw.select(hash=row_hash(list(self.places)), odd=packed.cast(pl.UInt8)).collect(engine="streaming")
        self.unchanged()
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
        content = xxhash.xxh3_128(memoryview(hashes))
        content.update(repr([self.came, *self.table.header]).encode())
        if "unseen" in found:
            content.update(b"without what cannot be seen")
        content.update(repr([(note["rule"], note["field"], note["count"]) for note in self.notes]).encode())
        content.update(repr(sorted(refused.group_by("cells", "why").len().rows())).encode())
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
            if self.standard == "roles":
                alarms["dated"] = pl.any_horizontal(cell[heading] != "" for heading in dates)
        role = self.fields.get("role")
        if role and self.standard in ("users", "roles"):
            alarms["role"] = ~cell["role"].is_in(role.words).fill_null(False)
        if "orgSourcedIds" in cell:
            alarms["orgs"] = self._may_be_blank(cell["orgSourcedIds"])
        if "agentSourcedIds" in cell and not self.table.ascii:
            alarms["agents"] = forms.illegible(cell["agentSourcedIds"])
        if self.table.zero_width:
            alarms["unseen"] = pl.any_horizontal(cell[heading].str.contains(_UNSEEN) for heading in self._exact)
        return alarms

    def _may_be_blank(self, cell: pl.Expr) -> pl.Expr:
        if self.table.ascii:
            return (cell < "!").fill_null(True)
        text = (_seen(cell) if self.table.zero_width else cell).str.strip_chars()
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

    def own_faults(self) -> pl.DataFrame:
        """Return what the file as a whole, and the rows that do not fit under its header, have to say."""
        self.unchanged()
        words = {
            "cells": pl.format(
                f"{self.came} line {{}} has {{}}, the header has {len(self.table.header)}. {_LEFT_OUT}",
                "line",
                pl.when(pl.col("cells") == 1).then(pl.lit("1 cell")).otherwise(pl.format("{} cells", "cells")),
            ),
            "quotes": pl.format(f"{self.came} line {{}}: the quotation marks do not fit together. {_LEFT_OUT}", "line"),
        }
        remedies = {
            "cells": "A comma inside a name may lack its quotes. Correct it in the source, then export again.",
            "quotes": "A quotation mark inside a cell is doubled, and the whole cell stands in quotation marks.",
        }
        text = pl.lit(None, pl.String)
        refused = self.table.refused().select(
            entity=text,
            level=pl.lit(Level.ERROR.value),
            rule="why",
            file=pl.lit(self.came),
            line="line",
            field=text,
            sourced_id=text,
            message=pl.coalesce(pl.when(pl.col("why") == why).then(words[why]) for why in words),
            remedy=pl.col("why").replace_strict(remedies, return_dtype=pl.String),
            count=pl.lit(1, pl.Int64),
        )
        return pl.concat([frame_of([*self.notes, *self._blank_rows(), *self._unseen()]), refused])

    def _blank_rows(self) -> list[Fault]:
        if "key" not in self.survey.alarms:
            return []
        blank = self._trimmed.filter(self._all_blank).select(pl.len().alias("count"), pl.col("line").min()).collect()
        count, line = blank.row(0)
        text = f"{self.came}: {count:,} {'row holds' if count == 1 else 'rows hold'} nothing but commas. Left out."
        return [fault(Level.NOTE, "blank_rows", self.came, text, line=line, count=count)] if count else []

    def _unseen(self) -> list[Fault]:
        """Say which keys and references held letters that nobody sees: with them, a person would be another one."""
        if "unseen" not in self.survey.alarms:
            return []
        rows = self.raw.select("line", *(pl.col(heading).str.contains(_UNSEEN) for heading in self._exact))
        found = rows.filter(pl.any_horizontal(self._exact)).collect()
        said = []
        for heading in self._exact:
            if lines := found.filter(pl.col(heading))["line"].sort().to_list():
                where = f"{'1 row' if len(lines) == 1 else f'{len(lines):,} rows'}, first in line {lines[0]},"
                text = f"{self.came}: {heading} in {where} has letters that cannot be seen. Removed."
                said.append(fault(Level.NOTE, "unseen_letters", self.came, text, line=lines[0], field=heading, count=len(lines)))
        return said


#: How a row that cannot be told apart ends every sentence about it.
_LEFT_OUT = "The row was left out. Until every row of the file can be read, nobody is taken to be missing from it."


def _seen(cell: pl.Expr) -> pl.Expr:
    return cell.str.replace_all(_UNSEEN, "")


def _trimmed(cell: pl.Expr) -> pl.Expr:
    text = cell.str.strip_chars()
    return pl.when(text != "").then(text)


def _heading(path: Path) -> bytes:
    """Return the first lines of a file, up to the one that ends its heading: there all quotes are closed."""
    with path.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if wide else "latin-1"  # in Latin-1 every byte is a letter, and comes back as the byte that it was
    lines = ""
    with path.open("r", encoding=encoding, errors="ignore", newline="") as source:
        while len(lines) <= LINE_LIMIT and (more := source.readline(LINE_LIMIT + 1)):
            lines += more
            if lines.count('"') % 2 == 0 and lines.strip(' ",\t\r\n\ufeff\xef\xbb\xbf'):
                break
    return lines.encode(encoding)
