"""What is promised of an invented PowerSchool district, whatever its size, seed and day."""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rollbook.domain.errors import ConfigError
from rollbook.sandbox.powerschool import district, tomorrow
from rollbook.sandbox.powerschool.tables import TABLES

TODAY = date(2026, 10, 14)
DAYS = [date(2026, 8, 5), date(2026, 8, 17), date(2027, 1, 20), date(2027, 6, 12), date(2027, 7, 10)]

# table, column, table that it points to, column there
REFERENCES = [
    ("CC", "STUDENTID", "STUDENTS", "ID"),
    ("CC", "SECTIONID", "SECTIONS", "ID"),
    ("CC", "TEACHERID", "SCHOOLSTAFF", "ID"),
    ("CC", "SCHOOLID", "SCHOOLS", "SCHOOL_NUMBER"),
    ("SECTIONS", "TEACHER", "SCHOOLSTAFF", "ID"),
    ("SECTIONS", "SCHOOLID", "SCHOOLS", "SCHOOL_NUMBER"),
    ("SECTIONTEACHER", "SECTIONID", "SECTIONS", "ID"),
    ("SECTIONTEACHER", "TEACHERID", "SCHOOLSTAFF", "ID"),
    ("SECTIONTEACHER", "ROLEID", "ROLEDEF", "ID"),
    ("SECTION_MEETING", "SECTIONID", "SECTIONS", "ID"),
    ("SCHOOLSTAFF", "USERS_DCID", "USERS", "DCID"),
    ("SCHOOLSTAFF", "SCHOOLID", "SCHOOLS", "SCHOOL_NUMBER"),
    ("USERS", "HOMESCHOOLID", "SCHOOLS", "SCHOOL_NUMBER"),
    ("COURSES", "SCHOOLID", "SCHOOLS", "SCHOOL_NUMBER"),
    ("TERMS", "SCHOOLID", "SCHOOLS", "SCHOOL_NUMBER"),
    ("STUDENTS", "SCHOOLID", "SCHOOLS", "SCHOOL_NUMBER"),
    ("STUDENTS", "PERSON_ID", "PERSON", "ID"),
    ("REENROLLMENTS", "STUDENTID", "STUDENTS", "ID"),
    ("PERSONEMAILADDRESSASSOC", "PERSONID", "PERSON", "ID"),
    ("PERSONEMAILADDRESSASSOC", "EMAILADDRESSID", "EMAILADDRESS", "EMAILADDRESSID"),
    ("PERSONEMAILADDRESSASSOC", "EMAILTYPECODESETID", "CODESET", "CODESETID"),
    ("PERSONPHONENUMBERASSOC", "PERSONID", "PERSON", "ID"),
    ("PERSONPHONENUMBERASSOC", "PHONENUMBERID", "PHONENUMBER", "PHONENUMBERID"),
    ("PERSONPHONENUMBERASSOC", "PHONETYPECODESETID", "CODESET", "CODESETID"),
    ("STUDENTCONTACTASSOC", "STUDENTDCID", "STUDENTS", "DCID"),
    ("STUDENTCONTACTASSOC", "PERSONID", "PERSON", "ID"),
    ("STUDENTCONTACTASSOC", "CURRRELTYPECODESETID", "CODESET", "CODESETID"),
    ("STUDENTCONTACTDETAIL", "STUDENTCONTACTASSOCID", "STUDENTCONTACTASSOC", "STUDENTCONTACTASSOCID"),
    ("STUDENTCONTACTDETAIL", "RELATIONSHIPTYPECODESETID", "CODESET", "CODESETID"),
    ("SYNC_STUDENTMAP", "STUDENTSDCID", "STUDENTS", "DCID"),
    ("SYNC_STUDENTMAP", "STUDENTID", "PSM_STUDENTCONTACT", "STUDENTID"),
    ("U_STUDENTSUSERFIELDS", "STUDENTSDCID", "STUDENTS", "DCID"),
]


@pytest.fixture(scope="module")
def made() -> dict[str, pl.DataFrame]:
    return district.tables(1500, today=TODAY)


def assert_sound(tables: dict[str, pl.DataFrame]) -> None:
    """What a clean database is: the columns of the schema, keys that are unique, references that resolve."""
    assert tables.keys() == {name for name, table in TABLES.items() if not table.view}
    for name, frame in tables.items():
        kinds = {column: pl.Int64 if kind == "number" else pl.String for column, kind in TABLES[name].columns.items()}
        assert frame.schema == pl.Schema(kinds), name
        keys = {TABLES[name].key, "DCID", "ID"} & set(frame.columns)
        for column in keys - ({"ID"} if name == "TERMS" else set()):
            assert frame[column].null_count() == 0, f"{name}.{column}"
            assert frame[column].is_duplicated().sum() == 0, f"{name}.{column}"
        for column, kind in TABLES[name].columns.items():
            if kind == "date":
                frame[column].str.to_date(strict=True)
    for table, column, other, key in REFERENCES:
        points = tables[table][column].drop_nulls().abs()
        lost = points.filter(~points.is_in(tables[other][key].implode()))
        assert lost.is_empty(), f"{table}.{column} points to nothing: {lost.head(3).to_list()}"
    keys = tables["TERMS"].select("ID", "SCHOOLID")
    assert keys.is_duplicated().sum() == 0
    for table in ("SECTIONS", "CC"):
        terms = tables[table].select(pl.col("TERMID").abs().alias("ID"), "SCHOOLID")
        assert terms.join(keys, on=["ID", "SCHOOLID"], how="anti").is_empty()
    courses = tables["COURSES"].select(pl.col("COURSE_NUMBER").str.to_lowercase())
    assert courses.is_duplicated().sum() == 0
    taught = tables["SECTIONS"].select(pl.col("COURSE_NUMBER").str.to_lowercase())
    assert taught.join(courses, on="COURSE_NUMBER", how="anti").is_empty()
    sections = tables["SECTIONS"].select(*("COURSE_NUMBER", "SECTION_NUMBER", "TERMID", "SCHOOLID"))
    assert sections.is_duplicated().sum() == 0
    places = tables["CC"].join(tables["SECTIONS"], left_on=pl.col("SECTIONID").abs(), right_on="ID", suffix="_OF")
    assert places.filter(pl.col("SCHOOLID") != pl.col("SCHOOLID_OF")).is_empty()
    assert places.filter(pl.col("TERMID").abs() != pl.col("TERMID_OF")).is_empty()
    assert places.filter(pl.col("SECTIONID").sign() != pl.col("TERMID").sign()).is_empty()
    seats = tables["CC"].filter(pl.col("SECTIONID") > 0).select("STUDENTID", "SECTIONID")
    assert seats.is_duplicated().sum() == 0, "somebody sits twice in a section"


def test_a_generated_district_is_sound(made: dict[str, pl.DataFrame]) -> None:
    assert_sound(made)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_village_is_as_sound_as_a_city_on_any_day(day: date) -> None:
    tables = district.tables(50, seed=3, today=day)
    assert_sound(tables)
    assert tables["STUDENTS"].filter((pl.col("ENROLL_STATUS") == 0) & (pl.col("ID") < 9_000_000)).height == 50


def test_the_next_day_is_as_sound_as_the_day_before(made: dict[str, pl.DataFrame]) -> None:
    for number in range(15, 18):
        made = tomorrow.step(made, number, 0.05, today=date(2026, 10, number))
        assert_sound(made)
    assert_sound(tomorrow.half_a_school_leaves(made, today=date(2026, 10, 18)))


def test_the_same_seed_gives_the_same_district(made: dict[str, pl.DataFrame]) -> None:
    again = district.tables(1500, today=TODAY)
    for name, frame in made.items():
        assert_frame_equal(frame, again[name])
    assert not district.tables(1500, seed=2, today=TODAY)["STUDENTS"].equals(made["STUDENTS"])


def test_a_school_is_not_known_by_the_number_of_its_row(made: dict[str, pl.DataFrame]) -> None:
    schools = made["SCHOOLS"]
    numbers = {column: set(schools[column].drop_nulls()) for column in ("DCID", "ID", "SCHOOL_NUMBER")}
    assert not numbers["DCID"] & numbers["SCHOOL_NUMBER"]
    assert not numbers["ID"] & numbers["SCHOOL_NUMBER"]


def test_every_student_has_four_numbers_that_all_differ(made: dict[str, pl.DataFrame]) -> None:
    four = made["STUDENTS"].select("DCID", "ID", "STUDENT_NUMBER", pl.col("STATE_STUDENTNUMBER").cast(pl.Int64))
    assert four.select(pl.concat_list(pl.all()).list.n_unique())["DCID"].unique().to_list() == [4]
    assert all(not column.is_duplicated().any() for column in four)


def test_a_wrong_join_finds_somebody_else_rather_than_nobody(made: dict[str, pl.DataFrame]) -> None:
    students = made["STUDENTS"]
    wrong = made["CC"].join(students, left_on="STUDENTID", right_on="DCID", how="semi")
    assert wrong.height > made["CC"].height // 2


def test_a_term_id_alone_is_no_key(made: dict[str, pl.DataFrame]) -> None:
    schools = made["SCHOOLS"].filter(pl.col("SCHOOL_NUMBER") != 999_999).height
    years = made["TERMS"].filter(pl.col("ISYEARREC") == 1).group_by("ID").len()
    assert sorted(years.rows()) == [(3500, schools), (3600, schools)]


def test_lessons_are_of_a_size_that_fits_a_room(made: dict[str, pl.DataFrame]) -> None:
    ordinary = made["SECTIONS"].filter((pl.col("ID") < 9_000_000) & (pl.col("TERMID") >= 3600))
    assert ordinary["NO_OF_STUDENTS"].max() <= 32
    assert ordinary["NO_OF_STUDENTS"].mean() > 18
    active = made["STUDENTS"].filter((pl.col("ENROLL_STATUS") == 0) & (pl.col("ID") < 9_000_000))
    places = made["CC"].filter(pl.col("STUDENTID").is_in(active["ID"].implode()) & (pl.col("TERMID").abs() >= 3600))
    assert 9 <= places.height / active.height < 10


def test_students_of_every_status_are_there(made: dict[str, pl.DataFrame]) -> None:
    assert set(made["STUDENTS"]["ENROLL_STATUS"]) == {-1, 0, 1, 2, 3, 4, 5}
    leavers = made["STUDENTS"].filter(pl.col("ENROLL_STATUS") == 2)
    places = made["CC"].filter(pl.col("STUDENTID").is_in(leavers["ID"].implode()) & (pl.col("TERMID").abs() >= 3600))
    assert places.height
    assert places["SECTIONID"].max() < 0


def test_the_old_column_lists_the_addresses_of_both_guardians(made: dict[str, pl.DataFrame]) -> None:
    listed = made["STUDENTS"]["GUARDIANEMAIL"].drop_nulls()
    assert listed.len() > made["STUDENTS"].height // 2
    assert set(listed.str.count_matches(",")) == {0, 1}


def test_some_people_work_at_several_schools_and_some_no_longer(made: dict[str, pl.DataFrame]) -> None:
    staff = made["SCHOOLSTAFF"].filter(pl.col("ID") < 9_000_000).group_by("USERS_DCID").agg(pl.len(), pl.col("STATUS").min())
    assert staff["len"].max() > 1
    assert staff["STATUS"].max() == 2


def test_a_course_of_the_district_is_at_no_school(made: dict[str, pl.DataFrame]) -> None:
    shared = made["COURSES"].filter(pl.col("SCHOOLID") == 0)
    taught = made["SECTIONS"].join(shared, on="COURSE_NUMBER").height
    assert 0.2 < taught / made["SECTIONS"].height < 0.5


def test_too_small_a_district_is_refused() -> None:
    with pytest.raises(ConfigError, match="too few"):
        district.tables(49)
