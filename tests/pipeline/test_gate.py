"""What the gate counts, on a district of 300 students: at each limit, just below it, and below its floor."""

import json

import polars as pl
import pytest

from rollbook.actions import sources
from rollbook.domain.entities import ENROLLMENT
from rollbook.domain.errors import ConfigError, NotAllowed
from rollbook.domain.gate import DEFAULTS
from rollbook.domain.runs import Trigger
from rollbook.store.models import AuditEntry, Limit, Run
from rollbook.store.snapshots import accepted
from tests.district import Files, Grove, enrollment, minus, read, small, user, without, write

pytestmark = pytest.mark.django_db

AT_LINCOLN = 30  # of 300: the other 270 are at Maple Grove High, in 18 of the 20 classes
HIGH = [f"s-{number:04}" for number in range(AT_LINCOLN + 1, 301)]
LINCOLN = [f"s-{number:04}" for number in range(1, AT_LINCOLN + 1)]


@pytest.fixture(scope="module")
def grove(shared: Grove) -> tuple[Grove, Files]:
    run = shared.imports(300, at_lincoln=AT_LINCOLN)
    assert run.state == "applied"
    return shared, read(shared.folder)


def plan(grove: tuple[Grove, Files], files: Files) -> Run:
    """See what would become of these files; nothing is written."""
    return grove[0].sends(files, Trigger.PREVIEW)


def closed(grove: tuple[Grove, Files], files: Files) -> set[str]:
    run = plan(grove, files)
    assert run.state == "held", run.message
    return set(grove[0].closed(run))


def alter(files: Files, file: str, number: int, **values: str) -> Files:
    """Give so many rows of a file other values; `{n}` is the number of the row."""
    rows = [
        each | ({k: v.format(n=at) for k, v in values.items()} if at < number else {})
        for at, each in enumerate(reversed(files[file]))
    ]
    return files | {file: rows}


@pytest.mark.once
def test_leavers_of_one_school_are_a_share_of_that_school(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    assert closed(grove, minus(files, *HIGH[:26])) == set()  # 9.6 % of 270
    run = plan(grove, minus(files, *HIGH[:27]))
    assert set(district.closed(run)) >= {"person.vanish.student.org.share", "role.vanish.student.org.share"}
    assert "27 of 270 students of Maple Grove High would become inactive (10.0 %, limit 10 %)" in run.reasons


@pytest.mark.once
def test_below_the_floor_a_large_share_is_no_alarm(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    assert closed(grove, minus(files, *LINCOLN[:4])) == {"enrollment.vanish.student.org.share"}  # 13 % of 30, and 8 places of 60
    assert closed(grove, minus(files, *LINCOLN[:2])) == set()  # 4 places
    run = plan(grove, minus(files, *LINCOLN[:5]))
    assert "person.vanish.student.org.share" in district.closed(run)
    assert {each.scope_id for each in run.measures.filter(closed=True, scope="org")} == {"lincoln-es"}


@pytest.mark.once
def test_teachers_are_held_to_a_stricter_limit(grove: tuple[Grove, Files]) -> None:
    _, files = grove
    teachers = [each["sourcedId"] for each in files["users"] if each["role"] == "teacher" and "hs" in each["orgSourcedIds"]]
    stay = files | {"enrollments": files["enrollments"]}
    two = stay | {name: without(stay[name], *teachers[:2]) for name in ("users", "enrollments")}
    three = stay | {name: without(stay[name], *teachers[:3]) for name in ("users", "enrollments")}
    assert closed(grove, two) == set()
    assert closed(grove, three) == {f"{name}.vanish.teacher.org.share" for name in ("person", "role", "enrollment")}


def test_half_of_one_class_holds(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    here = [each for each in files["enrollments"] if each["classSourcedId"] == "c-10"]  # 30 students, one teacher
    assert len(here) == 31
    students = [each["sourcedId"] for each in here if each["role"] == "student"]
    assert closed(grove, files | {"enrollments": without(files["enrollments"], *students[:15])}) == set()
    run = plan(grove, files | {"enrollments": without(files["enrollments"], *students[:16])})
    assert district.closed(run) == ["enrollment.vanish.all.section.share"]
    assert run.reasons == ["16 of 31 places in Homeroom 10 would become inactive (51.6 %, limit 50 %)"]


def test_places_that_go_to_another_class_are_lost_to_the_one_they_leave(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    students = [each for each in files["enrollments"] if each["classSourcedId"] == "c-10" and each["role"] == "student"]

    def go(number: int, *, leave: int = 0) -> Files:
        moved = {each["sourcedId"]: each | {"classSourcedId": "c-11"} for each in students[:number]}
        left = [each["sourcedId"] for each in students[number : number + leave]]
        return files | {"enrollments": without([moved.get(each["sourcedId"], each) for each in files["enrollments"]], *left)}

    assert closed(grove, go(15)) == set()
    run = plan(grove, go(16))
    assert district.closed(run) == ["enrollment.vanish.all.section.share"], "the district and the school have lost nobody"
    assert run.reasons == ["16 of 31 places in Homeroom 10 would move elsewhere (51.6 %, limit 50 %)"]
    mixed = plan(grove, go(10, leave=6)).reasons
    assert mixed == ["16 of 31 places in Homeroom 10 would become inactive or move elsewhere (51.6 %, limit 50 %)"]


def test_classes_that_go_to_another_school_are_lost_to_the_one_they_leave(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    here = [each["sourcedId"] for each in files["classes"] if each["schoolSourcedId"] == "maple-grove-hs"]
    moved = [each | ({"schoolSourcedId": "lincoln-es"} if each["sourcedId"] in here[:5] else {}) for each in files["classes"]]
    run = plan(grove, files | {"classes": moved})
    assert district.closed(run) == ["section.vanish.all.org.share"]
    assert run.reasons == ["5 of 18 classes of Maple Grove High would move elsewhere (27.8 %, limit 10 %)"]


def test_hashes_of_an_earlier_release_that_lack_what_the_gate_counts_by_are_not_trusted(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    fewer = files | {"enrollments": files["enrollments"][:-20]}
    due = list(plan(grove, fewer).measures.order_by("key", "scope_id").values_list("key", "scope_id", "count", "of"))
    old = accepted(district.source.pk, district.source.accepted_run or 0)
    page = old.folder / "enrollment.json"
    page.write_text(json.dumps({name: value for name, value in json.loads(page.read_text()).items() if name != "beside"}))
    pl.read_parquet(old.file(ENROLLMENT)).drop("section").write_parquet(old.file(ENROLLMENT))
    assert list(plan(grove, fewer).measures.order_by("key", "scope_id").values_list("key", "scope_id", "count", "of")) == due
    assert any(key == "enrollment.vanish.all.section.share" and of for key, _, _, of in due)


@pytest.mark.once
def test_half_of_one_school_holds_whatever_they_are(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    for role in ("student", "teacher", "guardian", "staff"):
        for name in ("person", "role"):
            sources.set_limit(
                district.ada, district.source, f"{name}.vanish.{role}.org.share", percent=100.0, floor=5, count=None
            )
    try:
        everybody = len(LINCOLN) + 2
        assert "person.vanish.all.org.share" not in closed(grove, minus(files, *LINCOLN[: everybody // 2 - 1]))
        assert "person.vanish.all.org.share" in closed(grove, minus(files, *LINCOLN[: everybody // 2]))
    finally:
        Limit.objects.all().delete()


@pytest.mark.once
def test_two_hundred_people_hold_whatever_the_share(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    Limit.objects.bulk_create(
        [Limit(source=district.source, key=each.key, percent=1000.0, floor=1) for each in DEFAULTS if each.percent is not None]
    )
    try:
        assert closed(grove, minus(files, *HIGH[:199])) == set()
        run = plan(grove, minus(files, *HIGH[:200]))
        assert district.closed(run) == ["person.vanish.all.district.count"]
        assert run.reasons == ["200 people would become inactive (limit 200)"]
    finally:
        Limit.objects.all().delete()


@pytest.mark.once
def test_refused_rows_are_a_share_of_the_file_that_came(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    assert len(files["users"]) == 320
    assert closed(grove, alter(files, "users", 15, familyName="")) == set()
    run = plan(grove, alter(files, "users", 16, familyName=""))
    assert district.closed(run) == ["person.error.all.district.share"]
    assert run.reasons == ["16 of 320 rows of people would be left out as faulty (5.0 %, limit 5 %)"]


def test_the_named_kinds_are_measured_apart(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    run = plan(grove, alter(files, "users", 80, email="new{n}@maple.example"))
    assert set(district.closed(run)) == {
        "person.identity.all.district.share",
        "person.alter.all.district.share",
        "person.alter.student.district.share",
    }
    run = plan(grove, alter(files, "users", 80, givenName="New{n}"))
    assert "person.identity.all.district.share" not in district.closed(run)
    assert closed(grove, alter(files, "users", 79, username="new{n}")) == {
        "person.alter.student.district.share"
    }  # 79 of 300, of 320

    terms = [each | ({"endDate": "2027-06-19"} if each["sourcedId"] == "sy-2027" else {}) for each in files["academicSessions"]]
    assert closed(grove, files | {"academicSessions": terms}) == {"section.dates.all.district.share"}

    teaching = [
        each | ({"userSourcedId": "t-01"} if each["role"] == "teacher" else {}) for each in files["enrollments"]
    ]  # everybody is taught by one
    assert not closed(grove, files | {"enrollments": teaching})  # 18 of 20 change: below the floor of 20


def test_who_becomes_a_teacher_of_a_class_is_counted_like_one_who_comes_or_goes(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    students = [each["sourcedId"] for each in files["enrollments"] if each["role"] == "student"]

    def teach(number: int) -> Files:
        promoted = set(students[:number])
        return files | {
            "enrollments": [
                each | ({"role": "teacher"} if each["sourcedId"] in promoted else {}) for each in files["enrollments"]
            ]
        }

    key = "enrollment.teachers.teacher.district.share"
    assert key not in closed(grove, teach(19))  # below the floor
    run = plan(grove, teach(20))
    assert key in district.closed(run)
    assert "20 of 20 teachers' places in classes would come, go or change (100.0 %, limit 25 %)" in run.reasons


def test_who_comes_back_as_something_else_is_counted_as_what_they_are(district: Grove) -> None:
    files = small(9)
    district.applies(files)
    district.applies(minus(files, "p1"))
    back = files | {
        "enrollments": [each | {"role": "teacher"} if each["userSourcedId"] == "p1" else each for each in files["enrollments"]]
    }
    run = district.sends(back, Trigger.PREVIEW)
    measured = {each.key: each.count for each in run.measures.all()}
    assert measured["enrollment.appear.teacher.district.share"] == 1
    assert measured["enrollment.appear.student.district.share"] == 0
    assert measured["enrollment.teachers.teacher.district.share"] == 1


@pytest.mark.once
def test_newcomers_are_compared_with_those_who_are_here(grove: tuple[Grove, Files]) -> None:
    _, files = grove

    def more(number: int) -> Files:
        new = [user(f"n{at}", orgs="maple-grove-hs") for at in range(number)]
        return files | {
            "users": [*files["users"], *({k: each[k] for k in files["users"][0]} for each in new)],
            "enrollments": [
                *files["enrollments"],
                *(
                    {k: each[k] for k in files["enrollments"][0]}
                    for each in (enrollment("c-10", f"n{at}", school="maple-grove-hs") for at in range(number))
                ),
            ],
        }

    assert closed(grove, more(74)) == set()
    assert closed(grove, more(75)) == {"person.appear.student.district.share"}  # 75 of 300 students; of 320 people it is less


def test_every_measure_is_kept_also_when_it_passed(grove: tuple[Grove, Files]) -> None:
    _, files = grove
    run = plan(grove, minus(files, HIGH[0], LINCOLN[0]))
    kept = {(each.key, each.scope_id): each for each in run.measures.all()}

    assert {key for key, _ in kept} == {each.key for each in DEFAULTS}
    assert not any(each.closed for each in kept.values())
    high = kept["person.vanish.student.org.share", "maple-grove-hs"]
    assert (high.count, high.of, high.limit_percent, high.floor, high.scope_name) == (1, 270, 10.0, 5, "Maple Grove High")
    lincoln = kept["person.vanish.student.org.share", "lincoln-es"]
    assert (lincoln.count, lincoln.of) == (1, 30)
    whole = kept["person.vanish.all.district.count", None]
    assert (whole.count, whole.of, whole.limit_count) == (2, 320, 200)
    assert kept["person.error.all.district.share", None].of == 318
    assert kept["section.dates.all.district.share", None].of == 20


def test_somebody_with_two_roles_counts_once_in_each(district: Grove) -> None:
    files = small(9)
    files["users"] = [*files["users"], *(user(f"q{at}", orgs="s1,s2", agentSourcedIds="") for at in range(6))]
    district.applies(files)
    run = district.sends(minus(files, *(f"q{at}" for at in range(6))), Trigger.PREVIEW)
    measures = {(each.key, each.scope_id): (each.count, each.of) for each in run.measures.all()}
    assert measures["person.vanish.student.org.share", "s1"] == (6, 15)
    assert measures["person.vanish.student.org.share", "s2"] == (6, 6)
    assert measures["person.vanish.all.district.count", None] == (6, 17 + 1)
    assert measures["role.vanish.student.org.share", "s1"] == (6, 15)


@pytest.mark.once
def test_a_first_import_is_held_by_faults_alone(district: Grove) -> None:
    district.writes(300)
    run = district.runs(Trigger.PREVIEW)
    assert run.state == "held" and run.reasons == ["preview"]
    assert {each.kind for each in run.measures.all()} == {"error"}

    write(district.folder, alter(read(district.folder), "users", 20, familyName=""))
    run = district.runs()
    assert run.state == "held"
    assert district.closed(run) == [f"{name}.error.all.district.share" for name in ("person", "role", "enrollment")]


def test_a_limit_is_edited_with_its_words_and_written_down(district: Grove) -> None:
    key = "person.vanish.student.org.share"
    sources.set_limit(district.ada, district.source, key, percent=30.0, floor=5, count=None)
    entry = AuditEntry.objects.get(act="limit.changed")
    assert (entry.by, entry.detail["was"], entry.detail["now"]) == (district.ada.name, [10.0, 5, None], [30.0, 5, None])
    own = next(each for each in sources.limits(district.source) if each.key == key)
    assert (
        own.meaning
        == "Hold when 30 % or more of those active now, and at least 5, students would become inactive in any one school."
    )

    sources.set_limit(district.ada, district.source, key, percent=10.0, floor=5, count=None)
    assert not Limit.objects.exists(), "the default again is no figure of one's own"


@pytest.mark.parametrize(
    ("key", "percent", "floor", "count"),
    [
        ("person.vanish.student.org.share", 0.0, 5, None),
        ("person.vanish.student.org.share", -1.0, 5, None),
        ("person.vanish.student.org.share", float("nan"), 5, None),
        ("person.vanish.student.org.share", 100.1, 5, None),
        ("person.alter.all.district.share", 150.0, 20, None),
        ("person.appear.all.district.share", 1001.0, 20, None),
        ("person.vanish.student.org.share", 10.0, 0, None),
        ("person.vanish.student.org.share", None, 5, 3),
        ("person.vanish.all.district.count", None, 1, 0),
        ("person.vanish.all.district.count", 10.0, 1, None),
        ("person.vanish.nobody.org.share", 10.0, 5, None),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(
    district: Grove, key: str, percent: float | None, floor: int, count: int | None
) -> None:
    with pytest.raises(ConfigError):
        sources.set_limit(district.ada, district.source, key, percent=percent, floor=floor, count=count)
    assert not Limit.objects.exists() and not AuditEntry.objects.filter(act="limit.changed").exists()


def test_only_administrators_edit_limits(district: Grove) -> None:
    from dataclasses import replace

    with pytest.raises(NotAllowed):
        sources.set_limit(replace(district.ada, rights={}), district.source, DEFAULTS[0].key, percent=1.0, floor=1, count=None)


@pytest.mark.once
def test_a_raised_limit_lets_through_what_it_names_and_nothing_else(grove: tuple[Grove, Files]) -> None:
    district, files = grove
    sources.set_limit(district.ada, district.source, "person.vanish.student.org.share", percent=30.0, floor=5, count=None)
    try:
        assert closed(grove, minus(files, *HIGH[:27])) == {"role.vanish.student.org.share", "enrollment.vanish.student.org.share"}
    finally:
        Limit.objects.all().delete()
