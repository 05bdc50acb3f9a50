"""Review: what a run found and would change, a page at a time or as a stream, with the names that people know.

Reads the files that the run kept, lazily: a page costs the same however many rows there are, but for one scan of a column.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import polars as pl

from rollbook.actions.looked import SEARCHED, Looked, contains, names_of, value
from rollbook.connectors.protocol import FAULTS
from rollbook.domain.changes import Change
from rollbook.domain.entities import BY_NAME, ORG, ROLE, Entity
from rollbook.domain.findings import Level
from rollbook.lib import cells
from rollbook.pipeline import check, undo
from rollbook.pipeline.rules import CATALOGUE
from rollbook.store.models import Run

#: What people look at first: themselves and their classes; the links between them last.
SHOWN = ("person", "section", "enrollment", "course", "org", "academic_session", "role", "guardianship")
KINDS = (Change.VANISH, Change.ALTER, Change.RETURN, Change.APPEAR)
LEVELS = (Level.ERROR, Level.WARNING, Level.NOTE)

BATCH = 20_000

#: How many findings of a rule stand for all of them, and how a message begins with its place.
EXAMPLES = 3
PLACE = r"^[^:]*? line \d+: "

CHANGE_HEADINGS = ("change", "what", "id", "name", "number", "school", "field", "before", "after", "values", "file", "line")


@dataclass(frozen=True)
class Page:
    """Some rows of many."""

    rows: list[dict[str, Any]]
    total: int
    offset: int = 0
    limit: int = 50
    names: dict[tuple[str, str], str] = field(default_factory=dict)  # (entity, sourced_id) -> name, of what the rows point to


@dataclass(frozen=True)
class School:
    """The students of one school, now and after."""

    sourced_id: str
    name: str
    now: int
    leave: int
    new: int

    @property
    def after(self) -> int:
        return self.now - self.leave + self.new


@dataclass(frozen=True)
class Example:
    """One finding of many: where it is, and what differs from the others."""

    file: str | None
    line: int | None
    message: str


@dataclass(frozen=True)
class Group:
    """The findings of one rule."""

    rule: str
    level: str
    text: str
    remedy: str
    count: int
    files: list[str]
    fields: list[str]
    examples: list[Example]


def changes(
    run: Run,
    *,
    entity: str | None = None,
    kind: str | None = None,
    school: str | None = None,
    search: str = "",
    offset: int = 0,
    limit: int = 50,
) -> Page:
    """Return a page of what a run changes, or would: who leaves first, people before what they are in.

    Shape: each row has entity, kind, sourced_id, label, number, school, school_name, file, line, before, after and
        fields: (column, before, after) of what differs. Counting reads one column; only the page's rows are read whole.
    """
    looked = Looked(run)
    rows: list[dict[str, Any]] = []
    total, skip = 0, offset
    words = looked.words(search, *_chosen(entity), kind=kind, school=school)
    for each in _chosen(entity):
        found = looked.wanted(each, kind=kind, school=school, words=words)
        if found is None:
            continue
        count = dict(found.group_by("kind").len().collect().iter_rows())
        for one in KINDS:
            n = count.get(one.value, 0)
            total += n
            if skip < n and len(rows) < limit:
                part = found.filter(pl.col("kind") == one.value).slice(skip, limit - len(rows)).collect()
                rows += _rows(each, looked.described(each, part))
            skip = max(0, skip - n)
    return Page(rows, total, offset, limit, looked.references(rows))


def counts(run: Run) -> dict[str, dict[str, int]]:
    """Count what a run changes: entity -> kind -> how many; only what is not 0, what people look at first first."""
    found = {}
    for name in SHOWN:
        mine = {kind.value: run.counts[name][kind] for kind in KINDS if run.counts.get(name, {}).get(kind)}
        if mine:
            found[name] = mine
    return found


def schools(run: Run) -> list[School]:
    """Return the students of each school now and after, those that lose most first; empty where that is not kept any more."""
    looked = Looked(run)
    if not looked.files.live_file.exists():
        return []
    live = pl.read_parquet(looked.files.live_file)
    mine = (pl.col("entity") == "person") & (pl.col("role") == "student") & pl.col("org").is_not_null()
    now = dict(live.filter(mine).select("org", "n").iter_rows())
    gone: dict[str, int] = {}
    new: dict[str, int] = {}
    changed = looked.files.changes(ROLE)
    if changed is not None:
        present = names_of(changed)
        moved = changed.select("kind", org=value("org", present), role=value("role", present)).filter(pl.col("role") == "student")
        for kind, org, n in moved.group_by("kind", "org").len().collect().iter_rows():
            if kind == Change.VANISH:
                gone[org] = n
            elif kind != Change.ALTER:
                new[org] = new.get(org, 0) + n
    keys = sorted({*now, *gone, *new})
    met = looked.named(ORG, pl.Series(keys, dtype=pl.String))
    names = dict(met.select("sourced_id", "name").iter_rows())
    found = [School(key, names.get(key) or key, now.get(key, 0), gone.get(key, 0), new.get(key, 0)) for key in keys]
    return sorted(found, key=lambda each: (-each.leave, -each.new, each.name.casefold()))


def findings(
    run: Run,
    *,
    level: str | None = None,
    rule: str | None = None,
    entity: str | None = None,
    search: str = "",
    offset: int = 0,
    limit: int = 50,
) -> Page:
    """Return a page of what was found wrong, gravest first: the columns of findings, and `label` where the row has a name."""
    looked = Looked(run)
    found = _found(looked, level=level, rule=rule, entity=entity, search=search)
    if found is None:
        return Page([], 0, offset, limit)
    count = dict(found.group_by("level").len().collect().iter_rows())
    parts: list[pl.DataFrame] = []
    skip, room = offset, limit
    for one in LEVELS:
        n = count.get(one.value, 0)
        if skip < n and room:
            parts.append(found.filter(pl.col("level") == one.value).slice(skip, room).collect())
            room -= parts[-1].height
        skip = max(0, skip - n)
    rows = pl.concat(parts).to_dicts() if parts else []
    labels: dict[tuple[str, str], str] = {}
    for name in {row["entity"] for row in rows} & SEARCHED.keys():
        keys = pl.Series(
            sorted({row["sourced_id"] for row in rows if row["entity"] == name and row["sourced_id"]}), dtype=pl.String
        )
        met = looked.named(BY_NAME[name], keys).drop_nulls("name")
        labels.update({(name, key): called for key, called in met.select("sourced_id", "name").iter_rows()})
    for row in rows:  # a page of them
        row["label"] = labels.get((row["entity"], row["sourced_id"]))
    return Page(rows, sum(count.values()), offset, limit)


def finding_groups(run: Run) -> list[Group]:
    """Return the rules that were broken, gravest and most frequent first: each in words, with where and the first examples.

    Shape: one scan. A rule that has no words of its own is called by what all of its messages say alike.
    """
    found = Looked(run).files.findings()
    if found is None:
        return []
    told = pl.col("message").str.replace(PLACE, "")
    back = told.str.reverse()
    grouped = found.group_by("rule", "level").agg(
        pl.col("count").sum(),
        pl.concat_list(told.min(), told.max()).first().alias("ends"),
        pl.concat_list(back.min(), back.max()).first().alias("backs"),
        pl.col("remedy").drop_nulls().first(),
        pl.col("file").drop_nulls().unique().sort().alias("files"),
        pl.col("field").drop_nulls().unique().sort().alias("fields"),
        pl.struct("file", "line", told.alias("message")).head(EXAMPLES).alias("examples"),
    )
    own = {each.name: each for each in (*check.OWN_RULES, undo.CHANGED_SINCE)}
    own.update({name: judged.rule for name, judged in CATALOGUE.items()})
    groups = []
    for each in grouped.collect().iter_rows(named=True):
        words = own.get(each["rule"])
        text = words.text if words else _alike(each["ends"], each["backs"])
        remedy = words.remedy if words else each["remedy"]
        seen = [Example(**one) for one in each["examples"]]
        if [one.message for one in seen] == [text]:
            seen = [Example(seen[0].file, seen[0].line, "")]
        groups.append(Group(each["rule"], each["level"], text, remedy or "", each["count"], each["files"], each["fields"], seen))
    return sorted(groups, key=lambda each: (LEVELS.index(Level(each.level)), -each.count, each.rule))


def _alike(ends: list[str], backs: list[str]) -> str:
    """Say what messages have in common: their first words and their last, "…" for what differs between.

    Needs: the first and the last of the messages in order, and so again of the messages read backwards: what two such have in
        common at their beginning, all between have as well.
    """
    if ends[0] == ends[1]:
        return ends[0]
    start, end = _first_words(*ends), _first_words(*backs)[::-1]
    return " ".join(part for part in (start, "…", end) if part)


def _first_words(one: str, other: str) -> str:
    same = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return same.rpartition(" ")[0]


def rows(run: Run, entity: str, *, search: str = "", offset: int = 0, limit: int = 50) -> Page:
    """Return a page of what the source sent of one entity, with file and line. Raises KeyError for an entity that is none."""
    looked = Looked(run)
    wanted = BY_NAME[entity]
    if looked.snapshot is None or not looked.snapshot.offers(wanted):
        return Page([], 0, offset, limit)
    sent = looked.snapshot.rows(wanted)
    for word in search.split():
        sent = sent.filter(looked.met(wanted, names_of(sent), word))
    total = int(sent.select(pl.len()).collect().item()) if search.split() else looked.snapshot.kept[entity].rows
    return Page(sent.drop("row_hash").slice(offset, limit).collect().to_dicts(), total, offset, limit)


def rows_kept(run: Run) -> dict[str, int]:
    """Count what the source sent, by entity; empty where the rows are not kept any more."""
    snapshot = Looked(run).snapshot
    return {name: snapshot.kept[name].rows for name in SHOWN if snapshot.offers(name)} if snapshot else {}


def changes_csv(
    run: Run, *, entity: str | None = None, kind: str | None = None, school: str | None = None, search: str = ""
) -> Iterator[bytes]:
    """Stream changes as CSV, a line a changed field: what leaves or is new is one line, with its values in one cell.

    Shape: a batch at a time. Cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    yield (",".join(CHANGE_HEADINGS) + "\n").encode()
    looked = Looked(run)
    words = looked.words(search, *_chosen(entity), kind=kind, school=school)
    for each in _chosen(entity):
        found = looked.wanted(each, kind=kind, school=school, words=words)
        for batch in _portions(found):
            yield _csv(_lines(each, looked.described(each, batch)))


def findings_csv(
    run: Run, *, level: str | None = None, rule: str | None = None, entity: str | None = None, search: str = ""
) -> Iterator[bytes]:
    """Stream findings as CSV."""
    yield (",".join(FAULTS) + "\n").encode()
    for batch in _portions(_found(Looked(run), level=level, rule=rule, entity=entity, search=search)):
        yield _csv(batch)


def _chosen(entity: str | None) -> Iterable[Entity]:
    return [BY_NAME[name] for name in SHOWN if entity in (None, "", name)]


def _portions(frame: pl.LazyFrame | None) -> Iterator[pl.DataFrame]:
    if frame is not None:
        for batch in frame.collect_batches(chunk_size=BATCH, maintain_order=True):
            if batch.height:
                yield batch


def _found(looked: Looked, *, level: str | None, rule: str | None, entity: str | None, search: str) -> pl.LazyFrame | None:
    found = looked.files.findings()
    if found is None:
        return None
    for column, wanted in (("level", level), ("rule", rule), ("entity", entity)):
        if wanted:
            found = found.filter(pl.col(column) == wanted)
    for word in search.split():
        found = found.filter(
            contains(pl.concat_str(pl.col("message"), "sourced_id", "file", separator=" ", ignore_nulls=True), word)
        )
    return found


def _rows(entity: Entity, described: pl.DataFrame) -> list[dict[str, Any]]:
    """Turn a page of described changes into what a page shows."""
    offered = [name for name in entity.names if name in described.columns]
    made = []
    for row in described.iter_rows(named=True):
        kind = row["kind"]
        before = {name: row[f"was.{name}"] for name in entity.names if row[f"was.{name}"] is not None}
        after = {name: row[name] for name in offered if row[name] is not None} if kind != Change.VANISH else {}
        if kind == Change.APPEAR:
            fields: list[tuple[str, str | None, str | None]] = [(name, None, after[name]) for name in after]
        elif kind == Change.VANISH:
            fields = [("status", "active", "inactive")]
        else:
            fields = [("status", "inactive", "active")] if kind == Change.RETURN else []
            fields += [(name, row[f"was.{name}"], row[name]) for name in offered if row[name] != row[f"was.{name}"]]
        made.append(
            {
                "entity": entity.name,
                "kind": kind,
                "sourced_id": row["sourced_id"],
                "label": row["label"],
                "number": row["number"],
                "school": row["school"],
                "school_name": row["school_name"],
                "file": row["source_file"],
                "line": row["line"],
                "before": before,
                "after": after,
                "fields": fields,
            }
        )
    return made


def _lines(entity: Entity, described: pl.DataFrame) -> pl.DataFrame:
    """Write described changes as the lines of the CSV: whole columns, one select a field."""
    offered = [name for name in entity.names if name in described.columns]
    kind = pl.col("kind")
    rows = described.with_row_index("at")
    status = {Change.VANISH: ("active", "inactive"), Change.RETURN: ("inactive", "active"), Change.APPEAR: (None, "active")}
    stood = {change.value: was for change, (was, _) in status.items()}
    stands = {change.value: now for change, (_, now) in status.items()}
    values = pl.concat_str(
        [pl.format(f"{name}: {{}}", pl.col(f"it.{name}")) for name in entity.names if name != "metadata"],
        separator="; ",
        ignore_nulls=True,
    )

    def line(what: pl.DataFrame, field: str, before: pl.Expr, after: pl.Expr, values: pl.Expr) -> pl.DataFrame:
        return what.select(
            "at",
            change="kind",
            what=pl.lit(entity.name),
            id="sourced_id",
            name="label",
            number="number",
            school="school_name",
            field=pl.lit(field),
            before=before.cast(pl.String),
            after=after.cast(pl.String),
            values=values.cast(pl.String),
            file="source_file",
            line="line",
        )

    moved = rows.filter(kind != Change.ALTER.value)
    parts = [
        line(
            moved,
            "status",
            kind.replace_strict(stood, default=None, return_dtype=pl.String),
            kind.replace_strict(stands, default=None, return_dtype=pl.String),
            values,
        )
    ]
    kept = rows.filter(kind.is_in([Change.ALTER.value, Change.RETURN.value]))
    for name in offered:
        other = kept.filter(pl.col(name).ne_missing(pl.col(f"was.{name}")))
        parts.append(line(other, name, pl.col(f"was.{name}"), pl.col(name), pl.lit(None, pl.String)))
    return pl.concat(parts).sort("at", maintain_order=True).select(CHANGE_HEADINGS)


def _csv(rows: pl.DataFrame) -> bytes:
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    safe = rows.with_columns(
        pl.when(pl.col(name).str.contains(cells.BEGINS))
        .then(pl.concat_str(pl.lit("'"), name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )
    return safe.write_csv(include_header=False).encode()
