"""Who is there: staff at their schools, students of every status, and the contacts of their families."""

from datetime import date

import numpy as np
import polars as pl

from rollbook.sandbox import names
from rollbook.sandbox.names import Dice, Ints
from rollbook.sandbox.powerschool import school_year
from rollbook.sandbox.powerschool.case_rows import GRADUATED, HIGH, MAIL, MOBILE, OFFICE, RELATIONS
from rollbook.sandbox.powerschool.frames import Tables
from rollbook.sandbox.powerschool.lessons import STAFF
from rollbook.sandbox.powerschool.plan import Plan

# Ids of one kind overlap those of the next on purpose: a wrong join must find the wrong row, not none.
_USER, _STAFF_DCID = 201, 251
_STUDENT, _STUDENT_DCID, _NUMBER, _STATE_NUMBER = 1001, 1401, 200_001, 7_000_003
_PERSON, _PERSON_DCID, _EMAIL, _LINK, _DETAIL, _PHONE, _LEGACY = 1201, 1601, 901, 1101, 1301, 701, 801
_ADULT = pl.Series(["Mother", "Father", "Guardian", "Grandparent"]).replace_strict(dict(RELATIONS), return_dtype=pl.Int64)


def staff(plan: Plan, dice: Dice, home: Ints, domain: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return USERS and SCHOOLSTAFF: teachers first, then principals, offices, the district's own, and some who are gone."""
    schools = len(plan.number)
    offices = np.repeat(np.arange(schools), 1 + plan.size // 200)
    former = home[: max(1, len(home) // 50)]
    titles = [("Teacher", len(home)), ("Principal", schools), ("Office", len(offices)), ("Director", 2), ("Teacher", len(former))]
    title = np.repeat([word for word, _ in titles], [count for _, count in titles])
    at = np.concatenate([plan.number[np.concatenate([home, np.arange(schools), offices])], [OFFICE, OFFICE], plan.number[former]])
    count = len(at)
    row = np.arange(count)
    gone = row >= count - len(former)
    people = pl.DataFrame({"DCID": row + _USER, "TITLE": title, "HOMESCHOOLID": at, **names.invented(dice, "staff", count)})
    login = pl.concat_str("given", pl.lit("."), "family", pl.col("DCID").cast(pl.String))
    people = people.with_columns(
        FIRST_NAME="givenName",
        LAST_NAME="familyName",
        LASTFIRST=pl.format("{}, {}", "familyName", "givenName"),
        LOGINID=login,
        TEACHERLOGINID=login,
        TEACHERNUMBER=(pl.col("DCID") + 40_000).cast(pl.String),
        EMAIL_ADDR=pl.concat_str(login, pl.lit(f"@{domain}")),
        PSACCESS=pl.col("TITLE") != "Teacher",
        PTACCESS=pl.col("TITLE") == "Teacher",
    )
    travels = np.flatnonzero(dice.below("two schools", len(home), 20) == 0)
    heads = len(home) + np.arange(schools)
    extra = np.concatenate([travels, heads])
    there = np.concatenate([plan.number[(home[travels] + 1) % schools], np.full(schools, OFFICE)])
    kind = np.where(title == "Teacher", 1, 2)
    # Some of those who travelled do not any more.
    left = np.concatenate([dice.below("travels no longer", len(travels), 4) == 0, np.zeros(schools, dtype=bool)])
    whole = np.arange(count + len(extra))
    places = pl.DataFrame(
        {
            "DCID": whole + _STAFF_DCID,
            "ID": whole + STAFF,
            "USERS_DCID": np.concatenate([row, extra]) + _USER,
            "SCHOOLID": np.concatenate([at, there]),
            "STATUS": 1 + np.concatenate([gone, left]),
            "STAFFSTATUS": np.concatenate([kind, kind[extra]]),
        }
    )
    return people, places


def students(plan: Plan, dice: Dice, leavers: int, year: int, today: date, domain: str) -> tuple[pl.DataFrame, Ints]:
    """Return STUDENTS, those of the plan first, and the family of each; `email` is the school's address of those who have one."""
    here = len(plan.school)
    extra = {3: max(1, here // 20), -1: max(1, here // 100), 4: max(1, here // 200), 1: max(1, here // 300)}
    status = np.concatenate([np.zeros(here, dtype=np.int64), np.repeat(list(extra), list(extra.values()))])
    count = len(status)
    status[dice.order("leavers", here)[:leavers]] = 2
    first, end = date(year, 8, 17), school_year.after(school_year.ordinary_terms(year)[0][4])
    passed = min(max((today - first).days, 1), 290)
    late = np.where(dice.below("late", count, 50) == 0, dice.below("arrival", count, passed), 0)
    frame = pl.DataFrame(
        {
            "row": np.arange(count),
            "ENROLL_STATUS": status,
            "level_grade": np.concatenate([plan.grade, np.zeros(count - here, dtype=np.int64)]),
            "school": np.concatenate([plan.number[plan.school], plan.number[dice.below("old school", count - here, 1)]]),
            "late": np.where(status == 2, 0, late),
            "stay": 1 + dice.below("stay", count, passed),
            "born": dice.below("born", count, 365),
        }
    )
    state = pl.col("ENROLL_STATUS")
    opening = pl.lit(first)
    later = (pl.lit(today) + pl.duration(days=pl.col("row") % 20 + 7)).cast(pl.String)
    frame = frame.with_columns(
        GRADE_LEVEL=pl.when(state == 3).then(99).when(state == 4).then(12).otherwise("level_grade"),
        SCHOOLID=pl.when(state == 3).then(GRADUATED).when(state == 4).then(HIGH).otherwise("school"),
        GRADUATED_SCHOOLID=pl.when(state == 3).then(HIGH),
        ENTRYDATE=pl.when(state == 3)
        .then(pl.lit(f"{year - 1}-08-17"))
        .when(state == 4)
        .then(pl.lit("2010-08-23"))
        .when(state == -1)
        .then(later)
        .otherwise((opening + pl.duration(days="late")).cast(pl.String)),
        EXITDATE=pl.when(state == 3)
        .then(pl.lit(f"{year}-06-12"))
        .when(state == 4)
        .then(pl.lit("2014-06-07"))
        .when(state == 2)
        .then((opening + pl.duration(days="stay")).cast(pl.String))
        .otherwise(pl.lit(end)),
    )
    family = _families(dice, count)
    eldest = int(family.max()) + 1
    called = dice.below("family", eldest, len(names.FAMILIES))[family]
    given = dice.below("given", count, len(names.GIVENS))
    middle = names.GIVENS.gather(dice.below("middle", count, len(names.GIVENS)))
    number = pl.col("row") + _NUMBER
    frame = frame.with_columns(
        FIRST_NAME=names.GIVENS.gather(given), LAST_NAME=names.FAMILIES.gather(called), MIDDLE_NAME=middle
    ).with_columns(
        DCID=pl.col("row") + _STUDENT_DCID,
        ID=pl.col("row") + _STUDENT,
        STUDENT_NUMBER=number,
        STATE_STUDENTNUMBER=(pl.col("row") * 7 + _STATE_NUMBER).cast(pl.String),
        PERSON_ID=pl.col("row") + _PERSON,
        MIDDLE_NAME=pl.when(pl.Series(dice.below("has middle", count, 5) < 2)).then("MIDDLE_NAME"),
        LASTFIRST=pl.format("{}, {}", "LAST_NAME", "FIRST_NAME"),
        DOB=(pl.date(year - 6 - pl.min_horizontal("GRADE_LEVEL", 13), 9, 1) + pl.duration(days="born")).cast(pl.String),
        FTEID=pl.lit(1),
        ENTRYCODE=pl.lit("E1"),
        EXITCODE=pl.when(state == 2).then(pl.lit("T1")),
        login=names.username(plain_given(names.GIVENS.gather(given)), pl.col("LAST_NAME"), number),
    )
    return (
        frame.with_columns(
            STUDENT_WEB_ID=pl.when(pl.col("row") % 50 != 17).then("login"),
            email=pl.when(pl.col("row") % 33 != 8).then(pl.concat_str("login", pl.lit(f"@{domain}"))),
        ),
        family,
    )


def plain_given(given: pl.Series) -> pl.Expr:
    return pl.lit(given.replace_strict({name: names.plain(name) for name in names.GIVEN}, return_dtype=pl.String))


def _families(dice: Dice, count: int) -> Ints:
    """Return the family of each student: one to three children."""
    children = np.array([1] * 16 + [2] * 3 + [3])[dice.below("children", count, 20)]
    family = np.empty(count, dtype=np.int64)
    family[dice.order("families", count)] = np.searchsorted(np.cumsum(children), np.arange(count), side="right")
    return family


def reenrollments(pupils: pl.DataFrame, year: int) -> pl.DataFrame:
    """Return last year's enrollment of everybody who was at the same school then."""
    stayed = pl.col("ENROLL_STATUS").is_in([0, 2]) & ~pl.col("GRADE_LEVEL").is_in([0, 6, 9])
    return (
        pupils.filter(stayed)
        .with_row_index("number", 401)
        .select(
            DCID="number",
            ID=pl.col("number") + 40,
            STUDENTID="ID",
            SCHOOLID="SCHOOLID",
            GRADE_LEVEL=pl.col("GRADE_LEVEL") - 1,
            ENTRYDATE=pl.lit(f"{year - 1}-08-17"),
            EXITDATE=pl.lit(f"{year}-06-12"),
            ENTRYCODE=pl.lit("E1"),
            FTEID=pl.lit(1),
        )
    )


def contacts(pupils: pl.DataFrame, family: Ints, dice: Dice) -> Tables:
    """Return the people behind students and guardians, their addresses and numbers, and who is whose contact.

    Shape: the students' persons first, in their order; then one or two adults a family.
    """
    families = int(family.max()) + 1
    home = np.repeat(np.arange(families), 1 + (dice.below("adults", families, 8) > 0))
    count = len(home)
    second = np.concatenate([[False], home[1:] == home[:-1]])
    eldest = np.unique(family, return_index=True)[1]
    other = dice.below("relation", count, 10) == 0
    given = names.GIVENS.gather(dice.below("adult given", count, len(names.GIVENS)))
    adults = pl.DataFrame(
        {
            "family": home,
            "PERSONID": np.arange(count) + pupils.height + _PERSON,
            "FIRSTNAME": given,
            "LASTNAME": pupils["LAST_NAME"].gather(eldest[home]),
            "code": _ADULT.gather(second + 2 * other),
            "order": 1 + second,
            "phone": names.phones(dice, "adult", count),
            "phone_2": names.phones(dice, "adult 2", count),
            "phones": 1 + (dice.below("phones", count, 5) == 0),
        }
    ).with_columns(
        email=pl.when(pl.Series(dice.below("no email", count, 10) > 0)).then(
            pl.concat_str(plain_given(given), pl.lit("."), pl.col("PERSONID").cast(pl.String), pl.lit("@mail.example"))
        )
    )
    persons = pl.concat(
        [
            pupils.select(ID="PERSON_ID", FIRSTNAME="FIRST_NAME", MIDDLENAME="MIDDLE_NAME", LASTNAME="LAST_NAME"),
            adults.select(ID="PERSONID", FIRSTNAME="FIRSTNAME", MIDDLENAME=pl.lit(None, pl.String), LASTNAME="LASTNAME"),
        ]
    ).with_columns(DCID=pl.col("ID") - _PERSON + _PERSON_DCID, ISACTIVE=pl.lit(1))
    private = pupils.filter(pl.col("row") % 40 == 3).select(
        PERSONID="PERSON_ID", email=pl.format("pupil{}@mail.example", "STUDENT_NUMBER"), order=pl.lit(2)
    )
    emails = (
        pl.concat(
            [
                pupils.select(PERSONID="PERSON_ID", email="email", order=pl.lit(1)),
                private,
                adults.select("PERSONID", "email", order=pl.lit(1)),
            ]
        )
        .drop_nulls("email")
        .with_row_index("EMAILADDRESSID", _EMAIL)
    )
    phones = (
        pl.concat(
            [
                adults.select("PERSONID", number="phone", order=pl.lit(1)),
                adults.filter(pl.col("phones") == 2).select("PERSONID", number="phone_2", order=pl.lit(2)),
            ]
        )
        .with_row_index("PHONENUMBERID", _PHONE)
        .with_columns(PERSONPHONENUMBERASSOCID=pl.col("PHONENUMBERID") + 40)
    )
    links = (
        pupils.select("DCID", "ENTRYDATE", family=pl.Series(family))
        .join(adults.select("family", "PERSONID", "code", "order"), on="family", maintain_order="left_right")
        .with_row_index("STUDENTCONTACTASSOCID", _LINK)
    )
    legacy = pupils.select(STUDENTSDCID="DCID", STUDENTID=pl.col("row") + _LEGACY, EMAIL="email", row="row")
    device = pl.when(pl.col("row") % 3 > 0).then(pl.lit("Chromebook"))
    return {
        "PERSON": persons,
        "EMAILADDRESS": emails.select("EMAILADDRESSID", EMAILADDRESS="email"),
        "PERSONEMAILADDRESSASSOC": emails.select(
            "PERSONID",
            "EMAILADDRESSID",
            PERSONEMAILADDRESSASSOCID=pl.col("EMAILADDRESSID") + 40,
            ISPRIMARYEMAILADDRESS=pl.col("order") == 1,
            EMAILADDRESSPRIORITYORDER="order",
            EMAILTYPECODESETID=pl.lit(MAIL),
        ),
        "PHONENUMBER": phones.select("PHONENUMBERID", PHONENUMBER="number"),
        "PERSONPHONENUMBERASSOC": phones.with_columns(
            PHONENUMBERASENTERED="number",
            ISPREFERRED=pl.col("order") == 1,
            PHONENUMBERPRIORITYORDER="order",
            PHONETYPECODESETID=pl.lit(MOBILE),
        ),
        "STUDENTCONTACTASSOC": links.select(
            "STUDENTCONTACTASSOCID", "PERSONID", STUDENTDCID="DCID", CONTACTPRIORITYORDER="order", CURRRELTYPECODESETID="code"
        ),
        "STUDENTCONTACTDETAIL": links.select(
            "STUDENTCONTACTASSOCID",
            STUDENTCONTACTDETAILID=pl.col("STUDENTCONTACTASSOCID") - _LINK + _DETAIL,
            RELATIONSHIPTYPECODESETID="code",
            ISACTIVE=pl.col("STUDENTCONTACTASSOCID") % 60 != 7,
            ISCUSTODIAL=pl.lit(1),
            ISEMERGENCY=pl.col("order") == 1,
            LIVESWITHFLG=pl.lit(1),
            RECEIVESMAILFLG=pl.lit(1),
            SCHOOLPICKUPFLG=pl.lit(1),
            STARTDATE="ENTRYDATE",
        ),
        "PSM_STUDENTCONTACTTYPE": pl.DataFrame({"ID": [1], "NAME": ["Self"]}),
        "PSM_STUDENTCONTACT": legacy.select("STUDENTID", "EMAIL", ID=pl.col("row") + 61, STUDENTCONTACTTYPEID=pl.lit(1)),
        "SYNC_STUDENTMAP": legacy.select("STUDENTSDCID", "STUDENTID", ID=pl.col("row") + 91),
        "U_STUDENTSUSERFIELDS": legacy.select("STUDENTSDCID", "EMAIL", DEVICE=device),
    }


def with_guardian_emails(pupils: pl.DataFrame, contacts: Tables) -> pl.DataFrame:
    """Return the students with the addresses of their contacts in the old column, which is a list with commas."""
    listed = (
        contacts["STUDENTCONTACTASSOC"]
        .join(contacts["PERSONEMAILADDRESSASSOC"], on="PERSONID")
        .join(contacts["EMAILADDRESS"], on="EMAILADDRESSID")
        .sort("STUDENTDCID", "CONTACTPRIORITYORDER")
        .group_by(DCID="STUDENTDCID")
        .agg(GUARDIANEMAIL=pl.col("EMAILADDRESS").str.join(","))
    )
    return pupils.join(listed, on="DCID", how="left", maintain_order="left")
