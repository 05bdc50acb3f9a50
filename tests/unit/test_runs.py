"""The states of a run: every one is reached, every way ends, and only one of them has written."""

from itertools import product

import pytest

from rollbook.domain.errors import IllegalTransition
from rollbook.domain.runs import ENDED, TRANSITIONS, RunState, event


def test_every_state_is_reached_from_the_first() -> None:
    reached = {RunState.QUEUED}
    while more := {new for old, new in TRANSITIONS if old in reached} - reached:
        reached |= more
    assert reached == set(RunState)


def test_every_way_ends() -> None:
    ends = set(ENDED)
    while more := {old for old, new in TRANSITIONS if new in ends} - ends:
        ends |= more
    assert ends == set(RunState)
    assert set(ENDED) == {RunState.APPLIED, RunState.REJECTED, RunState.SUPERSEDED, RunState.FAILED}


def test_the_roster_is_written_on_one_arrow_only() -> None:
    assert [old for old, new in TRANSITIONS if new is RunState.APPLIED] == [RunState.WORKING]


@pytest.mark.parametrize(("old", "new"), [pair for pair in product(RunState, RunState) if pair not in TRANSITIONS])
def test_an_arrow_that_is_not_in_the_table_is_illegal(old: RunState, new: RunState) -> None:
    with pytest.raises(IllegalTransition):
        event(old, new)
