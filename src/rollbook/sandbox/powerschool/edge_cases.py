"""The odd rows that every district has somewhere, each under a name: the cases that break naive imports."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from rollbook.sandbox.powerschool import school_year
from rollbook.sandbox.powerschool.case_rows import (
    CO_TEACHER,
    ELEMENTARY,
    EMPTY,
    FIRST_ID,
    GRADUATED,
    HIGH,
    MIDDLE,
    MOBILE,
    OFFICE,
    OTHER,
    RELATIONS,
    SUMMER,
    VOCATIONAL,
    Adding,
)
from rollbook.sandbox.powerschool.frames import Tables, from_rows
from rollbook.sandbox.powerschool.tables import TABLES

PAGE = 100  # rows: the page size that a PowerSchool has unless somebody changed it


@dataclass(frozen=True)
class Case:
    """One case: what it is, and the keys of its rows by table."""

    name: str
    says: str
    ids: dict[str, tuple[int, ...]]


def the_stage(add: Adding) -> None:
    """A teacher, a course and a section of the first high school, for the cases that need an ordinary one."""
    add.add("COURSES", COURSE_NUMBER="CASE-101", COURSE_NAME="Study Skills", SCHOOLID=HIGH)
    add.section("CASE-101", teacher=add.staff("Cormac", "Brennan", HIGH))


_ORDINARY = FIRST_ID + 1  # SECTIONS.ID of the section of the stage
_TEACHER = FIRST_ID + 1  # SCHOOLSTAFF.ID of its teacher


def pre_registered(add: Adding) -> None:
    """Comes in two weeks: ENROLL_STATUS -1, ENTRYDATE in the future, SCHOOLID already the new school."""
    add.student("Nia", "Osei", ENROLL_STATUS=-1, ENTRYDATE=(add.today + timedelta(days=14)).isoformat())


def transferred_out(add: Adding) -> None:
    """Left last month: ENROLL_STATUS 2, EXITDATE past, all CC rows negative."""
    who = add.student("Bruno", "Keller", ENROLL_STATUS=2, EXITDATE=add.day(30), EXITCODE="T1")
    add.seat(who, _ORDINARY, end=add.day(30), ended=True)


def graduated(add: Adding) -> None:
    """ENROLL_STATUS 3, at school 999999 in grade 99; the old school stands in another column."""
    add.student("Ruby", "Clarke", ENROLL_STATUS=3, SCHOOLID=GRADUATED, GRADE_LEVEL=99, GRADUATED_SCHOOLID=HIGH)
    add.rows["STUDENTS"][-1] |= {"ENTRYDATE": add.day(-365), "EXITDATE": add.day(-65)}


def inactive(add: Adding) -> None:
    """ENROLL_STATUS 1, and a number that no manual lists."""
    add.student("Omar", "Farouk", ENROLL_STATUS=1)
    add.student("Hana", "Novak", ENROLL_STATUS=5)


def historical_import(add: Adding) -> None:
    """ENROLL_STATUS 4: an old student, brought over from the system before this one."""
    add.student("Lars", "Nielsen", ENROLL_STATUS=4, ENTRYDATE="2009-08-24", EXITDATE="2013-06-08", GRADE_LEVEL=12)


def no_show(add: Adding) -> None:
    """EXITDATE is ENTRYDATE: never came; one is marked as transferred, one is still marked as active."""
    first = add.student("Mila", "Horvat", ENROLL_STATUS=2, EXITDATE=add.day(0))
    second = add.student("Samir", "Haddad", ENROLL_STATUS=0, EXITDATE=add.day(0))
    add.seat(first, _ORDINARY, end=add.day(0), ended=True)
    add.seat(second, _ORDINARY, end=add.day(0), ended=True)


def left_and_came_back(add: Adding) -> None:
    """STUDENTS shows the latest enrollment only, REENROLLMENTS the earlier one."""
    who = add.student("Selam", "Tesfaye", ENTRYDATE=add.day(28), ENTRYCODE="R1")
    add.seat(who, _ORDINARY, end=add.day(7), ended=True)
    add.seat(who, _ORDINARY, begin=add.day(28))
    old = {"STUDENTID": who, "SCHOOLID": HIGH, "GRADE_LEVEL": 9, "ENTRYCODE": "E1", "EXITCODE": "T1"}
    add.add("REENROLLMENTS", ENTRYDATE=add.day(0), EXITDATE=add.day(7), **old)


def two_schools_at_once(add: Adding) -> None:
    """At home in the high school, with one section at the vocational center: its CC row has another SCHOOLID."""
    who = add.student("Kofi", "Mensah")
    add.seat(who, _ORDINARY)
    add.add("COURSES", COURSE_NUMBER="WELD1", COURSE_NAME="Welding 1", SCHOOLID=VOCATIONAL)
    add.seat(who, add.section("WELD1", school=VOCATIONAL, teacher=add.staff("Astrid", "Larsen", VOCATIONAL)))


def dropped_in_week_one(add: Adding) -> None:
    """A negative CC row with DATELEFT no later than DATEENROLLED: never sat in the section."""
    who = add.student("Elif", "Demir")
    add.seat(who, _ORDINARY, begin=add.day(0), end=add.day(0), ended=True)
    add.seat(who, _ORDINARY, begin=add.day(5), end=add.day(3), ended=True)


def dropped_then_readded(add: Adding) -> None:
    """One negative and one positive CC row for the same student and section."""
    who = add.student("Javier", "Ortiz")
    add.seat(who, _ORDINARY, end=add.day(21), ended=True)
    add.seat(who, _ORDINARY, begin=add.day(35))


def ended_by_transfer_or_year_end(add: Adding) -> None:
    """Negative CC rows that nobody dropped: DATELEFT is the EXITDATE of a leaver, or the end of last year."""
    leaver = add.student("Chiara", "Rossi", ENROLL_STATUS=2, EXITDATE=add.day(42), EXITCODE="T1")
    add.seat(leaver, _ORDINARY, end=add.day(42), ended=True)
    stays = add.student("Dmitri", "Petrov", GRADE_LEVEL=10)
    add.seat(stays, _ORDINARY)
    add.seat(stays, add.section("CASE-101", teacher=_TEACHER, TERMID=add.term(0, back=1), SECTION_NUMBER="02"), ended=True)


def future_section(add: Adding) -> None:
    """A section whose term has yet to begin, with a student in it already."""
    who = add.student("Linh", "Hoang")
    add.seat(who, _ORDINARY)
    term = 2 if add.today < add.span(add.term(2), HIGH)[0] else 7
    add.seat(who, add.section("CASE-101", term=term, teacher=_TEACHER, SECTION_NUMBER="03"))


def teacher_at_three_schools(add: Adding) -> None:
    """One row in USERS, three in SCHOOLSTAFF; at one of the three schools STATUS is 2: no longer there."""
    here = add.staff("Beatriz", "Cortés", HIGH)
    there = add.works_at(MIDDLE)
    add.works_at(ELEMENTARY, status=2)
    add.add("COURSES", COURSE_NUMBER="STRINGS", COURSE_NAME="Strings", SCHOOLID=OFFICE)
    add.section("STRINGS", teacher=here)
    add.section("STRINGS", teacher=there, school=MIDDLE)


def district_office(add: Adding) -> None:
    """A member of staff with SCHOOLID 0: works for the whole district and teaches nobody."""
    add.staff("Renée", "Dawes", OFFICE, TITLE="Superintendent", PSACCESS=1, PTACCESS=0)
    add.rows["SCHOOLSTAFF"][-1]["STAFFSTATUS"] = 2


def section_without_teacher(add: Adding) -> None:
    """TEACHER is empty and SECTIONTEACHER has no row."""
    add.seat(add.student("Paloma", "Vega"), add.section("CASE-101", SECTION_NUMBER="04"))


def section_with_two_teachers(add: Adding) -> None:
    """A lead and a co-teacher at the same time."""
    section = add.section("CASE-101", teacher=_TEACHER, SECTION_NUMBER="05")
    add.teaches(section, add.staff("Tariq", "Mansour", HIGH), role=CO_TEACHER)
    add.seat(add.student("Yuki", "Tanaka"), section)


def section_handed_over(add: Adding) -> None:
    """Two leads, one after the other, with dates that adjoin; TEACHER is the second."""
    section = add.section("CASE-101", SECTION_NUMBER="06")
    second = add.staff("Astrid", "Olsen", HIGH)
    add.rows["SECTIONS"][-1]["TEACHER"] = second
    add.teaches(section, _TEACHER, end=add.day(27))
    add.teaches(section, second, begin=add.day(28))
    add.seat(add.student("Wyatt", "Cooper"), section)


def district_course(add: Adding) -> None:
    """A course of the whole district, SCHOOLID 0; its section writes the number in small letters."""
    add.add("COURSES", COURSE_NUMBER="CASE-DIST", COURSE_NAME="Robotics", SCHOOLID=OFFICE)
    add.seat(add.student("Zainab", "Musa"), add.section("case-dist", teacher=_TEACHER))


def same_term_id_in_every_school(add: Adding) -> None:
    """Two more schools with terms of the ids that all schools have: only with SCHOOLID they are a key."""
    for year in (add.year - 1, add.year):
        for school in (EMPTY, VOCATIONAL):
            add.terms(school, year, *school_year.ordinary_terms(year))


def summer_term(add: Adding) -> None:
    """A term of this year that lies outside of the year's days."""
    add.seat(add.student("Thiago", "Lopes"), add.section("CASE-101", term=7, teacher=_TEACHER, SECTION_NUMBER="07"))


def summer_school(add: Adding) -> None:
    """A school that is open for some weeks, with year records of its own under the usual ids."""
    add.school(SUMMER, "Summer School", 991, 0, 12)
    add.add("COURSES", COURSE_NUMBER="SUMMER-ALG", COURSE_NAME="Summer Algebra", SCHOOLID=SUMMER)
    for year in (add.year - 1, add.year):
        add.terms(SUMMER, year, school_year.summer_year(year))
    teacher = add.staff("Felix", "Weber", SUMMER)
    who = add.student("Ximena", "Reyes")
    add.seat(who, add.section("SUMMER-ALG", school=SUMMER, teacher=teacher))
    add.seat(who, add.section("SUMMER-ALG", school=SUMMER, teacher=teacher, TERMID=add.term(0, back=1)))


def blank_web_id(add: Adding) -> None:
    """A student without a name to sign in with."""
    add.student("Owen", "Gray", STUDENT_WEB_ID=None)


def blank_email(add: Adding) -> None:
    """A student and a teacher without an address."""
    add.student("Sean", "Kelly", email=False)
    add.staff("Grace", "Bell", HIGH, EMAIL_ADDR=None)


def two_emails(add: Adding) -> None:
    """A student with two addresses, of which the one that comes second by order is the primary one."""
    add.student("Naomi", "Cohen", email=False)
    person = add.rows["STUDENTS"][-1]["PERSON_ID"]
    add.email(person, "naomi.private@mail.example", primary=0, order=1)
    add.email(person, "naomi.school@students.cases.example", primary=1, order=2)


def shared_family_email(add: Adding) -> None:
    """Two children and their mother with one address."""
    mother = add.person("Thandiwe", "Mbeki")
    add.email(mother, "family.mbeki@mail.example")
    for first in ("Amara", "Jonas"):
        child = add.student(first, "Mbeki", email=False)
        add.email(add.rows["STUDENTS"][-1]["PERSON_ID"], "family.mbeki@mail.example")
        add.contact(child, mother, "Mother")


def name_oddities(add: Adding) -> None:
    """An apostrophe, a hyphen with accents, a name of one letter, blanks around names, a middle name of a blank."""
    add.student("Finn", "O'Connor")
    add.student("Zoë", "García-López")
    add.student("J", "Ho")
    add.student("  Leah", "Ward ")
    add.student("Isaac", "Young", MIDDLE_NAME=" ")


def numbers_that_look_like_numbers(add: Adding) -> None:
    """A web id with zeros in front, sections "01" and "1" of one course, a teacher number with a letter in it."""
    add.student("Eva", "Fischer", STUDENT_WEB_ID="00123")
    add.add("COURSES", COURSE_NUMBER="050010", COURSE_NAME="Drawing", SCHOOLID=HIGH)
    teacher = add.staff("Ravi", "Mehta", HIGH, TEACHERNUMBER="T07B")
    add.section("050010", teacher=teacher, SECTION_NUMBER="01")
    add.section("050010", teacher=teacher, SECTION_NUMBER="1")


def empty_school(add: Adding) -> None:
    """A school that has been built and has nobody in it: no student, no staff, no section."""
    add.school(EMPTY, "New Elementary", 992, 0, 5)


def exactly_one_row(add: Adding) -> None:
    """A school with one section, that of `two_schools_at_once`: a list of one is easily taken for the one itself."""
    add.school(VOCATIONAL, "Vocational Center", 993, 9, 12)


def last_page_full(add: Adding) -> None:
    """COURSES has a whole number of pages: whoever goes on until a page is short asks for one that is not there."""
    add.add("COURSES", COURSE_NUMBER="SPARE-000", COURSE_NAME="Not Taught 0", SCHOOLID=OFFICE)


def contact_with_two_phones(add: Adding) -> None:
    """A join over phones makes two rows of one mother."""
    mother = add.person("Adriana", "Soto")
    add.contact(add.student("Gael", "Soto"), mother, "Mother")
    for order, number in enumerate(("503-555-0151", "503-555-0152"), 1):
        phone = {"PHONENUMBERID": add.add("PHONENUMBER", PHONENUMBER=number), "PHONENUMBERASENTERED": number}
        rank = {"ISPREFERRED": int(order == 1), "PHONENUMBERPRIORITYORDER": order, "PHONETYPECODESETID": MOBILE}
        add.add("PERSONPHONENUMBERASSOC", PERSONID=mother, **phone, **rank)


def contact_dated_twice(add: Adding) -> None:
    """A relation that ended and began again: two details of one contact, of which one is active."""
    code = RELATIONS["Guardian"]
    who = add.student("Jada", "Brooks")
    link = add.contact(who, add.person("Marcus", "Brooks"), "Guardian", ISACTIVE=0, STARTDATE=add.day(-400), ENDDATE=add.day(-30))
    add.detail(link, code)


def contact_self(add: Adding) -> None:
    """A student who is of age is a contact of their own."""
    who = add.student("Henry", "Price", GRADE_LEVEL=12)
    add.contact(who, add.rows["STUDENTS"][-1]["PERSON_ID"], "Self")


def contact_no_longer(add: Adding) -> None:
    """A contact that is not active any more."""
    add.contact(add.student("Clara", "Moreau"), add.person("Hugo", "Moreau"), "Father", ISACTIVE=0, ENDDATE=add.day(10))


# The ids follow from the places: new cases go to the end, only the last one stays there.
_CASES: tuple[Callable[[Adding], None], ...] = (
    the_stage,
    pre_registered,
    transferred_out,
    graduated,
    inactive,
    historical_import,
    no_show,
    left_and_came_back,
    two_schools_at_once,
    dropped_in_week_one,
    dropped_then_readded,
    ended_by_transfer_or_year_end,
    future_section,
    teacher_at_three_schools,
    district_office,
    section_without_teacher,
    section_with_two_teachers,
    section_handed_over,
    district_course,
    same_term_id_in_every_school,
    summer_term,
    summer_school,
    blank_web_id,
    blank_email,
    two_emails,
    shared_family_email,
    name_oddities,
    numbers_that_look_like_numbers,
    empty_school,
    exactly_one_row,
    contact_with_two_phones,
    contact_dated_twice,
    contact_self,
    contact_no_longer,
    last_page_full,
)


def _written(today: date) -> Iterator[tuple[Case, dict[str, list[dict[str, Any]]]]]:
    sections: dict[int, dict[str, Any]] = {}
    for number, write in enumerate(_CASES):
        adding = Adding(today, number, sections)
        write(adding)
        ids = {table: tuple(row[TABLES[table].key] for row in rows) for table, rows in adding.rows.items()}
        yield Case(write.__name__, (write.__doc__ or "").strip(), ids), adding.rows


#: Every case by name. The ids are keys of the tables, the same in every district.
CASES: dict[str, Case] = {case.name: case for case, _ in _written(school_year.TODAY)}


def add(tables: Tables, today: date) -> Tables:
    """Return the tables with the rows of all cases, and with courses that nobody takes until the last page of them is full.

    Needs: the first schools of the three levels, the codes and the roles that `district` gives.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for _, added in _written(today):
        for table, more in added.items():
            rows.setdefault(table, []).extend(more)
    whole = tables | {name: pl.concat([tables[name], from_rows(name, more)]) for name, more in rows.items()}
    courses = whole["COURSES"]
    spare = range(1, 1 + -courses.height % PAGE)
    last = CASES["last_page_full"].ids["COURSES"][0]
    padding = [
        {"DCID": last + at, "ID": last - OTHER + at, "COURSE_NUMBER": f"SPARE-{at:03}", "SCHOOLID": OFFICE} for at in spare
    ]
    spares = from_rows("COURSES", padding).with_columns(COURSE_NAME=pl.col("COURSE_NUMBER").str.replace("SPARE-", "Not Taught "))
    return whole | {"COURSES": pl.concat([courses, spares])}
