"""Rules that one row breaks by itself."""

import polars as pl

from rollbook.domain.entities import ENTITIES, entity
from rollbook.domain.findings import Level
from rollbook.domain.words import ENTITY_WORDS
from rollbook.pipeline.picture import Picture
from rollbook.pipeline.rules.rule import NOTHING, heading, place, rule, told

#: PostgreSQL's indexes hold 2,704 bytes, the district and the source included; an index for each of these is all there is.
LONGEST = 2_000
#: What is looked up besides ids and what rows point to.
LOOKED_UP = ("family_name",)


@rule("required_value", Level.ERROR, *(each.name for each in ENTITIES))
def required_value(picture: Picture, name: str) -> pl.DataFrame:
    """A value that every row of its kind needs is empty.

    Remedy: Fill it in at the source.
    """
    candidates = picture.candidates[name]
    needed = [column.name for column in entity(name).columns if column.required and column.name in candidates.columns]
    columns = ["sourced_id", "source_file", "line", *needed]
    faulty = candidates.rows.select(columns).filter(pl.any_horizontal(pl.col(needed).is_null())).collect(engine="streaming")
    if not faulty.height:
        return NOTHING
    one, _ = ENTITY_WORDS[name]
    found = []
    for column in needed:
        words = heading(picture, name, column).replace("_", " ")
        message = pl.format("{}: {} is empty. Every {} needs one.", place(), pl.lit(words), pl.lit(one))
        found.append(told(faulty.filter(pl.col(column).is_null()), message, column))
    return pl.concat(found)


@rule("too_long", Level.ERROR, *(each.name for each in ENTITIES))
def too_long(picture: Picture, name: str) -> pl.DataFrame:
    """An id, or another text that rows are looked up by, is longer than an index of the database can hold.

    Remedy: Shorten it at the source.
    """
    single = [column.name for column in entity(name).references if not column.many]
    columns = ["sourced_id", *(column for column in (*single, *LOOKED_UP) if column in picture.candidates[name].columns)]
    length = [pl.col(column).str.len_bytes().alias(f"bytes of {column}") for column in columns]
    rows = picture.candidates[name].rows.select("sourced_id", "source_file", "line", *length)
    too_many = {column: pl.col(f"bytes of {column}") > LONGEST for column in columns}
    faulty = rows.filter(pl.any_horizontal(too_many.values())).collect(engine="streaming")
    if not faulty.height:
        return NOTHING
    found = []
    for column in columns:
        words = heading(picture, name, column).replace("_", " ")
        message = pl.format(f"{{}}: {words} has {{}} bytes; at most {LONGEST:,} can be kept.", place(), f"bytes of {column}")
        found.append(told(faulty.filter(too_many[column]), message, column))
    return pl.concat(found)


@rule("ends_before_it_begins", Level.ERROR, "academic_session", "role", "enrollment")
def ends_before_it_begins(picture: Picture, name: str) -> pl.DataFrame:
    """The end lies before the beginning.

    Remedy: Correct the two dates at the source.
    """
    begin, end = ("start_date", "end_date") if name == "academic_session" else ("begin_date", "end_date")
    if not picture.has(name, begin, end):
        return NOTHING
    rows = picture.candidates[name].rows.select("sourced_id", "source_file", "line", begin, end)
    # What is no date has been found fault with already, and says nothing of before and after.
    first, last = (pl.col(each).str.to_date("%Y-%m-%d", strict=False) for each in (begin, end))
    faulty = rows.filter(last < first).collect(engine="streaming")
    return told(faulty, pl.format("{}: ends ({}) before it begins ({}).", place(), pl.col(end), pl.col(begin)), end)


@rule("own_ancestor", Level.ERROR, "org", "academic_session")
def own_ancestor(picture: Picture, name: str) -> pl.DataFrame:
    """It belongs to itself, directly or through what it belongs to.

    Remedy: Correct the parent at the source.
    """
    if not picture.has(name, "parent"):
        return NOTHING
    whole = picture.after(name) if picture.offers(name) else picture.candidates[name].rows
    rows = whole.select("sourced_id", "source_file", "line", "parent").filter(pl.col("parent").is_not_null()).collect()
    parents = dict(rows.select("sourced_id", "parent").iter_rows())  # orgs and sessions: tens to thousands
    circling = [key for key in parents if _circles(key, parents)]
    new = picture.candidates[name].rows.select("sourced_id").collect()["sourced_id"]
    faulty = rows.filter(pl.col("sourced_id").is_in(circling) & pl.col("sourced_id").is_in(new.implode()))
    return told(
        faulty, pl.format("{}: '{}' belongs to itself, through '{}'.", place(), pl.col("sourced_id"), pl.col("parent")), "parent"
    )


def _circles(key: str, parents: dict[str, str]) -> bool:
    seen: set[str] = set()
    at: str | None = key
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at == key
