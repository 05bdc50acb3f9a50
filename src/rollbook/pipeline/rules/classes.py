"""Rules about classes, their schools and their years."""

import polars as pl

from rollbook.domain.findings import Level
from rollbook.pipeline.picture import Picture
from rollbook.pipeline.rules.rule import NOTHING, place, rule, told


@rule("class_without_teacher", Level.WARNING, "section", needs=("section", "enrollment"))
def class_without_teacher(picture: Picture, name: str) -> pl.DataFrame:
    """A class has no teacher.

    Remedy: Assign a teacher at the source.
    """
    taught = picture.after("enrollment").filter(pl.col("role") == "teacher").select(pl.col("section").alias("sourced_id"))
    touched = [picture.fit("section").select("sourced_id"), picture.lost("enrollment", "section", role="teacher")]
    faulty = (
        picture.after("section")
        .select("sourced_id", "source_file", "line")
        .join(pl.concat(touched), on="sourced_id", how="semi")
        .join(taught, on="sourced_id", how="anti")
        .sort("line")
        .collect(engine="streaming")
    )
    return told(faulty, pl.format("{}: class '{}' has no teacher.", place(), pl.col("sourced_id")))


def _pointing_to(picture: Picture, name: str, column: str, parent: str) -> pl.LazyFrame:
    """Return the candidates of an entity, and its other rows that point to a parent that changes."""
    rows = picture.fit(name)
    parents = picture.candidates[parent].before["sourced_id"]
    if not len(parents) or not picture.offers(name):
        return rows
    return pl.concat([rows, picture.after(name, column, parents).select(rows.collect_schema().names())]).unique("sourced_id")


@rule("school_is_no_school", Level.WARNING, "section", needs=("org",))
def school_is_no_school(picture: Picture, name: str) -> pl.DataFrame:
    """A class is at an organisation that is not a school.

    Remedy: Point the class to its school, or correct the type of the organisation.
    """
    if not picture.has("section", "school"):
        return NOTHING
    schools = (
        picture.after("org")
        .filter((pl.col("type") == "school") | pl.col("type").str.starts_with("ext:"))
        .select(pl.col("sourced_id").alias("school"))
    )
    known = picture.after("org").select(pl.col("sourced_id").alias("school"))
    rows = _pointing_to(picture, "section", "school", "org").select("sourced_id", "source_file", "line", "school")
    lost = rows.join(known, on="school", how="semi").join(schools, on="school", how="anti")
    faulty = lost.sort("line").collect(engine="streaming")
    return told(
        faulty,
        pl.format("{}: class '{}' is at '{}', which is not a school.", place(), pl.col("sourced_id"), pl.col("school")),
        "school",
    )


@rule("year_is_no_school_year", Level.WARNING, "course", needs=("academic_session",))
def year_is_no_school_year(picture: Picture, name: str) -> pl.DataFrame:
    """A course is offered in a session that is not a school year.

    Remedy: Point the course to the school year.
    """
    if not picture.has("course", "school_year"):
        return NOTHING
    sessions = picture.after("academic_session").select(pl.col("sourced_id").alias("school_year"), "type")
    rows = _pointing_to(picture, "course", "school_year", "academic_session")
    rows = rows.select("sourced_id", "source_file", "line", "school_year").drop_nulls("school_year")
    other = rows.join(sessions, on="school_year").filter(pl.col("type") != "schoolYear")
    faulty = other.sort("line").collect(engine="streaming")
    message = pl.format(
        "{}: course '{}' is offered in '{}', which is a {}.", place(), pl.col("sourced_id"), pl.col("school_year"), pl.col("type")
    )
    return told(faulty, message, "school_year")
