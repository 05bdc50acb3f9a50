"""Usernames, a whole column at once: what a rule makes of people, and who gets it where several would have the same."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from rollbook.domain.usernames import LONGEST, SECOND, SPELLED, UsernameRule
from rollbook.domain.words import KINDS_OF_PEOPLE

#: What a rule may look at.
COLUMNS = ("username", "given_name", "family_name", "identifier", "email")

#: What has to be known of whoever asks for a username. The order in which a file has people makes no difference.
ASKING = ("person", "sourced_id", "kind", "account", "base", "had")

#: What answers a question about many usernames at once: `username`, and the `account` that has or had it.
Ask = Callable[[pl.Series], pl.DataFrame]


@dataclass(frozen=True)
class Known:
    """What is known of the usernames of a district: who has one of these, and who has one of these with a number behind it."""

    exactly: Ask
    numbered: Ask  # with the `stem` that stands before the number


def base(rule: UsernameRule) -> pl.Expr:
    """Say what a rule makes of people with `sourced_id` and COLUMNS; null where it makes nothing."""
    match rule:
        case UsernameRule.SOURCE:
            made = _before_at("username")
        case UsernameRule.EMAIL:
            made = _before_at("email")
        case UsernameRule.NAME:
            made = _clean(pl.col("given_name")).fill_null("") + "." + _clean(pl.col("family_name")).fill_null("")
        case UsernameRule.INITIAL:
            made = _clean(pl.col("given_name")).str.head(1).fill_null("") + _clean(pl.col("family_name")).fill_null("")
        case UsernameRule.ID:
            # An identifier of which nothing is left is as good as none.
            made = pl.coalesce(_clean(pl.col("identifier")), _clean(pl.col("sourced_id")))
    return _clean(made)


def stem(column: str) -> pl.Expr:
    """Say what stands before the number, where one is needed: never a figure, so that no two stems make the same username."""
    text = pl.col(column)
    return pl.when(text.str.contains("[0-9]$")).then(text + "-").otherwise(text)


def given(wanting: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Give usernames.

    Shape: `wanting` has ASKING, with a `base`, with no `account` for new ones, and with what they `had`, if anything. Gives it
        back with `username`, null where the one that there is has to stay. Two questions for any number of people.
    Somebody who has a username gets the base or nothing; others get a number if need be.
    """
    owners = known.exactly(wanting["base"].unique()).rename({"username": "base", "account": "owner"})
    kind = pl.col("kind").cast(pl.Enum(KINDS_OF_PEOPLE))
    rows = wanting.sort(pl.col("had").is_null(), "sourced_id", kind, "person").with_row_index("n")
    taken = rows.join(owners, on="base").filter(pl.col("owner").ne_missing(pl.col("account")))["n"]
    rows = rows.with_columns(pl.col("n").is_in(taken.implode()).alias("taken"))
    free = rows.filter(~pl.col("taken")).unique("base", keep="first", maintain_order=True)["n"]
    first = pl.col("n").is_in(free.implode())
    rows = rows.with_columns(pl.when(first).then("base").alias("username"), stem("base").alias("stem"))
    others = rows.filter(pl.col("username").is_null(), pl.col("had").is_null())
    found = known.numbered(others["stem"].unique())
    numbers = _numbers(others, pl.concat([found["username"], rows["username"].drop_nulls()]).unique())
    return rows.join(numbers, on="n", how="left", maintain_order="left").select(
        *wanting.columns, pl.coalesce("username", "numbered").alias("username")
    )


def wanted() -> pl.Expr:
    """Say what of `given` the rule makes and somebody else has: an administrator sees these."""
    return pl.when(pl.col("username").ne_missing(pl.col("base"))).then("base").alias("wanted")


def _numbers(others: pl.DataFrame, used: pl.Series) -> pl.DataFrame:
    """Give each of these the lowest number that is free behind its stem: `n`, `numbered`."""
    places = others.select("n", "stem", pl.col("n").rank("ordinal").over("stem").alias("place"))
    inside = used.to_frame("stem").group_by(pl.col("stem").str.strip_chars_end("0123456789")).agg(pl.len().alias("used"))
    stems = places.group_by("stem").agg(pl.len().alias("needed")).join(inside, on="stem", how="left")
    last = SECOND + pl.col("needed") + pl.col("used").fill_null(0)
    candidates = (
        stems.select("stem", pl.int_ranges(pl.lit(SECOND, pl.UInt32), last).alias("number"))
        .explode("number")
        .with_columns((pl.col("stem") + pl.col("number").cast(pl.String)).alias("numbered"))
        .join(used.to_frame("numbered"), on="numbered", how="anti")
        .with_columns(pl.col("number").rank("ordinal").over("stem").alias("place"))
    )
    return places.join(candidates, on=("stem", "place")).select("n", "numbered")


def _before_at(column: str) -> pl.Expr:
    return pl.col(column).str.split("@").list.first()


def _clean(text: pl.Expr) -> pl.Expr:
    """Fold to a-z, 0-9, dot, line and stroke, with none of the signs at either end; null where nothing is left."""
    folded = text.str.normalize("NFKD").str.to_lowercase().str.replace_many(list(SPELLED), list(SPELLED.values()))
    kept = folded.str.replace_all("[^a-z0-9._-]", "").str.head(LONGEST).str.strip_chars("._-")
    return pl.when(kept != "").then(kept)
