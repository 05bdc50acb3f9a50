"""Writes invented districts as OneRoster files; what may become of them is in `nights`."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from rollbook.domain.errors import ConfigError
from rollbook.sandbox import bundle, names, nights
from rollbook.sandbox.bundle import Bundle, Delta, Fault, Summary
from rollbook.sandbox.names import Dice, Ints
from rollbook.sandbox.nights import write_next_day, write_shuffled, write_without

__all__ = ["Delta", "Fault", "Summary", "write_district", "write_next_day", "write_shuffled", "write_without"]

DISTRICT = "D100"
FEWEST = 20  # students: below that a school would have no class worth the name
FEWEST_WITH_FAULTS = 100
_SLOTS = 8


def write_district(
    folder: Path, *, students: int, seed: int = 0, form: str = "oneroster-1.1-csv", faults: bool = False
) -> Summary:
    """Write an invented district with so many students; return what was written.

    Shape: whole columns; for each 1000 students about 60 staff, 1500 guardians, 260 classes, 8,300 enrollments.
        The same arguments give the same bytes on every machine. `faults` plants the faults that the Summary lists.
    Errors: ConfigError for an unknown format or too few students.
    """
    bundle.check_form(form)
    fewest = FEWEST_WITH_FAULTS if faults else FEWEST
    if students < fewest:
        why = "to plant faults in" if faults else "for two schools"
        raise ConfigError(fields={"students": f"{students} are too few {why}; take {fewest} or more"})
    made = _district(students, Dice(seed), form)
    if not faults:
        return made.summary(made.write(folder))
    frames, planted = nights.with_faults(made.files())
    bundle.write_frames(folder, form, frames)
    return replace(made.summary(frames), faults=(*planted, *nights.spoil(folder)))


@dataclass(frozen=True)
class _Plan:
    """Where everybody goes, as numbers. A band is the grades of one school that are taught together: mostly one grade."""

    levels: tuple[names.Level, ...]
    level: Ints  # of each school
    size: Ints  # of each school
    school: Ints  # of each student
    grade: Ints  # of each student, counted within the level
    band_school: Ints
    band_first: Ints  # its first and last grade, counted within the level
    band_last: Ints
    student_class: Ints  # students x slots
    class_band: Ints
    class_slot: Ints
    class_group: Ints  # which of the parallel classes
    class_variant: Ints


def _plan(students: int, dice: Dice) -> _Plan:
    levels = names.LEVELS if students >= 500 else names.FEW_LEVELS
    grades = np.array([len(level.grades) for level in levels])
    totals = students * grades // 13
    totals[-1] = students - totals[:-1].sum()
    counts = np.maximum(1, -(-totals // np.array([level.seats for level in levels])))
    level = np.repeat(np.arange(len(levels)), counts)
    weight = 90 + dice.below("school size", len(level), 21)
    size = totals[level] * weight // np.bincount(level, weight).astype(np.int64)[level]
    first_of_level = np.cumsum(counts) - counts
    size[first_of_level] += totals - np.bincount(level, size).astype(np.int64)

    school = np.repeat(np.arange(len(level)), size)
    place = np.arange(students) - names.starts(size)[school]
    grade = place * grades[level[school]] // size[school]
    bands = np.clip(size // 10, 1, grades[level])
    band_school = np.repeat(np.arange(len(level)), bands)
    local = grade * bands[school] // grades[level[school]]
    band = names.starts(bands)[school] + local
    heads = np.bincount(band)
    band_start = names.starts(heads)
    band_first, band_last = grade[band_start], grade[band_start + heads - 1]

    seats = np.array([[slot.seats for slot in each.slots] for each in levels])[level[band_school]]
    groups = -(-heads[:, None] // seats)
    class_start = names.starts(groups.reshape(-1)).reshape(groups.shape)
    rank = np.arange(students) - band_start[band]
    together = np.array([each.homerooms for each in levels])[level[school]] > 0
    student_class = np.empty((students, _SLOTS), dtype=np.int64)
    for slot in range(_SLOTS):
        mixed = np.empty(students, dtype=np.int64)
        mixed[np.lexsort((dice.roll(f"slot {slot}", students), band))] = rank
        seat = np.where(together, rank, mixed)
        student_class[:, slot] = class_start[band, slot] + seat * groups[band, slot] // heads[band]

    class_band = np.repeat(np.arange(len(heads)), groups.sum(axis=1))
    class_slot = np.repeat(np.tile(np.arange(_SLOTS), len(heads)), groups.reshape(-1))
    class_group = np.arange(len(class_band)) - class_start[class_band, class_slot]
    titles = np.array([[len(slot.titles) for slot in each.slots] for each in levels])[level[band_school]]
    variants = np.clip(groups // 2, 1, titles)
    class_variant = class_group % variants[class_band, class_slot]
    return _Plan(
        *(levels, level, size, school, grade, band_school, band_first, band_last, student_class),
        *(class_band, class_slot, class_group, class_variant),
    )


def _district(students: int, dice: Dice, form: str) -> Bundle:
    plan = _plan(students, dice)
    orgs, word = _orgs(plan, dice)
    courses, classes = _courses_and_classes(plan, orgs["sourcedId"][1:])
    teaching, staff = _staff(plan, dice, orgs["sourcedId"][1:], f"{word}.example")
    family, agents, guardians = _families(plan, dice)
    pupils = names.students(
        dice,
        100_001 + np.arange(students),
        family,
        orgs["sourcedId"][1:].gather(plan.school),
        _grade_names(plan),
        agents,
        pl.Series([f"students.{word}.example"]).new_from_index(0, students),
    )
    users = bundle.orgs_of_guardians(pl.concat([staff, pupils, guardians]))
    sessions = _sessions()
    learning = pl.DataFrame(
        {"user": pupils["sourcedId"].gather(np.repeat(np.arange(students), _SLOTS)), "class": plan.student_class.reshape(-1)}
    ).with_columns(role=pl.lit("student"), primary=pl.lit(None, pl.String))
    who = pl.concat([teaching, learning])
    enrollments = bundle.enrollments(dice.guids("enrollment", who.height), who, classes, sessions)
    return Bundle(form, orgs, sessions, courses, classes, users, enrollments)


def _sessions() -> pl.DataFrame:
    """Return the one school year there is: fixed dates, so that no clock changes a byte."""
    rows = [
        ("sy", "2026-2027", "schoolYear", "2026-08-17", "2027-06-12", None),
        ("s1", "Fall Semester", "semester", "2026-08-17", "2027-01-11", "sy"),
        ("s2", "Spring Semester", "semester", "2027-01-11", "2027-06-12", "sy"),
        ("q1", "Quarter 1", "gradingPeriod", "2026-08-17", "2026-10-19", "s1"),
        ("q2", "Quarter 2", "gradingPeriod", "2026-10-19", "2027-01-11", "s1"),
        ("q3", "Quarter 3", "gradingPeriod", "2027-01-11", "2027-03-29", "s2"),
        ("q4", "Quarter 4", "gradingPeriod", "2027-03-29", "2027-06-12", "s2"),
    ]
    header = ("sourcedId", "title", "type", "startDate", "endDate", "parentSourcedId")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    return bundle.shaped(frame.with_columns(schoolYear=pl.lit("2027")), bundle.HEADERS[bundle.FORMS[0]]["academicSessions"])


def _orgs(plan: _Plan, dice: Dice) -> tuple[pl.DataFrame, str]:
    places = [f"{first} {second}" for first in names.FIRST_OF_PLACE for second in names.SECOND_OF_PLACE]
    chosen = pl.Series(places).gather(dice.order("places", len(places)))
    schools = len(plan.level)
    titles = pl.Series([level.title for level in plan.levels]).gather(plan.level)
    rows = pl.DataFrame(
        {
            "sourcedId": [DISTRICT, *(f"S{number}" for number in range(101, 101 + schools))],
            "name": [
                f"{chosen[0]} Unified School District",
                # More schools than places: the name comes round again, with a number.
                *(
                    f"{chosen[1 + at % (len(places) - 1)]} {title}{f' {at // (len(places) - 1) + 1}' * (at >= len(places) - 1)}"
                    for at, title in enumerate(titles)
                ),
            ],
            "type": ["district"] + ["school"] * schools,
            "identifier": [str(number) for number in range(100, 101 + schools)],
            "parentSourcedId": [None] + [DISTRICT] * schools,
        }
    )
    return bundle.shaped(rows, bundle.HEADERS[bundle.FORMS[0]]["orgs"]), names.plain(chosen[0])


def _grade_names(plan: _Plan) -> pl.Series:
    table = np.zeros((len(plan.levels), 7), dtype=np.int64)
    flat = [grade for level in plan.levels for grade in level.grades]
    for number, level in enumerate(plan.levels):
        table[number, : len(level.grades)] = [flat.index(grade) for grade in level.grades]
    return pl.Series(flat).gather(table[plan.level[plan.school], plan.grade])


def _courses_and_classes(plan: _Plan, schools: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    level = plan.level[plan.band_school]
    bands = pl.DataFrame({"level": level, "first": plan.band_first, "last": plan.band_last, "school": plan.band_school})
    # A loop over kinds of band, of which there are some dozens however big the district is.
    kinds = pl.DataFrame(
        [
            (number, first, last, ",".join(taken), _label(taken), ",".join(each.grades))
            for number, each in enumerate(plan.levels)
            for first in range(len(each.grades))
            for last in range(first, len(each.grades))
            for taken in [each.grades[first : last + 1]]
        ],
        schema=("level", "first", "last", "grades", "label", "all_grades"),
        orient="row",
    )
    bands = bands.join(kinds, on=["level", "first", "last"], how="left", maintain_order="left")
    slots = pl.DataFrame(
        [
            (number, at, variant, title, slot.subjects, slot.codes, slot.period, slot.terms, slot.all_grades, each.homerooms)
            for number, each in enumerate(plan.levels)
            for at, slot in enumerate(each.slots)
            for variant, title in enumerate(slot.titles)
        ],
        schema=("level", "slot", "variant", "title", "subjects", "codes", "periods", "terms", "whole", "homerooms"),
        orient="row",
    )
    rows = (
        bands[plan.class_band]
        .with_columns(band=plan.class_band, slot=plan.class_slot, variant=plan.class_variant, group=plan.class_group)
        .join(slots, on=["level", "slot", "variant"], how="left", maintain_order="left")
        .with_columns(
            band=pl.when("whole").then(pl.col("band").first().over("school")).otherwise("band"),
            course=pl.when("whole").then("title").otherwise(pl.format("{} {}", "title", "label")),
            course_grades=pl.when("whole").then("all_grades").otherwise("grades"),
        )
    )
    key = ["band", "slot", "variant"]
    taught = (
        rows.unique(key, keep="first", maintain_order=True)
        .with_row_index("number", 1001)
        .with_columns(
            sourcedId=pl.format("CO{}", "number"),
            courseCode=pl.format("{}-{}", pl.col("codes").str.slice(0, 2), "number"),
        )
    )
    rows = rows.join(taught.select(*key, "sourcedId", "courseCode"), on=key, how="left", maintain_order="left")
    rows = rows.with_columns(at=pl.int_range(pl.len()).over("sourcedId") + 1)
    section = (pl.col("slot") == 0) & (pl.col("homerooms") > 0)
    school = schools.gather(rows["school"])
    classes = rows.with_row_index("class", 10_001).select(
        pl.format("CL{}", "class").alias("sourcedId"),
        pl.format("{} - {}", "course", "at").alias("title"),
        "grades",
        pl.col("sourcedId").alias("courseSourcedId"),
        pl.format("{}-{}", "courseCode", pl.col("at").cast(pl.String).str.zfill(2)).alias("classCode"),
        pl.when(section).then(pl.lit("homeroom")).otherwise(pl.lit("scheduled")).alias("classType"),
        pl.format("Room {}", 101 + (pl.col("band") * 7 + pl.col("group") + pl.col("slot") * 13) % 180).alias("location"),
        school.alias("schoolSourcedId"),
        pl.col("terms").alias("termSourcedIds"),
        "subjects",
        pl.col("codes").alias("subjectCodes"),
        "periods",
    )
    courses = taught.select(
        "sourcedId",
        pl.lit("sy").alias("schoolYearSourcedId"),
        pl.col("course").alias("title"),
        "courseCode",
        pl.col("course_grades").alias("grades"),
        schools.gather(taught["school"]).alias("orgSourcedId"),
        "subjects",
        pl.col("codes").alias("subjectCodes"),
    )
    header = bundle.HEADERS[bundle.FORMS[0]]
    return bundle.shaped(courses, header["courses"]), bundle.shaped(classes, header["classes"])


def _label(grades: tuple[str, ...]) -> str:
    spoken = [grade.replace("KG", "K").lstrip("0") for grade in (grades[0], grades[-1])]
    return spoken[0] if len(grades) == 1 else "-".join(spoken)


def _staff(plan: _Plan, dice: Dice, schools: pl.Series, domain: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return who teaches which class, and the rows of teachers, administrators and aides."""
    class_school = plan.band_school[plan.class_band]
    homerooms = np.array([level.homerooms for level in plan.levels])[plan.level[class_school]]
    own = plan.class_slot < homerooms  # taught by the group's own teacher
    leads = own & (plan.class_slot == 0)
    groups = np.bincount(class_school[leads], minlength=len(plan.level))
    others = np.bincount(class_school[~own], minlength=len(plan.level))
    special = np.clip(-(-plan.size * 6 // 100) - groups, 1, others)
    teachers = groups + special
    first = names.starts(teachers)

    teacher = np.empty(len(class_school), dtype=np.int64)
    lead = np.cumsum(leads) - 1  # the last group that has begun, in this order of classes, but for its other slots
    band_lead = np.full(len(plan.band_school), 0, dtype=np.int64)
    band_lead[plan.class_band[leads][::-1]] = lead[leads][::-1]
    in_school = band_lead[plan.class_band] + plan.class_group - names.starts(groups)[class_school]
    teacher[own] = (first[class_school] + in_school)[own]
    rest = np.flatnonzero(~own)
    rest = rest[np.lexsort((plan.class_band[rest], plan.class_slot[rest], class_school[rest]))]
    place = np.arange(len(rest)) - names.starts(others)[class_school[rest]]
    at = class_school[rest]
    teacher[rest] = first[at] + groups[at] + place * special[at] // others[at]

    helped = np.flatnonzero((dice.below("co-teacher", len(teacher), 12) == 0) & (teachers[class_school] > 1))
    at = class_school[helped]
    second = first[at] + (teacher[helped] - first[at] + 1) % teachers[at]
    count = int(teachers.sum())
    home = np.repeat(np.arange(len(schools)), teachers)
    travels = np.flatnonzero((dice.below("two schools", count, 30) == 0) & (len(schools) > 1))
    away = (home[travels] + 1) % len(schools)
    sizes = np.bincount(class_school)
    there = names.starts(sizes)[away] + dice.below("class away", len(travels), sizes[away])

    heads = np.repeat(np.arange(len(schools)), 1 + (plan.size > 600))
    aides = np.repeat(np.arange(len(schools)), 1 + plan.size // 200)
    roles = ["teacher"] * count + ["administrator"] * (2 + len(heads)) + ["aide"] * len(aides)
    org = pl.concat([schools.gather(home), pl.Series([DISTRICT, DISTRICT]), schools.gather(heads), schools.gather(aides)])
    also = pl.Series([None], dtype=pl.String).new_from_index(0, len(roles)).scatter(travels, schools.gather(away))
    guids = dice.guids("staff", len(roles))
    rows = pl.DataFrame(
        {
            "sourcedId": guids,
            "role": roles,
            "org": org,
            "also": also,
            "number": np.arange(1001, 1001 + len(roles)),
            "phone": names.phones(dice, "staff", len(roles)),
            **names.invented(dice, "staff", len(roles)),
        }
    ).with_columns(
        enabledUser=pl.lit("true"),
        orgSourcedIds=pl.concat_str("org", "also", separator=",", ignore_nulls=True),
        username=pl.format("{}.{}{}", "given", "family", "number"),
        identifier=pl.format("E{}", "number"),
    )
    rows = rows.with_columns(
        email=pl.format("{}@{}", "username", pl.lit(domain)),
        # Braces belong to the value here, so no format string.
        userIds=pl.concat_str(pl.lit("{LDAP:"), "username", pl.lit("},{SIS:"), "identifier", pl.lit("}")),
    )
    user = np.concatenate([teacher, second, travels])
    teaching = pl.DataFrame(
        {
            "user": guids.gather(user),
            "class": np.concatenate([np.arange(len(teacher)), helped, there]),
            "primary": ["true"] * len(teacher) + ["false"] * (len(helped) + len(travels)),
        }
    ).select("user", "class", pl.lit("teacher").alias("role"), "primary")
    return teaching, bundle.people(rows)


def _families(plan: _Plan, dice: Dice) -> tuple[pl.Series, pl.Series, pl.DataFrame]:
    """Return the family name and the guardians' ids of each student, and the guardians.

    Children who live near each other, of whatever grade, stand side by side; every run of one to three is a family.
    """
    students = len(plan.school)
    level = plan.level[plan.school]
    totals, schools = np.bincount(level), np.bincount(plan.level)
    place = np.arange(students) - names.starts(totals)[level]
    near = (place << 24) // totals[level] + dice.below("near", students, (1 << 24) // schools[level])
    order = np.argsort(near, kind="stable")
    children = np.array([1] * 16 + [2] * 3 + [3])[dice.below("children", students, 20)]
    family = np.empty(students, dtype=np.int64)
    family[order] = np.searchsorted(np.cumsum(children), np.arange(students), side="right")
    # The first child by number lends its number to the guardians' usernames.
    _, eldest = np.unique(family, return_index=True)
    name = dice.below("family", len(eldest), len(names.FAMILIES))
    guardians, ids = names.guardians(dice, 100_001 + eldest, name)
    return names.FAMILIES.gather(name[family]), ids.gather(family), guardians
