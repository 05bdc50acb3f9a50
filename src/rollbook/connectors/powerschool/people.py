"""Who is in a district: students, staff and guardians, what they are at which school, and who belongs to whom."""

from typing import Any

import polars as pl

from rollbook.connectors.powerschool.devices import NEEDED
from rollbook.connectors.powerschool.faults import Rule, left_out, no_address, no_day, told
from rollbook.connectors.powerschool.reading import ADDRESS, NO_TEXT, Built, Manner, Rows, address, day, grade, keyed, school
from rollbook.domain.findings import Level

GRADUATED_GRADE = "99"
#: What SCHOOLSTAFF.STAFFSTATUS says of a teacher and of a substitute; OneRoster has no word for the others.
TEACHING = ("1", "4")
#: Some servers hide what is in the column behind signs.
HIDDEN = r"^(##|~~)"

WITHOUT = {
    "email": (
        "has no email address, which signs a student in on a Chromebook.",
        "In PowerSchool, open the student, and under Contacts give the student's own entry an email address.",
    ),
    "username": (
        "has no username, which signs a student in on anything but a Chromebook.",
        "In PowerSchool, open the student, and under Access Accounts fill in the student's username.",
    ),
}


def people(rows: Rows, manner: Manner) -> Built:
    """Build students, staff and, where they come, guardians: three tables of PowerSchool, so three prefixes."""
    students, staff = comers(rows["students"]), rows["staff"]
    usable = pl.when(~pl.col("username").str.contains(HIDDEN)).then("username")
    pupils = students.select(
        sourced_id=keyed("student", "student_dcid"),
        **named("username", given="first_name", family="last_name", middle="middle_name"),
        identifier="student_number",
        email=address(),
        grades=grade(),
        primary_org=school(),
        source_file=pl.lit("students"),
    ).with_columns(usable)
    places = rows["school_staff"].group_by("user_dcid").agg(places=pl.col("school_number").sort())
    home = (
        pl.when(pl.col("places").list.contains(pl.col("school_number")))
        .then("school_number")
        .otherwise(pl.col("places").list.first())
    )
    adults = (
        staff.join(places, on="user_dcid", how="left")
        .with_columns(school_number=home)
        .select(
            sourced_id=keyed("staff", "user_dcid"),
            **named("username", given="first_name", family="last_name", middle="middle_name"),
            identifier="teacher_number",
            email=address(),
            grades=NO_TEXT,
            primary_org=school(),
            source_file=pl.lit("staff"),
        )
    )
    frames = [pupils, adults]
    faults = [never_came(rows["students"]), *no_identity(students.with_columns(usable), manner), no_grade(students)]
    sources = [(staff, "staff", keyed("staff", "user_dcid"))]
    if "email" not in NEEDED[manner.devices]:  # else it is said already
        sources.append((students, "students", keyed("student", "student_dcid")))
    if manner.guardians:
        contacts = relations(rows)
        guardians = contacts.unique("person_id", keep="first", maintain_order=True)
        frames.append(
            guardians.select(
                sourced_id=keyed("contact", "person_id"),
                **named(None, given="first_name", family="last_name", middle="middle_name"),
                identifier=NO_TEXT,
                email=address(),
                grades=NO_TEXT,
                primary_org=NO_TEXT,
                source_file=pl.lit("guardians"),
            )
        )
        sources.append((guardians, "guardians", keyed("contact", "person_id")))
    faults += [no_address(*each) for each in sources]
    return Built(pl.concat(frames), tuple(faults), due=(students, staff))


def named(username: str | None, *, given: str, family: str, middle: str) -> dict[str, Any]:
    """Give the columns that every person has."""
    return {
        "enabled": pl.lit("true"),
        "username": pl.col(username) if username else NO_TEXT,
        "given_name": pl.col(given),
        "family_name": pl.col(family),
        "middle_name": pl.col(middle),
    }


def comers(students: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out who never came, that is, left on the day of entry; and who has finished school."""
    return students.filter(~absent())


def absent() -> pl.Expr:
    never = (pl.col("exit_date") == pl.col("entry_date")).fill_null(False)
    return never | (pl.col("grade_level") == GRADUATED_GRADE).fill_null(False)


def roles(rows: Rows, manner: Manner) -> Built:
    """Build who is what at which school: a student also where they have a place in a class, a guardian where the children are."""
    students = comers(rows["students"])
    left, entry = day("exit_date"), day("entry_date")
    home = students.select(
        person=keyed("student", "student_dcid"),
        org=school(),
        role=pl.lit("student"),
        begin_date=entry,
        end_date=pl.when(left > entry).then(left),
        rank=pl.lit(0),
        source_file=pl.lit("students"),
    )
    elsewhere = (
        rows["enrollments"]
        .filter(pl.col("ended") != "1")
        .join(students.select("student_dcid", home="school_number"), on="student_dcid")
        .filter(pl.col("school_number") != pl.col("home"))
        .select(
            person=keyed("student", "student_dcid"),
            org=school(),
            role=pl.lit("student"),
            begin_date=NO_TEXT,
            end_date=NO_TEXT,
            rank=pl.lit(0),
            source_file=pl.lit("enrollments"),
        )
        .unique(["person", "org"], keep="any")
    )
    teaches = pl.col("staff_status").is_in(TEACHING)
    staff = rows["school_staff"].select(
        person=keyed("staff", "user_dcid"),
        org=school(),
        role=pl.when(teaches).then(pl.lit("teacher")).otherwise(pl.lit("ext:staff")),
        begin_date=NO_TEXT,
        end_date=NO_TEXT,
        rank=pl.when(teaches).then(0).otherwise(1),
        source_file=pl.lit("school_staff"),
    )
    frames = [home, elsewhere, staff]
    if manner.guardians:
        ranks = {"parent": 0, "guardian": 1, "relative": 2}
        frames.append(
            relations(rows).select(
                person=keyed("contact", "person_id"),
                org=school(),
                role="relationship",
                begin_date=NO_TEXT,
                end_date=NO_TEXT,
                rank=pl.col("relationship").replace_strict(ranks, return_dtype=pl.Int32),
                source_file=pl.lit("guardians"),
            )
        )
    places = pl.concat(frames).filter(pl.col("org").is_not_null())
    frame = (
        places.unique(["person", "org", "role"], keep="any")
        .with_columns(
            sourced_id=pl.concat_str("person", "org", "role", separator="|"),
            role_type=pl.when(pl.col("rank") == pl.col("rank").min().over("person", "org"))
            .then(pl.lit("primary"))
            .otherwise(pl.lit("secondary")),
        )
        .drop("rank")
    )
    where = "the student's Transfer Info"
    faults = [no_day(students, "students", keyed("student", "student_dcid"), name, where) for name in ("entry_date", "exit_date")]
    return Built(frame, tuple(faults))


def relations(rows: Rows) -> pl.LazyFrame:
    """Return one row for each student and guardian, with the student's school and what the guardian is: their `relationship`.

    Of a relation that was dated anew, the one without an end counts, else that with the latest.
    """
    students = comers(rows["students"]).select("student_dcid", "school_number")
    return (
        rows["guardians"]
        .filter(is_guardian())
        .join(students, on="student_dcid")
        .with_columns(relationship=relationship())
        .sort(
            pl.col("end_date").is_null(),
            "end_date",
            "start_date",
            pl.col("relation_id").cast(pl.Int64, strict=False),
            descending=True,
            nulls_last=True,
        )
        .unique(["student_dcid", "person_id"], keep="first", maintain_order=True)
    )


def relationship() -> pl.Expr:
    word = pl.col("relation").str.to_lowercase().fill_null("")
    only_by_name = word.str.contains(r"grand|great|god-?\s?(parent|mother|father)|\bin[- ]law\b|['’]s?\s")  # "Mother's Friend"
    parent = word.str.contains(r"mother|father|parent|\b(step)?(mom|dad)\b")
    return (
        pl.when(parent & ~only_by_name)
        .then(pl.lit("parent"))
        .when(word.str.contains("guardian") & ~only_by_name)
        .then(pl.lit("guardian"))
        .otherwise(pl.lit("relative"))
    )


def is_guardian() -> pl.Expr:
    """Say whether a contact has to do with school: by custody, by letters, or as parent or guardian. Nobody is their own."""
    flagged = (pl.col("is_custodial") == "1").fill_null(False) | (pl.col("receives_mail") == "1").fill_null(False)
    return (flagged | (relationship() != "relative")) & (pl.col("relation").str.to_lowercase() != "self").fill_null(True)


def guardianships(rows: Rows, manner: Manner) -> Built:
    """Build which adult belongs to which child."""
    columns = {"student": keyed("student", "student_dcid"), "guardian": keyed("contact", "person_id")}
    frame = relations(rows).select(**columns, relationship="relationship", source_file=pl.lit("guardians"))
    key = pl.concat_str("student", "guardian", "relationship", separator="|")
    note = left_out(
        rows["guardians"].filter(~is_guardian()),
        Rule("contact_only", "guardians", "relation", Level.NOTE),
        "of contacts without custody and without letters, such as neighbors",
    )
    return Built(frame.with_columns(sourced_id=key), (note,))


def no_identity(students: pl.LazyFrame, manner: Manner) -> list[pl.LazyFrame]:
    """Tell which students could not sign in on the devices that they have."""
    found = []
    for column in NEEDED[manner.devices]:
        says, remedy = WITHOUT[column]
        empty = pl.col(column).is_null()
        if column == "email":
            empty |= ~pl.col(column).str.contains(ADDRESS)
        rule = Rule(f"student_without_{column}", "students", column)
        found.append(told(students.filter(empty), keyed("student", "student_dcid"), rule, says, remedy))
    return found


def no_grade(students: pl.LazyFrame) -> pl.LazyFrame:
    return told(
        students.filter(grade().is_null()),
        keyed("student", "student_dcid"),
        Rule("grade", "students", "grade_level"),
        "has a grade level that is none from pre-school to 13. It is taken to be empty.",
        "In PowerSchool, correct the grade level under the student's Transfer Info.",
    )


def never_came(students: pl.LazyFrame) -> pl.LazyFrame:
    return left_out(
        students.filter(absent()),
        Rule("never_came", "students", "exit_date", Level.NOTE),
        "of those who left on the day of entry, or have finished school",
    )
