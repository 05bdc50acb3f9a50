"""An invented PowerSchool district as tables: what a database of that size holds on one day."""

from datetime import date

import numpy as np
import polars as pl

from rollbook.domain.errors import ConfigError
from rollbook.sandbox import names
from rollbook.sandbox.names import Dice
from rollbook.sandbox.powerschool import edge_cases, lessons, people, school_year
from rollbook.sandbox.powerschool.case_rows import CO_TEACHER, GRADUATED, LEAD, MAIL, MOBILE, OFFICE, RELATIONS
from rollbook.sandbox.powerschool.frames import Tables, from_rows, shaped
from rollbook.sandbox.powerschool.plan import FIRST_GRADE, Plan, lay_out
from rollbook.sandbox.powerschool.tables import TABLES

FEWEST = 50


def tables(students: int, seed: int = 1, today: date = school_year.TODAY) -> Tables:
    """Return every table of a district with so many active students, and the edge cases.

    Shape: whole columns. For each 1000 students about 70 staff, 1600 contacts, 350 sections and 9,500 CC rows of this year;
        those who left, finished, or are yet to come stand besides. The same arguments give the same tables.
    Needs: for cases that lie in the past, a day from October to July.
    Errors: ConfigError for too few students.
    """
    if students < FEWEST:
        raise ConfigError(fields={"students": f"{students} are too few for three schools; take {FEWEST} or more"})
    dice = Dice(seed)
    year = school_year.start_year(today)
    leavers = max(1, students // 50)
    plan = lay_out(students + leavers, dice)
    word, schools = _schools(plan, dice)
    terms = lessons.terms(plan, year)
    sections, teaching, home = lessons.sections(plan, dice, year)
    users, at_schools = people.staff(plan, dice, home, f"{word}.example")
    pupils, family = people.students(plan, dice, leavers, year, today, f"students.{word}.example")
    rooms = sections["ROOM"].gather(plan.seat[:, 0]).extend_constant(None, pupils.height - len(plan.seat))
    pupils = pupils.with_columns(HOME_ROOM=rooms)
    cc = lessons.enrollments(plan, dice, pupils, sections, year, today)
    contacts = people.contacts(pupils, family, dice)
    made = {
        "SCHOOLS": schools,
        "TERMS": terms,
        "COURSES": lessons.courses(sections),
        "SECTIONS": counted(sections, cc),
        "SECTIONTEACHER": teaching,
        "ROLEDEF": pl.DataFrame({"ID": [LEAD, CO_TEACHER], "NAME": ["Lead Teacher", "Co-teacher"]}),
        "USERS": users,
        "SCHOOLSTAFF": at_schools,
        "STUDENTS": people.with_guardian_emails(pupils, contacts),
        "REENROLLMENTS": people.reenrollments(pupils, year),
        "CC": cc,
        "CODESET": _codes(),
        "PREFS": pl.DataFrame({"NAME": ["districtname", "districtnumber"], "VALUE": [f"{word.title()} Unified Schools", "100"]})
        .with_row_index("DCID", 11)
        .with_columns(ID=pl.col("DCID") + 30, SCHOOLID=0, YEARID=0, USERID=0),
        **lessons.timetable(sections, schools, year),
        **contacts,
    }
    fitted = {
        name: shaped(name, made[name]) if name in made else from_rows(name, [])
        for name, table in TABLES.items()
        if not table.view
    }
    whole = edge_cases.add(fitted, today)
    return whole | {"SECTIONS": counted(whole["SECTIONS"], whole["CC"])}


def counted(sections: pl.DataFrame, cc: pl.DataFrame) -> pl.DataFrame:
    """Return the sections with the number of students that sit in each."""
    heads = cc.group_by(ID="SECTIONID").agg(heads=pl.len().cast(pl.Int64))
    joined = sections.join(heads, on="ID", how="left", maintain_order="left")
    return joined.with_columns(NO_OF_STUDENTS=pl.col("heads").fill_null(0)).drop("heads")


def _schools(plan: Plan, dice: Dice) -> tuple[str, pl.DataFrame]:
    places = pl.Series([f"{first} {second}" for first in names.FIRST_OF_PLACE for second in names.SECOND_OF_PLACE])
    chosen = places.gather(dice.order("places", len(places))[: len(plan.level) + 1])
    first = np.array(FIRST_GRADE)[plan.level]
    last = np.array([5, 8, 12])[plan.level]
    frame = pl.DataFrame(
        {
            "NAME": ["District Office", "Graduated Students"]
            + [f"{place} {names.LEVELS[level].title}" for place, level in zip(chosen[1:], plan.level, strict=True)],
            "SCHOOL_NUMBER": [OFFICE, GRADUATED, *plan.number],
            "LOW_GRADE": [None, None, *first],
            "HIGH_GRADE": [None, None, *last],
        }
    ).with_row_index("DCID", 3)
    initials = pl.col("NAME").str.extract_all(r"\b[A-Z]").list.join("")
    number = pl.when(pl.col("SCHOOL_NUMBER").is_between(1, 900)).then(pl.col("SCHOOL_NUMBER") + 7000)
    return names.plain(chosen[0]), shaped(
        "SCHOOLS", frame.with_columns(ID=pl.col("DCID") + 40, ABBREVIATION=initials, ALTERNATE_SCHOOL_NUMBER=number)
    )


def _codes() -> pl.DataFrame:
    codes = [("Relationship", word, number) for word, number in RELATIONS.items()]
    codes += [("EmailType", "Current", MAIL), ("PhoneType", "Mobile", MOBILE)]
    return pl.DataFrame(codes, schema=("CODETYPE", "CODE", "CODESETID"), orient="row")
