"""The arithmetic of the gate, at the limit, just below it and below its floor."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rollbook.domain.gate import DEFAULTS, OF_INCOMING, Kind, Measure, Threshold, Verdict, shown, thresholds, trips

SHARES = [each for each in DEFAULTS if each.count is None]
COUNTS = [each for each in DEFAULTS if each.count is not None]


@pytest.mark.parametrize("limit", SHARES, ids=lambda each: each.key)
def test_a_share_trips_when_it_is_reached_and_not_before(limit: Threshold) -> None:
    of = 10_000
    at = int(Fraction(str(limit.percent)) * of / 100)
    assert at >= limit.floor
    assert trips(limit, at, of)
    assert not trips(limit, at - 1, of)
    assert trips(limit, limit.floor, limit.floor) and not trips(limit, limit.floor - 1, limit.floor - 1)
    assert not trips(limit, 10_000, 0), "where nothing is, nothing can be a share of it"


@pytest.mark.parametrize("limit", COUNTS, ids=lambda each: each.key)
def test_a_count_trips_when_it_is_reached_whatever_the_share(limit: Threshold) -> None:
    assert limit.count is not None
    assert trips(limit, limit.count, 10**7) and trips(limit, limit.count, 0)
    assert not trips(limit, limit.count - 1, limit.count)


def test_the_defaults_are_those_that_are_promised() -> None:
    by = {each.key: (each.percent, each.floor, each.count) for each in DEFAULTS}
    assert len(by) == len(DEFAULTS), "a district's own figures find a limit by its key"
    for role, promised in {
        "student": (10.0, 5, None),
        "guardian": (10.0, 5, None),
        "staff": (10.0, 5, None),
        "teacher": (5.0, 3, None),
    }.items():
        assert by[f"person.vanish.{role}.org.share"] == promised
        assert by[f"role.vanish.{role}.org.share"] == promised
    for role, promised in {"student": (10.0, 5, None), "teacher": (5.0, 3, None)}.items():
        assert by[f"enrollment.vanish.{role}.org.share"] == promised
    for name in ("section", "course"):
        assert by[f"{name}.vanish.all.org.share"] == (10.0, 5, None)
    assert by["person.vanish.all.org.share"] == by["enrollment.vanish.all.section.share"] == (50.0, 5, None)
    assert by["person.vanish.all.district.count"] == (None, 1, 200)
    for name in ("org", "academic_session", "course", "section", "person", "role", "enrollment", "guardianship"):
        assert by[f"{name}.error.all.district.share"] == (5.0, 5, None)
        assert by[f"{name}.appear.all.district.share"] == by[f"{name}.alter.all.district.share"] == (25.0, 20, None)
    for named in ("section.dates.all", "enrollment.teachers.teacher", "person.identity.all"):
        assert by[f"{named}.district.share"] == (25.0, 20, None)


def test_one_of_three_does_not_trip() -> None:
    assert not trips(Threshold("person", Kind.VANISH, "teacher", "org", 5.0, 3), 2, 3)
    assert not trips(Threshold("section", Kind.VANISH, None, "org", 10.0, 5), 1, 3)


def test_two_of_eleven_is_18_percent_and_9_99_is_not_10() -> None:
    assert shown(2, 11, 10.0) == "18.2 %"
    assert shown(999, 10_000, 10.0) == "9.99 %" and shown(1_000, 10_000, 10.0) == "10.0 %"
    assert shown(0, 0, 10.0) == "0.0 %"


@given(st.integers(0, 12_000_000), st.integers(1, 12_000_000), st.sampled_from([0.5, 5.0, 10.0, 12.5, 25.0, 33.3, 50.0, 100.0]))
@example(2_999_999, 30_000_000, 10.0)
def test_rounding_never_moves_a_share_across_its_limit(count: int, of: int, limit: float) -> None:
    text = Fraction(shown(count, of, limit).removesuffix(" %"))
    assert (text >= Fraction(str(limit))) == (100 * count >= Fraction(str(limit)) * of)


@pytest.mark.parametrize(
    ("count", "of", "text"),
    [(100, 1_001, "9.99 %"), (5, 101, "4.95 %"), (90, 900, "10.0 %"), (2, 11, "18.2 %"), (1, 3_000, "0.03 %"), (0, 9, "0.0 %")],
)
def test_where_no_limit_is_named_a_whole_percent_is_an_exact_one(count: int, of: int, text: str) -> None:
    assert shown(count, of, None) == text


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(1, 50), st.sampled_from([0.1, 5.0, 10.0, 33.3]))
def test_a_share_is_compared_exactly(count: int, of: int, floor: int, percent: float) -> None:
    limit = Threshold("person", Kind.VANISH, percent=percent, floor=floor)
    due = bool(of) and count >= floor and Fraction(100 * count, of) >= Fraction(str(percent))
    assert trips(limit, count, of) == due


def test_any_limit_that_is_reached_closes_and_each_gives_its_reason() -> None:
    share = Measure(Threshold("person", Kind.VANISH, "student", "org", 10.0, 5), 12, 100, "s1", "Lincoln Elementary")
    whole = Measure(Threshold("person", Kind.VANISH, count=200), 12, 2_140)
    assert Verdict((share, whole)).closed
    assert Verdict((share, whole)).reasons == (
        "12 of 100 students of Lincoln Elementary would become inactive (12.0 %, limit 10 %)",
    )
    assert not Verdict((whole,)).closed and Verdict((whole,)).reasons == ()


def test_a_question_closes_by_itself() -> None:
    assert Verdict((), ("Is this complete?",)).closed
    assert Verdict((), ("Is this complete?",)).reasons == ("Is this complete?",)


def test_what_came_empty_closes_whatever_the_limits() -> None:
    measure = Measure(Threshold("enrollment", Kind.VANISH, percent=1000.0, floor=10**9), 3, 3, always=True)
    assert measure.closed and "3 are active" in measure.reason


@pytest.mark.parametrize("limit", DEFAULTS, ids=lambda each: each.key)
def test_every_limit_says_what_it_means_and_why_it_tripped(limit: Threshold) -> None:
    assert limit.meaning.startswith("Hold when ") and "{" not in limit.meaning
    at = Measure(limit, 1_000, 2_000, "s1" if limit.scope else None, "Lincoln" if limit.scope else None)
    assert at.closed and "1,000" in at.reason and "{" not in at.reason
    if limit.scope:
        assert "Lincoln" in at.reason
    if limit.count is None and limit.kind not in OF_INCOMING:
        assert f"limit {limit.percent:g} %" in at.reason and "2,000" in at.reason


def test_a_district_own_figures_take_the_place_of_the_default_ones_and_no_others() -> None:
    own = thresholds({"person.vanish.student.org.share": (20.0, 7, None)})
    changed = [(old, new) for old, new in zip(DEFAULTS, own, strict=True) if old != new]
    assert [(new.key, new.percent, new.floor) for _, new in changed] == [("person.vanish.student.org.share", 20.0, 7)]


def test_people_are_named_before_the_roles_and_places_that_go_with_them() -> None:
    person = Measure(Threshold("person", Kind.VANISH, "student", "org", 10.0, 5), 12, 100, "s1", "Lincoln")
    role = Measure(Threshold("role", Kind.VANISH, "student", "org", 10.0, 5), 12, 100, "s1", "Lincoln")
    other = Measure(Threshold("role", Kind.VANISH, "student", "org", 10.0, 5), 12, 100, "s2", "High")
    assert [reason.split(" of ")[2].split(" would")[0] for reason in Verdict((role, person, other)).reasons] == [
        "Lincoln",
        "High",
    ]


@pytest.mark.parametrize("limit", [each for each in DEFAULTS if each.entity == "role"], ids=lambda each: each.key)
def test_no_closed_limit_is_silent_beside_people_of_whom_something_else_is_said(limit: Threshold) -> None:
    place = ("s1", "Lincoln") if limit.scope else (None, None)
    roles = Measure(limit, 60, 100, *place)
    for other in DEFAULTS:
        if other.entity == "person" and (other.kind, other.role, other.scope) != (limit.kind, limit.role, limit.scope):
            people = Measure(other, 200, 200, *(place if other.scope else ()))
            assert people.closed and roles.reason in Verdict((people, roles)).reasons, other.key


def test_roles_are_named_beside_leavers_where_others_lose_theirs_as_well() -> None:
    person = Measure(Threshold("person", Kind.VANISH, "student", "org", 10.0, 5), 12, 100, "s1", "Lincoln")
    role = Measure(Threshold("role", Kind.VANISH, "student", "org", 10.0, 5), 50, 100, "s1", "Lincoln")
    assert Verdict((person, role)).reasons == (person.reason, role.reason)


def test_a_sentence_says_becomes_inactive_only_of_those_who_do() -> None:
    limit = Threshold("enrollment", Kind.VANISH, None, "section", 50.0, 5)
    assert "places in Homeroom would become inactive (" in Measure(limit, 6, 10, "k1", "Homeroom").reason
    assert "would become inactive or move elsewhere (" in Measure(limit, 6, 10, "k1", "Homeroom", moving=5).reason
    assert "places in Homeroom would move elsewhere (" in Measure(limit, 6, 10, "k1", "Homeroom", moving=6).reason
    assert limit.meaning.endswith("places in classes would become inactive in any one class, or move elsewhere.")
