"""What is taught: terms, courses, sections with their teachers and hours, and who sits in them."""

from datetime import date

import numpy as np
import polars as pl

from rollbook.sandbox import names
from rollbook.sandbox.names import Dice, Ints
from rollbook.sandbox.powerschool import school_year
from rollbook.sandbox.powerschool.case_rows import CO_TEACHER, LEAD, OFFICE
from rollbook.sandbox.powerschool.frames import Tables
from rollbook.sandbox.powerschool.plan import EACH, SLOTS, Plan

_TERM = {"sy": 0, "s1,s2": 0, "s1": 1, "s2": 2}
_OF_THE_DISTRICT = (1, 2, 3)  # slots whose courses belong to the whole district
_LAST_YEAR = 2  # slots that are there for last year, too: enough to be noticed where the year is forgotten
# Ids of one kind overlap those of the next on purpose: a wrong join must find the wrong row, not none.
STAFF = 301  # SCHOOLSTAFF.ID of the first teacher
_SECTION, _SECTION_DCID, _CC, _CC_DCID = 5001, 5201, 30_001, 30_401


def terms(plan: Plan, year: int) -> pl.DataFrame:
    """Return the terms of two years, each once for every school and the district office."""
    header = ("number", "NAME", "ABBREVIATION", "FIRSTDAY", "LASTDAY", "PORTION")
    spans = pl.concat(
        pl.DataFrame(
            [*school_year.ordinary_terms(each), school_year.summer_term(each)], schema=header, orient="row"
        ).with_columns(YEARID=pl.lit(school_year.year_id(each)))
        for each in (year - 1, year)
    )
    schools = pl.DataFrame({"SCHOOLID": np.array([OFFICE, *plan.number]), "level": np.array([-1, *plan.level])})
    return (
        schools.join(spans, how="cross", maintain_order="left")
        .filter((pl.col("number") != 7) | (pl.col("level") == 2))
        .with_row_index("DCID", 601)
        .with_columns(
            ID=pl.col("YEARID") * 100 + pl.col("number"),
            ISYEARREC=pl.col("number") == 0,
            FIRSTDAY=pl.col("FIRSTDAY").cast(pl.String),
            LASTDAY=pl.col("LASTDAY").cast(pl.String),
        )
    )


def sections(plan: Plan, dice: Dice, year: int) -> tuple[pl.DataFrame, pl.DataFrame, Ints]:
    """Return the sections of this year and the beginning of those of last, who teaches them, and the school of each teacher."""
    level = plan.level[plan.section_school]
    elementary = level == 0
    by_group = plan.section_band * 1000 + plan.section_group
    order = np.lexsort(
        (
            np.where(elementary, plan.section_slot, by_group),
            np.where(elementary, by_group, plan.section_slot),
            plan.section_school,
        )
    )
    sizes = np.bincount(plan.section_school)
    teachers = np.clip(-(-plan.size * 6 // 100), 2, sizes)
    teacher = np.empty(len(order), dtype=np.int64)
    at = plan.section_school[order]
    place = np.arange(len(order)) - names.starts(sizes)[at]
    teacher[order] = names.starts(teachers)[at] + place * teachers[at] // sizes[at]

    lessons = pl.DataFrame(
        [
            (level, slot, variant, len(lesson.titles), title, lesson.titles[0][:3].upper(), lesson.period, _TERM[lesson.terms])
            for level, slots in enumerate(SLOTS)
            for slot, lesson in enumerate(slots)
            for variant, title in enumerate(lesson.titles)
        ],
        schema=("level", "slot", "variant", "variants", "title", "short", "period", "number"),
        orient="row",
    )
    variants = np.array([[len(lesson.titles) for lesson in slots] for slots in SLOTS])[level, plan.section_slot]
    places = pl.DataFrame(
        {
            "level": level,
            "slot": plan.section_slot,
            "variant": plan.section_group % variants,
            "SCHOOLID": plan.number[plan.section_school],
            "GRADE_LEVEL": plan.section_grade,
            "group": plan.section_group,
            "TEACHER": teacher + STAFF,
            "ROOM": 101 + (plan.section_band * 7 + plan.section_group + plan.section_slot * 13) % 180,
        }
    )
    grade = pl.col("GRADE_LEVEL").cast(pl.String).str.zfill(2)
    letter = pl.Series(list("ABCDEFGH")).gather(plan.section_group % variants)
    district = pl.col("slot").is_in(_OF_THE_DISTRICT)
    code = pl.concat_str("short", grade, pl.lit(letter))
    period = pl.col("period").replace("HR", "9")
    now = (
        places.join(lessons, on=["level", "slot", "variant"], how="left", maintain_order="left")
        .with_row_index("at")
        .with_columns(
            code=pl.when(district).then(code).otherwise(pl.format("{}-{}", code, "SCHOOLID")),
            course=pl.format("{} {}", "title", pl.col("GRADE_LEVEL").cast(pl.String).replace("0", "K")),
            owner=pl.when(district).then(OFFICE).otherwise("SCHOOLID"),
            TERMID=school_year.year_id(year) * 100 + pl.col("number"),
            EXPRESSION=pl.format("{}(A-E)", period),
            EXTERNAL_EXPRESSION=pl.format("{}(M-F)", period),
        )
    )
    both = (
        pl.concat([now, now.filter(pl.col("slot") < _LAST_YEAR).with_columns(TERMID=pl.col("TERMID") - 100)])
        .with_row_index("row")
        .with_columns(
            ID=pl.col("row").cast(pl.Int64) + _SECTION,
            DCID=pl.col("row").cast(pl.Int64) + _SECTION_DCID,
            # Somebody typed some of the numbers in small letters.
            COURSE_NUMBER=pl.when((pl.col("slot") == 2) & (pl.col("at") % 7 == 3))
            .then(pl.col("code").str.to_lowercase())
            .otherwise("code"),
            SECTION_NUMBER=(pl.int_range(pl.len()).over("code", "SCHOOLID", "TERMID") + 1).cast(pl.String).str.zfill(2),
            ROOM=pl.col("ROOM").cast(pl.String),
            MAXENROLLMENT=pl.lit(32),
        )
    )
    spans = _spans(year)
    lead = both.join(spans, on="TERMID", maintain_order="left").select(
        SECTIONID="ID", TEACHERID="TEACHER", ROLEID=LEAD, START_DATE="FIRSTDAY", END_DATE="LASTDAY"
    )
    helped = lead.filter(pl.Series(dice.below("co-teacher", lead.height, 12) == 0))
    home = np.repeat(np.arange(len(plan.level)), teachers)
    second = helped["TEACHERID"].to_numpy() - STAFF
    first = names.starts(teachers)[home[second]]
    other = first + (second - first + 1) % teachers[home[second]]
    helped = helped.with_columns(TEACHERID=pl.Series(other + STAFF), ROLEID=CO_TEACHER)
    teaching = pl.concat([lead, helped.cast(lead.schema)]).with_row_index("ID", 8001)
    return both, teaching, home


def _spans(year: int) -> pl.DataFrame:
    """Return first and last day of each ordinary term of two years, by TERMID, and the day after as `AFTER`."""
    rows = [
        (school_year.year_id(each) * 100 + number, first.isoformat(), last.isoformat(), school_year.after(last))
        for each in (year - 1, year)
        for number, _, _, first, last, _ in school_year.ordinary_terms(each)
    ]
    return pl.DataFrame(rows, schema=("TERMID", "FIRSTDAY", "LASTDAY", "AFTER"), orient="row")


def courses(sections: pl.DataFrame) -> pl.DataFrame:
    return (
        sections.unique("code", keep="first", maintain_order=True)
        .with_row_index("place", 2001)
        .select(
            DCID="place",
            ID=pl.col("place") + 100,
            COURSE_NUMBER="code",
            COURSE_NAME="course",
            SCHOOLID="owner",
            CREDIT_HOURS=pl.lit("1.0"),
            CREDITTYPE="short",
        )
    )


def timetable(sections: pl.DataFrame, schools: pl.DataFrame, year: int) -> Tables:
    """Return the periods and days of this year, and when the sections of this year meet."""
    year_id = school_year.year_id(year)
    ours = schools.filter(pl.col("SCHOOL_NUMBER").is_between(1, 900)).select(SCHOOLID="SCHOOL_NUMBER", YEAR_ID=pl.lit(year_id))
    periods = pl.DataFrame({"PERIOD_NUMBER": range(1, 10)}).with_columns(
        NAME=pl.format("Period {}", "PERIOD_NUMBER"), ABBREVIATION=pl.col("PERIOD_NUMBER").cast(pl.String)
    )
    days = pl.DataFrame(
        {"LETTER": list("ABCDE"), "DAY_NAME": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], "DAY_NUMBER": range(1, 6)}
    ).with_columns(ABBREVIATION="LETTER")
    meets = (
        sections.filter(pl.col("TERMID") >= year_id * 100)
        .select("SCHOOLID", SECTIONID="ID", PERIOD_NUMBER=pl.col("EXPRESSION").str.slice(0, 1).cast(pl.Int64))
        .join(days.select(CYCLE_DAY_LETTER="LETTER"), how="cross", maintain_order="left")
        .with_columns(YEAR_ID=pl.lit(year_id))
    )
    made = {
        "PERIOD": ours.join(periods, how="cross", maintain_order="left"),
        "CYCLE_DAY": ours.join(days, how="cross", maintain_order="left"),
        "SECTION_MEETING": meets,
    }
    return {name: frame.with_row_index("DCID", 101).with_columns(ID=pl.col("DCID") + 40) for name, frame in made.items()}


def enrollments(plan: Plan, dice: Dice, pupils: pl.DataFrame, sections: pl.DataFrame, year: int, today: date) -> pl.DataFrame:
    """Return the CC rows: a place for each lesson, those of leavers ended, some dropped, and two of last year."""
    count = len(plan.seat)
    who = pupils.head(count).select(STUDENTID="ID", gone=pl.col("ENROLL_STATUS") == 2, begin="ENTRYDATE", end="EXITDATE")
    what = sections.join(_spans(year), on="TERMID", maintain_order="left").select(
        *("ID", "TERMID", "SCHOOLID", "COURSE_NUMBER", "SECTION_NUMBER", "TEACHER", "EXPRESSION", "FIRSTDAY", "AFTER")
    )
    now = np.concatenate([np.repeat(np.arange(count), EACH)[:, None], plan.seat.reshape(-1, 1)], axis=1)
    places = pl.concat([who[now[:, 0]], what[now[:, 1]]], how="horizontal")
    gone = pl.col("gone")
    begin = pl.max_horizontal("begin", "FIRSTDAY")
    current = places.filter(~gone | (begin < pl.col("end"))).with_columns(
        ended="gone", DATEENROLLED=begin, DATELEFT=pl.when("gone").then("end").otherwise("AFTER")
    )

    # The section next to one that a student is in: left after some days, or on the first.
    dropped = now[(dice.below("dropped", len(now), 30) == 0) & (now[:, 1] + 1 < len(plan.section_school))]
    dropped = dropped[plan.section_school[dropped[:, 1]] == plan.section_school[dropped[:, 1] + 1]]
    begin = pl.max_horizontal("begin", "FIRSTDAY")
    days = pl.Series("days", dice.below("days", len(dropped), 20))
    left = pl.concat([who[dropped[:, 0]], what[dropped[:, 1] + 1], days.to_frame()], how="horizontal").with_columns(
        DATEENROLLED=begin
    )
    left = left.filter(~gone & (pl.col("DATEENROLLED") <= today.isoformat())).with_columns(
        ended=pl.lit(True),
        DATELEFT=pl.min_horizontal(
            (pl.col("DATEENROLLED").str.to_date() + pl.duration(days="days")).cast(pl.String), pl.lit(today.isoformat())
        ),
    )

    early = plan.section_slot < _LAST_YEAR
    twin = len(plan.section_slot) + np.cumsum(early) - 1  # the row of the same section a year ago
    old = np.flatnonzero(plan.grade > 0)
    before = pl.concat(
        [who[np.repeat(old, _LAST_YEAR)], what[twin[plan.seat[old, :_LAST_YEAR].reshape(-1)]]], how="horizontal"
    ).with_columns(ended=pl.lit(False), DATEENROLLED="FIRSTDAY", DATELEFT="AFTER")

    sign = pl.when("ended").then(-1).otherwise(1)
    return (
        pl.concat([current, left.drop("days"), before], how="diagonal")
        .with_row_index("row")
        .select(
            *("STUDENTID", "SCHOOLID", "COURSE_NUMBER", "SECTION_NUMBER", "DATEENROLLED", "DATELEFT", "EXPRESSION"),
            DCID=pl.col("row").cast(pl.Int64) + _CC_DCID,
            ID=pl.col("row").cast(pl.Int64) + _CC,
            SECTIONID=sign * pl.col("ID"),
            TERMID=sign * pl.col("TERMID"),
            ORIGSECTIONID=pl.lit(0),
            TEACHERID="TEACHER",
            STUDYEAR=pl.col("STUDENTID") * 100 + pl.col("TERMID") // 100,
        )
    )
