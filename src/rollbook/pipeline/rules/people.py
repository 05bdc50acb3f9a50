"""Rules about people and what they are at a school."""

import polars as pl

from rollbook.domain.findings import Level
from rollbook.pipeline.picture import Picture
from rollbook.pipeline.rules.rule import NOTHING, place, rule, told


@rule("student_without_class", Level.WARNING, "person", needs=("person", "role", "enrollment"))
def student_without_class(picture: Picture, name: str) -> pl.DataFrame:
    """A student is in no class.

    Remedy: Enroll the student at the source, or end their time at the school.
    """
    new = picture.fit("role").filter(role="student").select(sourced_id="person")
    left = [picture.lost("role", "person"), picture.lost("enrollment", "person")]
    touched = pl.concat([picture.fit("person").select("sourced_id"), new, *left])
    few = picture.few("person", touched)
    students = picture.after("role", "person", few).filter(pl.col("role") == "student").select(sourced_id="person")
    placed = picture.after("enrollment", "person", few).select(sourced_id="person")
    faulty = (
        picture.after("person", "sourced_id", few)
        .select("sourced_id", "source_file", "line")
        .join(touched, on="sourced_id", how="semi")
        .join(students, on="sourced_id", how="semi")
        .join(placed, on="sourced_id", how="anti")
        .sort("line")
        .collect(engine="streaming")
    )
    return told(faulty, pl.format("{}: student '{}' is in no class.", place(), pl.col("sourced_id")))


def _who_lacks(picture: Picture, *columns: str) -> tuple[pl.LazyFrame, pl.Series | None]:
    """Return these columns of the people who come, change or lose a role, and their keys, where they are few."""
    touched = pl.concat([picture.fit("person").select("sourced_id"), picture.lost("role", "person")])
    few = picture.few("person", touched)
    return picture.after("person", "sourced_id", few).select(columns).join(touched, on="sourced_id", how="semi"), few


@rule("person_without_role", Level.WARNING, "person", needs=("person", "role"))
def person_without_role(picture: Picture, name: str) -> pl.DataFrame:
    """A person has no role at any school, and so cannot be given an account.

    Remedy: Export the person's role, too.
    """
    rows, few = _who_lacks(picture, "sourced_id", "source_file", "line")
    roles = picture.after("role", "person", few).select(sourced_id="person")
    faulty = rows.join(roles, on="sourced_id", how="anti").sort("line")
    return told(
        faulty.collect(engine="streaming"), pl.format("{}: '{}' has no role at any school.", place(), pl.col("sourced_id"))
    )


@rule("primary_org_without_role", Level.WARNING, "person", needs=("person", "role"))
def primary_org_without_role(picture: Picture, name: str) -> pl.DataFrame:
    """A person's main school is one at which they have no role.

    Remedy: Correct the main school, or export the role there.
    """
    if not picture.has("person", "primary_org"):
        return NOTHING
    rows, few = _who_lacks(picture, "sourced_id", "source_file", "line", "primary_org")
    roles = picture.after("role", "person", few).select(sourced_id="person", primary_org="org")
    rows = rows.drop_nulls("primary_org")
    faulty = rows.join(roles, on=["sourced_id", "primary_org"], how="anti").sort("line").collect(engine="streaming")
    message = pl.format(
        "{}: the main school of '{}' is '{}', but there is no role there.", place(), pl.col("sourced_id"), pl.col("primary_org")
    )
    return told(faulty, message, "primary_org")


@rule("two_primary_roles", Level.WARNING, "role", needs=("role",))
def two_primary_roles(picture: Picture, name: str) -> pl.DataFrame:
    """A person has two primary roles at one school.

    Remedy: Mark one of them as secondary at the source.
    """
    pair = ["person", "org"]
    touched = picture.fit("role").filter(pl.col("role_type") == "primary").select(pair)
    primary = picture.after("role", "person", picture.few("role", touched.select("person")))
    primary = primary.filter(pl.col("role_type") == "primary")
    twice = primary.group_by(pair).len("n").filter(pl.col("n") > 1).join(touched, on=pair, how="semi")
    rows = primary.select("sourced_id", "source_file", "line", "role", *pair).join(twice, on=pair).collect(engine="streaming")
    roles = rows.group_by(pair).agg(pl.col("role").sort().str.join(", ").alias("roles"))
    faulty = rows.join(roles, on=pair).sort("line")
    message = pl.format(
        "{}: '{}' has {} primary roles at '{}': {}.",
        place(),
        pl.col("person"),
        pl.col("n"),
        pl.col("org"),
        pl.col("roles"),
    )
    return told(faulty, message, "role_type")


@rule("role_in_class_differs", Level.WARNING, "enrollment", needs=("role",))
def role_in_class_differs(picture: Picture, name: str) -> pl.DataFrame:
    """A student teaches a class, or somebody who is no student learns in one. Both are kept.

    Remedy: Look whether the role of the person or the role in the class is meant.
    """
    if not picture.has("enrollment", "person", "role", "section"):
        return NOTHING
    columns = ["sourced_id", "source_file", "line", "person", "section", "role"]
    rows = picture.fit("enrollment").select(columns)
    others = pl.concat([picture.fit("role").select(sourced_id="person"), picture.lost("role", "person")])
    if (few := picture.few("role", others)) is not None and len(few) and picture.offers("enrollment"):
        rows = pl.concat([rows, picture.after("enrollment", "person", few).select(columns)]).unique("sourced_id")
    roles = picture.after("role", "person", picture.few("enrollment", rows.select("person")))
    roles = roles.select("person", is_role=pl.col("role"))
    students = roles.filter(pl.col("is_role") == "student").select("person")
    others = roles.filter(pl.col("is_role") != "student").select("person")
    teaching = (
        rows.filter(pl.col("role") == "teacher").join(students, on="person", how="semi").join(others, on="person", how="anti")
    )
    learning = (
        rows.filter(pl.col("role") == "student").join(others, on="person", how="semi").join(students, on="person", how="anti")
    )
    does = (
        pl.when(pl.col("role") == "teacher")
        .then(pl.lit("is a student but teaches"))
        .otherwise(pl.lit("is not a student but learns in"))
    )
    faulty = pl.concat([teaching, learning]).sort("line").collect(engine="streaming")
    return told(faulty, pl.format("{}: '{}' {} '{}'.", place(), pl.col("person"), does, pl.col("section")), "role")
