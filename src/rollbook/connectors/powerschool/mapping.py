"""How PowerSchool's rows become the rows of the roster: a pure function of what came, on whatever day it is asked."""

from collections.abc import Callable

import polars as pl

from rollbook.connectors.powerschool.faults import Rule, left_out, no_day, told
from rollbook.connectors.powerschool.people import absent, guardianships, people, roles
from rollbook.connectors.powerschool.reading import (
    DISTRICT,
    NO_TEXT,
    OFFICE,
    Built,
    Manner,
    Rows,
    after,
    course,
    day,
    keyed,
    periods,
    school,
)
from rollbook.connectors.protocol import FAULTS
from rollbook.domain.entities import BY_NAME
from rollbook.domain.findings import Level

#: The rows of the queries that an entity is made of, by the last word of the query's name.
SOURCES = {
    "org": ("schools",),
    "academic_session": ("terms",),
    "course": ("courses", "sections", "schools"),
    "section": ("sections",),
    "person": ("students", "staff", "school_staff"),
    "role": ("students", "school_staff", "enrollments"),
    "enrollment": ("students", "staff", "enrollments", "section_teachers"),
    "guardianship": ("guardians", "students"),
}
#: Those that guardians are a part of, if they come.
WITH_GUARDIANS = ("person", "role")


def build(entity: str, rows: Rows, manner: Manner) -> Built:
    """Build the rows of one entity.

    Needs: `rows` has what `SOURCES` names, cleaned; `guardians`, too, where they come.
    """
    built = BUILDERS[entity](rows, manner)
    names = [name for name in BY_NAME[entity].names if name in built.frame.collect_schema().names()]
    frame = built.frame.select("sourced_id", *names, "source_file", line=pl.lit(None, pl.Int64))
    faults = tuple(each.with_columns(entity=pl.lit(entity)).select(list(FAULTS)) for each in built.faults)
    return Built(frame, faults, built.due)


def orgs(rows: Rows, manner: Manner) -> Built:
    """Build the district and its schools; the district's office, number 0, is the district itself."""
    number = pl.col("school_number")
    schools = rows["schools"].filter(number != OFFICE)
    district = pl.LazyFrame(
        {"sourced_id": [DISTRICT], "name": [manner.district], "type": ["district"], "source_file": ["schools"]}
    ).with_columns(identifier=NO_TEXT, parent=NO_TEXT)
    frame = schools.select(
        sourced_id=school(),
        name="name",
        type=pl.lit("school"),
        identifier=number,
        parent=pl.lit(DISTRICT),
        source_file=pl.lit("schools"),
    )
    return Built(pl.concat([frame, district.select(frame.collect_schema().names())]), due=(schools,))


def sessions(rows: Rows, manner: Manner) -> Built:
    """Build the years and terms of each school. PowerSchool's last day is a day of school, ours the day after."""
    is_year = pl.col("is_year") == "1"
    whose = ("school_number", "year_id")
    years = rows["terms"].filter(is_year).group_by(whose).agg(parent=pl.col("term_dcid").cast(pl.Int64).min().cast(pl.String))
    frame = (
        rows["terms"]
        .join(years, on=whose, how="left")
        .select(
            sourced_id=keyed("term", "term_dcid"),
            title=pl.coalesce("name", "term_id"),
            type=pl.when(is_year)
            .then(pl.lit("schoolYear"))
            .when(pl.col("portion") == "2")
            .then(pl.lit("semester"))
            .otherwise(pl.lit("term")),
            start_date=day("first_day"),
            end_date=after(day("last_day")),
            parent=pl.when(~is_year).then(keyed("term", "parent")),
            school_year=(pl.col("year_id").cast(pl.Int64, strict=False) + 1991).cast(pl.String),
            source_file=pl.lit("terms"),
        )
    )
    where = "Start Page > System > Years & Terms, at the school"
    faults = [no_day(rows["terms"], "terms", keyed("term", "term_dcid"), name, where) for name in ("first_day", "last_day")]
    return Built(frame, tuple(faults), due=(rows["terms"],))


def courses(rows: Rows, manner: Manner) -> Built:
    """Build the courses of the catalogue, and one for each number that classes have and the catalogue lacks."""
    known = rows["schools"].select("school_number").unique().with_columns(known=True)
    listed = (
        rows["courses"]
        .join(known, on="school_number", how="left")
        .select(
            sourced_id=keyed("course", "course_dcid"),
            title=pl.coalesce("course_name", "course_number"),
            course_code="course_number",
            org=pl.when(pl.col("known")).then(school()).otherwise(pl.lit(DISTRICT)),
            source_file=pl.lit("courses"),
        )
    )
    unlisted = (
        rows["sections"]
        .filter(pl.col("course_dcid").is_null() & pl.col("course_number").is_not_null())
        .group_by(sourced_id=course())
        .agg(title=pl.col("course_number").min())
        .select("sourced_id", "title", course_code="title", org=pl.lit(DISTRICT), source_file=pl.lit("sections"))
    )
    faults = told(
        rows["courses"].filter(pl.col("course_name").is_null()),
        keyed("course", "course_dcid"),
        Rule("course_without_name", "courses", "course_name"),
        "has no name; its number is shown in its place.",
        "In PowerSchool, give the course a name in the course list of the district.",
    )
    return Built(pl.concat([listed, unlisted]), (faults,), due=(rows["courses"],))


def sections(rows: Rows, manner: Manner) -> Built:
    """Build the classes; one whose course is not in the catalogue gets a course of that number."""
    name = pl.coalesce("course_name", "course_number")
    frame = rows["sections"].select(
        sourced_id=keyed("section", "section_dcid"),
        title=pl.when(pl.col("section_number").is_null()).then(name).otherwise(pl.format("{} ({})", name, "section_number")),
        section_code=pl.concat_str("course_number", "section_number", separator=".", ignore_nulls=True).replace("", None),
        section_type=pl.lit("scheduled"),
        location="room",
        periods=periods(pl.col("expression")),
        course=course(),
        school=school(),
        terms=keyed("term", "term_dcid"),
        source_file=pl.lit("sections"),
    )
    faults = told(
        rows["sections"].filter(pl.col("course_dcid").is_null() & pl.col("course_number").is_not_null()),
        keyed("section", "section_dcid"),
        Rule("course_not_in_catalogue", "sections", "course_number"),
        "has a course number that no course has. The class is kept, with a course of that number.",
        "In PowerSchool, correct the course number of the class, or add the course to the list of courses.",
    )
    return Built(frame, (faults,), due=(rows["sections"],))


def enrollments(rows: Rows, manner: Manner) -> Built:
    """Build the places in classes that have not been ended, and the teachers. What is ended becomes inactive by not coming."""
    out = rows["students"].filter(absent()).select("student_dcid")
    seats = rows["enrollments"].filter(pl.col("ended") != "1").join(out, on="student_dcid", how="anti")
    students = seats.select(
        sourced_id=keyed("cc", "cc_dcid"),
        section=keyed("section", "section_dcid"),
        school=school(),
        person=keyed("student", "student_dcid"),
        role=pl.lit("student"),
        primary=NO_TEXT,
        begin_date=day("date_enrolled"),
        end_date=day("date_left"),
        source_file=pl.lit("enrollments"),
    )
    staff = rows["staff"].select("user_dcid")
    taught = rows["section_teachers"].join(staff, on="user_dcid", how="semi")
    teachers = taught.select(
        sourced_id=keyed("teaching", "section_teacher_id"),
        section=keyed("section", "section_dcid"),
        school=school(),
        person=keyed("staff", "user_dcid"),
        role=pl.lit("teacher"),
        primary=pl.when(pl.col("role_name").str.to_lowercase().str.contains("lead").fill_null(False))
        .then(pl.lit("true"))
        .otherwise(pl.lit("false")),
        begin_date=day("start_date"),
        end_date=after(day("end_date")),
        source_file=pl.lit("section_teachers"),
    )
    gone = rows["section_teachers"].join(staff, on="user_dcid", how="anti")
    note = left_out(
        gone,
        Rule("teacher_gone", "section_teachers", "user_dcid", Level.NOTE),
        "of teachers who work at no school now",
    )
    seat, post = keyed("cc", "cc_dcid"), keyed("teaching", "section_teacher_id")
    where, staffed = "the student's All Enrollments", "the section's page, under Staff"
    dates = [no_day(seats, "enrollments", seat, name, where) for name in ("date_enrolled", "date_left")]
    dates += [no_day(taught, "section_teachers", post, name, staffed) for name in ("start_date", "end_date")]
    return Built(pl.concat([students, teachers]), (note, *dates), due=(seats, taught))


BUILDERS: dict[str, Callable[[Rows, Manner], Built]] = {
    "org": orgs,
    "academic_session": sessions,
    "course": courses,
    "section": sections,
    "person": people,
    "role": roles,
    "enrollment": enrollments,
    "guardianship": guardianships,
}
