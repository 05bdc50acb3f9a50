"""The fear that two people get one username, or that the same people get other usernames on another day."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollbook.domain.usernames import LONGEST, MEANINGS, UsernameRule
from rollbook.pipeline import usernames
from rollbook.pipeline.usernames import Known

OWNED = pl.Schema({"username": pl.String, "account": pl.Int64})
ASKING = pl.Schema(
    {"person": pl.Int64, "sourced_id": pl.String, "kind": pl.String, "account": pl.Int64, "base": pl.String, "had": pl.String}
)
#: Few names, which with numbers behind them are each other's.
BASES = st.sampled_from(["a", "a2", "a22", "a2-2", "b", "a-b"])
OWNERS = st.sampled_from(["a", "a2", "a3", "a2-2", "a23", "b2", "c"])


def based(rule: str, **person: str | None) -> str | None:
    row = dict.fromkeys(("sourced_id", *usernames.COLUMNS)) | person
    return pl.DataFrame([row], schema=dict.fromkeys(row, pl.String)).select(usernames.base(UsernameRule(rule))).item()


@pytest.mark.parametrize("rule", UsernameRule)
def test_the_example_of_a_rule_is_what_the_rule_makes(rule: UsernameRule) -> None:
    zoe = {"given_name": "Zoë", "family_name": "Núñez", "identifier": "0012345", "email": "zoe.n@maple.example"}
    assert based(rule, username="ZNunez", sourced_id="u-1", **zoe) == MEANINGS[rule].example


@pytest.mark.parametrize(
    ("rule", "person", "made"),
    [
        ("source", {"username": "  Ana Lopez "}, "analopez"),
        ("source", {"username": "ana@maple.example"}, "ana"),
        ("source", {"username": "@maple"}, None),
        ("source", {"username": "..--"}, None),
        ("source", {"username": None}, None),
        ("source", {"username": "x" * 200}, "x" * LONGEST),
        ("email", {"email": ""}, None),
        ("name", {"given_name": "Łukasz", "family_name": "Æsir-Groß"}, "lukasz.aesir-gross"),
        ("name", {"given_name": "שרה", "family_name": "O'Neil"}, "oneil"),
        ("name", {"given_name": "אב", "family_name": "בן"}, None),
        ("initial", {"given_name": "Éva", "family_name": ""}, "e"),
        ("id", {"identifier": "№ 7"}, "no7"),
        ("id", {"identifier": "—", "sourced_id": "U_7"}, "u_7"),
    ],
)
def test_what_a_rule_makes_can_be_typed_or_is_nothing(rule: str, person: dict[str, str | None], made: str | None) -> None:
    assert based(rule, **person) == made


def known(owned: pl.DataFrame) -> Known:
    def exactly(names: pl.Series) -> pl.DataFrame:
        return owned.filter(pl.col("username").is_in(names.implode()))

    def numbered(stems: pl.Series) -> pl.DataFrame:
        return owned.filter(pl.col("username").str.strip_chars_end("0123456789").is_in(stems.implode()))

    return Known(exactly, numbered)


def give(bases: list[str], owned: list[str], *, had: dict[int, str] | None = None) -> dict[int, str | None]:
    """Give people, who are numbered, usernames of these bases; `had` are accounts that have one."""
    had = had or {}
    rows = [(n, f"p{n:02}", "student", n if n in had else None, base, had.get(n)) for n, base in enumerate(bases)]
    wanting = pl.DataFrame(rows, schema=ASKING, orient="row").sample(fraction=1, shuffle=True)
    there = [*((name, 100 + n) for n, name in enumerate(owned)), *((name, n) for n, name in had.items())]
    return dict(
        usernames.given(wanting, known(pl.DataFrame(there, OWNED, orient="row"))).select("person", "username").iter_rows()
    )


@settings(max_examples=200, deadline=None, database=None)
@given(bases=st.lists(BASES, max_size=12), owned=st.lists(OWNERS, unique=True))
def test_nobody_shares_a_username_and_everybody_has_one(bases: list[str], owned: list[str]) -> None:
    got = give(bases, owned)
    assert len(got) == len(bases)
    assert None not in got.values()
    assert len({*got.values(), *owned}) == len(got) + len(owned)
    for n, base in enumerate(bases):
        stem = re.escape(base) + ("-" if base[-1].isdigit() else "")
        assert got[n] == base or re.fullmatch(stem + r"([2-9]|[1-9]\d+)", got[n] or "")
    assert give(bases, owned) == got, "in whatever order they come"


def test_numbers_begin_at_two_and_leave_none_out() -> None:
    assert give(["a", "a", "a", "a"], ["a3"]) == {0: "a", 1: "a2", 2: "a4", 3: "a5"}
    assert give(["7", "7", "7"], []) == {0: "7", 1: "7-2", 2: "7-3"}
    assert give(["a", "a"], ["a"]) == {0: "a2", 1: "a3"}


def test_who_has_a_username_goes_first_and_gets_the_new_one_or_none() -> None:
    assert give(["a", "a", "b"], ["b"], had={1: "old", 2: "older"}) == {0: "a2", 1: "a", 2: None}
