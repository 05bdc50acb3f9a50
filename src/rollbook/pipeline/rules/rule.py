"""What a rule is, and how what it finds becomes findings."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import polars as pl

from rollbook.connectors.protocol import FAULTS, NO_FAULTS
from rollbook.domain.findings import Level, Rule
from rollbook.pipeline.picture import Picture

#: Gives `sourced_id`, `source_file`, `line`, `field` and `message` of the rows that break the rule.
Judge = Callable[[Picture, str], pl.DataFrame]


@dataclass(frozen=True)
class Judged:
    """One rule of the catalogue with the function that judges, and the entities that it judges."""

    rule: Rule
    entities: tuple[str, ...]
    needs: tuple[str, ...]
    judge: Judge


CATALOGUE: dict[str, Judged] = {}


def rule(name: str, level: Level, *entities: str, needs: tuple[str, ...] = ()) -> Callable[[Judge], Judge]:
    """Put a function into the catalogue. Its docstring is the rule's text, with the remedy after "Remedy:".

    `needs` names entities that the source must have sent, all of them, for the rule to say anything.
    """

    def enter(judge: Judge) -> Judge:
        text, _, remedy = inspect.cleandoc(judge.__doc__ or "").partition("Remedy:")
        words = Rule(name, level, " ".join(text.split()), " ".join(remedy.split()))

        @wraps(judge)
        def with_headings(picture: Picture, entity: str) -> pl.DataFrame:
            found = judge(picture, entity)
            known = _headings(picture, entity)
            return found.with_columns(pl.col("field").replace(known)) if found.height and known else found

        CATALOGUE[name] = Judged(words, entities, needs, with_headings)
        return judge

    return enter


def heading(picture: Picture, entity: str, column: str) -> str:
    """Return what people at the source know a column by: its heading in their file; where there is none, our own name."""
    return _headings(picture, entity).get(column, column)


def _headings(picture: Picture, entity: str) -> dict[str, str]:
    return picture.snapshot.kept[entity].headings if picture.snapshot and picture.offers(entity) else {}


def findings(words: Rule, entity: str, found: pl.DataFrame) -> pl.DataFrame:
    """Give what a rule found the columns of findings."""
    if not found.height:  # as most rules find, most nights
        return NO_FAULTS
    return found.select(
        pl.lit(entity).alias("entity"),
        pl.lit(words.level.value).alias("level"),
        pl.lit(words.name).alias("rule"),
        pl.col("source_file").alias("file"),
        "line",
        "field",
        "sourced_id",
        "message",
        pl.lit(words.remedy).alias("remedy"),
        pl.lit(1, pl.Int64).alias("count"),
    ).cast(FAULTS)


def told(rows: pl.DataFrame, message: pl.Expr, field: str | None = None) -> pl.DataFrame:
    """Give the rows that break a rule their message."""
    return rows.select("sourced_id", "source_file", "line", pl.lit(field, pl.String).alias("field"), message.alias("message"))


def place() -> pl.Expr:
    """Write where a row stands: users.csv line 14; or its id, where it stands in no file."""
    return pl.format("{} line {}", pl.col("source_file"), pl.col("line")).fill_null(pl.col("sourced_id"))


NOTHING = pl.DataFrame(
    schema={"sourced_id": pl.String, "source_file": pl.String, "line": pl.Int64, "field": pl.String, "message": pl.String}
)
