"""A package is broken in a thousand ways: nothing crashes, and nothing is written that the files do not say."""

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rollbook.domain.errors import Conflict
from rollbook.store.models import Run
from tests import oracle
from tests.district import Files, Grove, as_1_2, section, small, user, write
from tests.torture.mutations import broken

Roster = dict[str, dict[str, dict[str, str | None]]]


@pytest.fixture
def district(db: None, settings: Any, tmp_path: Path) -> Grove:
    settings.DATA_DIR = tmp_path / "kept"
    return Grove(tmp_path)


def base(version: str) -> Files:
    files = small(9)
    files["users"] += [user("x1", "administrator", "d1"), user("x2", "aide", "s1,s2"), user("g2", "guardian")]
    files["users"] = [
        each | ({"agentSourcedIds": "g2,g1", "grades": "09"} if each["sourcedId"] == "p3" else {}) for each in files["users"]
    ]
    files["classes"] += [section("k3", "s2", termSourcedIds="t1,t2", subjects="Art", subjectCodes="05", periods="1,2")]
    return as_1_2(files) if version == "1.2" else files


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_few_broken_packages(district: Grove, version: str) -> None:
    torture(district, version, 8, 20261122)


@pytest.mark.torture
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_thousand_broken_packages(district: Grove, version: str, part: int, capsys: pytest.CaptureFixture[str]) -> None:
    seed = random.SystemRandom().randrange(10**6)
    ended = torture(district, version, 125, seed)
    with capsys.disabled():
        print(f"\n125 broken packages of {version} (seed {seed}): {dict(ended)}")


def torture(district: Grove, version: str, number: int, seed: int) -> Counter[str]:
    """Send broken packages, one after the other, each over what the one before has left."""
    dice = random.Random(seed)
    sound = write(district.folder.parent / "sound", base(version))
    due = oracle.expected(base(version))
    ended: Counter[str] = Counter()
    last: Roster = {name: {} for name in district.roster()}  # what was last known of each row, also of those that have left
    for turn in range(number):
        if turn % 6 == 0:  # and from time to time the sound one, which must bring everything back
            send(district, sound)
            assert yes(district, district.runs()).state == "applied"
            roster = district.roster()
            for name, rows in due.items():
                assert {one: {k: roster[name][one][k] for k in values} for one, values in rows.items()} == rows, (
                    seed,
                    turn,
                    name,
                )
                assert set(roster[name]) == set(rows), (seed, turn, name)
        send(district, sound)
        said = broken(district.folder, random.Random(dice.random()))
        before, letters = district.roster(), district.everything()
        for name, rows in before.items():
            last[name].update(rows)
        story = (seed, turn, said)

        run = district.runs()

        assert run.exit_code != 1 and run.state in ("applied", "held", "failed"), (story, run.message)
        ended[run.state] += 1
        if run.state == "held":
            assert district.everything() == letters, story
            run = yes(district, run)
            assert run.state == "applied", (story, run.message)
        if run.state == "failed":
            assert district.everything() == letters, story
            assert run.message and run.next_step, story
        else:
            agree(district, run, before, last, story)
    return ended


def send(district: Grove, sound: Path) -> None:
    shutil.rmtree(district.folder)
    shutil.copytree(sound, district.folder)


def yes(district: Grove, run: Run) -> Run:
    try:
        return district.approves(run) if run.state == "held" else run
    except Conflict as error:  # pragma: no cover
        raise AssertionError(f"{run.message} {error}") from error


def agree(district: Grove, run: Run, before: Roster, last: Roster, story: Any) -> None:
    """Hold what was written against what anybody reads in the files."""
    reading, manifest = oracle.of_folder(district.folder)
    is_1_2 = b"oneroster.version,1.2" in manifest.replace(b'"', b"").replace(b" ", b"") if manifest else "roles" in reading
    due = oracle.told(reading, is_1_2=is_1_2)
    after = district.roster()
    errors = [each for each in district.findings(run) if each["level"] == "error"]
    unfit = {(each["entity"], each["sourced_id"]) for each in errors}
    doubtful = {each["entity"] for each in errors if each["sourced_id"] is None}
    # A role has no id of its own: a faulty one, or a faulty row of a person, may mean any role that this person has.
    named = {str(one).split("|")[0] for entity, one in unfit if entity in ("person", "role")}
    left = {(each["entity"], each["sourced_id"]) for each in errors if each["rule"] == "parent_leaves"}
    somewhere = any(each["rule"] == "administrator_somewhere" for each in errors)
    for name, rows in after.items():
        says = due.get(name)
        for one, values in rows.items():
            was = before[name].get(one)
            sent = says.get(one, []) if says is not None else []
            written = [each for each in sent if same(each, values, last[name].get(one))]
            kept = was == values and (
                says is None
                or (name, one) in unfit
                or (not sent and (doubtful & {name, "person", "role", "org"} or name == "guardianship"))
                or (not sent and name == "role" and (values["person"] in named or named - before["person"].keys()))
            )
            assert written or kept, (story, name, one, "is in the roster as", values, "was", was, "and the files say", sent)
        for one, sent in (says or {}).items():
            # What somebody in a row that does not even fit the header is to a child: 1.1 says it in the row of the person.
            unclear = name == "guardianship" and doubtful & {"person", "role"}
            # Where orgs.csv does not say what an org is, nobody can say which administrator works there.
            unclear = unclear or (somewhere and name == "role" and str(sent[0]["role"]).endswith("Administrator"))
            if len(sent) == 1 and (name, one) not in unfit and one not in rows and not unclear:
                raise AssertionError((story, name, one, "is in the files but not in the roster", sent))
        if name == "role" and says is not None:
            kept_for = {one for one in unfit - left if one[0] == "role" and one[1] not in before["role"]}
            kept_for |= set() if is_1_2 else {one for one in unfit - left if one[0] == "person"}
            people = {str(one).split("|")[0] for _, one in kept_for}
            for one in before[name].keys() - rows.keys():
                person, org = (before[name][one][column] for column in ("person", "org"))
                if person in people & after["person"].keys() and org in after["org"]:
                    raise AssertionError((story, name, one, "has left for a faulty row that may mean it"))
        for one in before[name].keys() - rows.keys():
            if says is not None and says.get(one) and (name, one) not in left | unfit:
                raise AssertionError((story, name, one, "has left although the files have it"))


def same(sent: dict[str, str | None], has: dict[str, str | None], was: dict[str, str | None] | None) -> bool:
    """Say whether a row holds what was sent, and for what was not sent what was last known of it: who returns is the same."""
    for column, value in has.items():
        if column == "metadata":
            continue
        if column not in sent:
            if value is not None and (was is None or was[column] != value):
                return False
        elif value != sent[column] and not (oracle.LOCAL.match(sent[column] or "") and oracle.real_date(value)):
            return False
    return True
