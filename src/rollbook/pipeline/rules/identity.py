"""Rules about who is who: values and ids that two rows share, or almost share."""

import polars as pl

from rollbook.domain.findings import Level
from rollbook.pipeline.picture import Picture
from rollbook.pipeline.rules.rule import NOTHING, place, rule, told


@rule("username_used_twice", Level.WARNING, "person", needs=("person",))
def username_used_twice(picture: Picture, name: str) -> pl.DataFrame:
    """Two people have the same username, without regard to case. Both are kept as two people.

    Remedy: If they are one person, give them one row at the source; else give one of them another username there.
    """
    return _twice(picture, name, "username")


@rule("email_used_twice", Level.WARNING, "person", needs=("person",))
def email_used_twice(picture: Picture, name: str) -> pl.DataFrame:
    """Two people have the same email address, without regard to case. Both are kept as two people.

    Remedy: If they are one person, give them one row at the source; else correct one address there.
    """
    return _twice(picture, name, "email")


@rule("identifier_used_twice", Level.WARNING, "person", needs=("person",))
def identifier_used_twice(picture: Picture, name: str) -> pl.DataFrame:
    """Two people have the same student or staff number. Both are kept as two people.

    Remedy: If they are one person, give them one row at the source; else correct one number there.
    """
    return _twice(picture, name, "identifier")


def _twice(picture: Picture, name: str, column: str) -> pl.DataFrame:
    if not picture.has(name, column):
        return NOTHING
    value = pl.col(column).str.to_lowercase().alias("value")
    every = picture.after(name).select("sourced_id", "source_file", "line", value).drop_nulls("value")
    came = picture.fit(name).select(value)
    # Which values occur twice is a question to one column; only their rows, if there are any, are read whole.
    values = every.select("value")
    if picture.candidates[name].few:
        values = values.join(came, on="value", how="semi")
    twice = values.filter(pl.col("value").is_duplicated()).unique().join(came, on="value", how="semi").collect(engine="streaming")
    if not twice.height:
        return NOTHING
    rows = every.join(twice.lazy(), on="value", how="semi").collect(engine="streaming")
    people = rows.group_by("value").agg(pl.len().alias("n"), pl.col("sourced_id").sort().head(5).str.join(", ").alias("ids"))
    faulty = rows.join(people, on="value").sort("value", "line")
    message = pl.format("{}: {} is shared by {} people: {}.", place(), pl.lit(column), pl.col("n"), pl.col("ids"))
    return told(faulty, message, column)


@rule("another_id", Level.WARNING, "person")
def another_id(picture: Picture, name: str) -> pl.DataFrame:
    """Somebody comes with the username, email or number of somebody who leaves. Both are kept as two people.

    Remedy: If they are one person, give the row its earlier id at the source.
    """
    left = picture.leaving.get(name)
    if left is None or not left.height:
        return NOTHING
    candidates = picture.candidates[name]
    came = candidates.moving(picture.fit(name)).filter(~pl.col("sourced_id").is_in(candidates.before["sourced_id"].implode()))
    pairs = []
    for column in ("username", "email", "identifier"):
        if picture.has(name, column):
            value, field = pl.col(column).str.to_lowercase().alias("value"), pl.lit(column).alias("field")
            earlier = left.lazy().select(value, earlier="sourced_id").drop_nulls("value")
            pairs.append(came.select("sourced_id", "source_file", "line", value, field).join(earlier, on="value"))
    if not pairs:
        return NOTHING
    faulty = pl.concat(pairs).unique("sourced_id", keep="first", maintain_order=True).collect(engine="streaming")
    message = pl.format("{}: '{}' has the {} of '{}', who leaves.", place(), "sourced_id", "field", "earlier")
    return told(faulty, message, "sourced_id")


@rule("id_almost_the_same", Level.WARNING, "org", "course", "section", "person")
def id_almost_the_same(picture: Picture, name: str) -> pl.DataFrame:
    """Two ids differ only by case or by zeros in front, as when a spreadsheet program has eaten them.

    Remedy: If both mean the same row, correct the export so that its id stays what it was.
    """
    bare = pl.col("sourced_id").str.to_lowercase().str.strip_chars_start("0").alias("bare")
    rows = picture.candidates[name].rows.select("sourced_id", "source_file", "line", bare)
    others = picture.after(name) if picture.offers(name) else rows
    leaving = picture.gone(name).rename("sourced_id").to_frame().lazy()
    every = pl.concat([others.select("sourced_id"), leaving]).with_columns(bare)
    if picture.candidates[name].few:
        every = every.join(rows, on="bare", how="semi")
    near = every.unique("sourced_id").rename({"sourced_id": "other"})
    faulty = rows.join(near, on="bare").filter(pl.col("sourced_id") != pl.col("other")).collect(engine="streaming")
    message = pl.format(
        "{}: the id '{}' is almost '{}': they differ by case or by zeros in front.",
        place(),
        pl.col("sourced_id"),
        pl.col("other"),
    )
    return told(faulty.unique("sourced_id", maintain_order=True), message, "sourced_id")
