"""Maple Grove: the district that tests tell stories about, with as many students as each story needs."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from rollbook.sandbox import bundle, names
from rollbook.sandbox.bundle import Bundle, Summary

DISTRICT, LINCOLN, HIGH = "maple-grove", "lincoln-es", "maple-grove-hs"

_HEADER = bundle.HEADERS["oneroster-1.1-csv"]
_ORGS = (
    (DISTRICT, "Maple Grove Schools", "district", "100", None),
    (LINCOLN, "Lincoln Elementary", "school", "101", DISTRICT),
    (HIGH, "Maple Grove High", "school", "102", DISTRICT),
)
_SESSIONS = (
    ("sy-2027", "2026-2027", "schoolYear", "2026-08-17", "2027-06-12", None, "2027"),
    ("fall-2026", "Fall Semester", "semester", "2026-08-17", "2027-01-11", "sy-2027", "2027"),
    ("spring-2027", "Spring Semester", "semester", "2027-01-11", "2027-06-12", "sy-2027", "2027"),
)


def write_people(
    folder: Path,
    *,
    students: int = 300,
    teachers: int = 20,
    at_lincoln: int | None = None,
    leave_out: Iterable[int] = (),
    edits: Mapping[int, Mapping[str, str]] | None = None,
    guardians: bool = False,
    form: str = "oneroster-1.1-csv",
) -> Summary:
    """Write Maple Grove, a district of two schools, with as many students as a story needs, or as are left of them.

    Shape: students are numbered from 1 and have the ids `s-0001` …; the first `at_lincoln`, by default half, are at Lincoln
        Elementary, the others at Maple Grove High. Each teacher has one section; each student is in two of the school's
        sections, or in its only one. The numbers in `leave_out` are missing together with their enrollments and guardians;
        all other rows are the same as without it. `edits` gives a student other values, by OneRoster column.
    Needs: two teachers or more.
    """
    lincoln = students // 2 if at_lincoln is None else at_lincoln
    number = np.arange(1, students + 1)
    here = ~np.isin(number, list(leave_out))
    school = np.where(number <= lincoln, 0, 1)
    at = np.clip(round(teachers * lincoln / max(1, students)), 1, teachers - 1)  # teachers at Lincoln
    teacher = np.arange(teachers)
    teaches = np.where(teacher < at, 0, 1)
    schools, grades = pl.Series([LINCOLN, HIGH]), pl.Series(["03", "09"])

    sections = pl.DataFrame({"n": teacher + 1, "school": teaches}).select(
        sourcedId=pl.format("c-{}", _padded("n", 2)),
        title=pl.format("Homeroom {}", "n"),
        grades=grades.gather(teaches),
        schoolSourcedId=schools.gather(teaches),
        periods=pl.lit("HR"),
        termSourcedIds=pl.lit("sy-2027"),
        subjects=pl.lit("Homeroom"),
        subjectCodes=pl.lit("22"),
    )
    staff = pl.DataFrame({"n": teacher + 1}).select(
        sourcedId=pl.format("t-{}", _padded("n", 2)),
        orgSourcedIds=schools.gather(teaches),
        role=pl.lit("teacher"),
        givenName=names.GIVENS.gather(teacher % 7 * 29 % len(names.GIVENS)),
        familyName=names.FAMILIES.gather(teacher * 37 % len(names.FAMILIES)),
        identifier=pl.format("E{}", 100 + pl.col("n")),
    )
    pupils = pl.DataFrame({"n": number}).select(
        sourcedId=pl.format("s-{}", _padded("n", 4)),
        orgSourcedIds=schools.gather(school),
        role=pl.lit("student"),
        givenName=names.GIVENS.gather(number * 17 % len(names.GIVENS)),
        familyName=names.FAMILIES.gather(number * 31 % len(names.FAMILIES)),
        identifier=pl.format("{}", 10_000 + pl.col("n")),
        grades=grades.gather(school),
        agentSourcedIds=pl.format("g-{}", _padded("n", 4)) if guardians else pl.lit(None, pl.String),
    )
    adults = pupils.select(
        pl.col("agentSourcedIds").alias("sourcedId"),
        "orgSourcedIds",
        pl.lit("parent").alias("role"),
        pl.Series("givenName", names.GIVENS.gather(number * 23 % len(names.GIVENS))),
        "familyName",
    )
    everybody = [staff, pupils.filter(here), *([adults.filter(here)] if guardians else [])]
    users = _signed_in(pl.concat(everybody, how="diagonal"), pl.col("sourcedId").str.replace("-", ""))
    for changed, values in (edits or {}).items():
        is_it = pl.col("sourcedId") == f"s-{changed:04}"
        users = users.with_columns(
            pl.when(is_it).then(pl.lit(new)).otherwise(column).alias(column) for column, new in values.items()
        )

    first, count = np.array([0, at])[school], np.array([at, teachers - at])[school]
    place = np.where(school == 0, number - 1, number - 1 - lincoln)
    seats = [(first + (place + turn) % count)[here & (turn < count)] for turn in range(2)]
    whose = [number[here & (turn < count)] for turn in range(2)]
    section = np.concatenate([teacher, *seats])
    learning = pl.DataFrame({"n": np.concatenate(whose)}).select(pl.format("s-{}", _padded("n", 4))).to_series()
    enrollments = pl.DataFrame(
        {
            "classSourcedId": sections["sourcedId"].gather(section),
            "schoolSourcedId": sections["schoolSourcedId"].gather(section),
            "userSourcedId": pl.concat([staff["sourcedId"], learning]),
            "role": ["teacher"] * teachers + ["student"] * len(learning),
            "primary": ["true"] * teachers + [None] * len(learning),
        }
    )
    return _write(folder, form, sections, users, enrollments)


def _padded(column: str, width: int) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.zfill(width)


def _frame(rows: Iterable[tuple[str | None, ...]], header: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(header, pl.String), orient="row")


def _signed_in(users: pl.DataFrame, number: pl.Expr) -> pl.DataFrame:
    """Return the people with a username and an email of their own, made of the family name and the id."""
    plain = {name: names.plain(name) for name in users["familyName"].unique()}
    username = pl.format("{}.{}", pl.col("familyName").replace_strict(plain, return_dtype=pl.String), number)
    domain = (
        pl.when(pl.col("role") == "student")
        .then(pl.lit("students.maplegrove.example"))
        .when(pl.col("role").is_in(["teacher", "administrator"]))
        .then(pl.lit("maplegrove.example"))
        .otherwise(pl.lit("mail.example"))
    )
    return users.with_columns(enabledUser=pl.lit("true"), username=username, email=pl.format("{}@{}", username, domain))


def _write(folder: Path, form: str, sections: pl.DataFrame, users: pl.DataFrame, enrollments: pl.DataFrame) -> Summary:
    """Write the bundle: every section has a course of its own, every enrollment lasts as long as the school year."""
    bundle.check_form(form)
    courses = sections.select(
        pl.format("course-{}", "sourcedId").alias("sourcedId"),
        pl.lit("sy-2027").alias("schoolYearSourcedId"),
        "title",
        pl.col("sourcedId").str.to_uppercase().alias("courseCode"),
        "grades",
        pl.col("schoolSourcedId").alias("orgSourcedId"),
        "subjects",
        "subjectCodes",
    )
    classes = sections.with_columns(
        courseSourcedId=courses["sourcedId"],
        classCode=pl.format("{}-1", courses["courseCode"]),
        classType=pl.when(pl.col("periods") == "HR").then(pl.lit("homeroom")).otherwise(pl.lit("scheduled")),
        location=pl.format("Room {}", pl.int_range(pl.len()) + 11),
    )
    enrollments = enrollments.with_columns(
        sourcedId=pl.format("{}.{}", "userSourcedId", "classSourcedId"),
        beginDate=pl.lit("2026-08-17"),
        endDate=pl.lit("2027-06-12"),
    )
    made = Bundle(
        form,
        bundle.shaped(_frame(_ORGS, ("sourcedId", "name", "type", "identifier", "parentSourcedId")), _HEADER["orgs"]),
        bundle.shaped(
            _frame(_SESSIONS, ("sourcedId", "title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear")),
            _HEADER["academicSessions"],
        ),
        bundle.shaped(courses, _HEADER["courses"]),
        bundle.shaped(classes, _HEADER["classes"]),
        bundle.people(users),
        bundle.shaped(enrollments, _HEADER["enrollments"]),
    )
    return made.summary(made.write(folder))
