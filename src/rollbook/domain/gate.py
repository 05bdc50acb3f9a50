"""The arithmetic of the gate: counts in, verdict out. No database, no clock, no settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from rollbook.domain.words import COUNTED, KINDS_OF_PEOPLE, WOULD, counted


class Kind(StrEnum):
    """What a measure counts."""

    VANISH = "vanish"  # active rows that would become inactive; of one school or class, also those that would move elsewhere
    APPEAR = "appear"  # rows that are new, or come back
    ALTER = "alter"  # active rows that would get other values
    ERROR = "error"  # incoming rows that were left out
    DATES = "dates"  # classes whose dates would move
    TEACHERS = "teachers"  # teachers of classes who would come, go or change
    IDENTITY = "identity"  # people whose username or email would change


#: Kinds that are shares of what comes in; all others are shares of what is active now.
OF_INCOMING = frozenset({Kind.ERROR})

#: Kinds of which there may be more than all that are active now: of 10 students 15 may be new.
BEYOND_ALL = frozenset({Kind.APPEAR, Kind.TEACHERS})

#: What can go from one school or class to another and stay itself. People do so with their roles, and each role is at one school.
MOVES = frozenset({"enrollment", "section", "course"})

#: What they do.
ELSEWHERE = "move elsewhere"


@dataclass(frozen=True)
class Threshold:
    """One limit: a share with a floor, or an absolute count.

    Units: `percent` is 0 to 100. It trips when the share reaches it and the count reaches `floor`; with `count`, when the
        count alone reaches that. `scope` is "org" or "section" when every school or class is judged by itself.
    """

    entity: str
    kind: Kind
    role: str | None = None
    scope: str | None = None
    percent: float | None = None
    floor: int = 1
    count: int | None = None

    @property
    def key(self) -> str:
        """Name the limit, so that a district's own figures find it again."""
        limit = "count" if self.count is not None else "share"
        return ".".join((self.entity, self.kind, self.role or "all", self.scope or "district", limit))

    @property
    def faults(self) -> dict[str, str]:
        """Say of each figure that makes no sense what to write: a share that nothing can reach would hold nothing."""
        found = {}
        most = 1000 if self.kind in BEYOND_ALL else 100
        if self.percent is not None and not 0 < self.percent <= most:
            found["percent"] = f"Write more than 0 and at most {most:,}"
        if self.floor < 1:
            found["floor"] = "Write 1 or more"
        if self.count is not None and self.count < 1:
            found["count"] = "Write 1 or more"
        return found

    @property
    def figures(self) -> str:
        """Write its figures alone: 10 %, at least 5."""
        return f"{self.count:,}" if self.count is not None else f"{self.percent:g} %, at least {self.floor:,}"

    @property
    def meaning(self) -> str:
        """Say in words when it trips."""
        what = WOULD[self.kind].format(what=COUNTED[self.entity, self.role][1])
        where = {"org": " in any one school", "section": " in any one class", None: ""}[self.scope]
        if self.scope and self.entity in MOVES:
            where += f", or {ELSEWHERE}"
        if self.count is not None:
            return f"Hold when {self.count:,} or more {what}{where}."
        of = "rows of the file" if self.kind in OF_INCOMING else "those active now"
        return f"Hold when {self.percent:g} % or more of {of}, and at least {self.floor:,}, {what}{where}."


@dataclass(frozen=True)
class Measure:
    """One count held against one limit. Kept, also when it passed."""

    threshold: Threshold
    count: int
    of: int
    scope_id: str | None = None
    scope_name: str | None = None
    always: bool = False  # an offered entity that came empty: no limit can let that pass
    moving: int = 0  # so many of the count stay, elsewhere

    @property
    def closed(self) -> bool:
        return self.always or trips(self.threshold, self.count, self.of)

    @property
    def percent(self) -> float:
        """Return the share in percent, 0 where there is nothing to be a share of."""
        return 100 * self.count / self.of if self.of else 0.0

    @property
    def reason(self) -> str:
        """Say what was counted, of how many, and what the limit is."""
        t = self.threshold
        place = f" of {self.scope_name or self.scope_id}" if self.scope_id else ""
        if self.always:
            return f"The source sent no {COUNTED[t.entity, None][1]} at all, and {self.of:,} are active"
        one, many = COUNTED[t.entity, t.role]
        if t.scope == "section" and self.scope_id:
            one, many, place = "place", "places", f" in {self.scope_name or self.scope_id}"
        if t.kind in OF_INCOMING:
            return (
                f"{self.count:,} of {self.of:,} rows of {many} would be left out as faulty ({self.shown}, limit {t.percent:g} %)"
            )
        does = WOULD[t.kind].format(what="").strip()
        if self.moving:
            does = f"would {ELSEWHERE}" if self.moving == self.count else f"{does} or {ELSEWHERE}"
        if t.count is not None:
            return f"{counted(self.count, one, many)}{place} {does} (limit {t.count:,})"
        if t.kind is Kind.APPEAR:  # not a part of those who are here: a comparison with them
            beside = f"against {self.of:,} active now ({self.shown}, limit {t.percent:g} %)"
            return f"{counted(self.count, one, many)}{place} {does}, {beside}"
        return f"{self.count:,} of {self.of:,} {many}{place} {does} ({self.shown}, limit {t.percent:g} %)"

    @property
    def shown(self) -> str:
        """Write the share so that rounding never moves it across the limit: 9.99 % under a limit of 10 % stays 9.99 %."""
        return shown(self.count, self.of, self.threshold.percent)


@dataclass(frozen=True)
class Verdict:
    """All measures, and the questions that only a person can answer."""

    measures: tuple[Measure, ...]
    questions: tuple[str, ...] = ()

    @property
    def closed(self) -> bool:
        return bool(self.questions) or any(measure.closed for measure in self.measures)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Say why it is closed, gravest first; one sentence a cause.

        People who leave a school take their roles there with them: where the people are named, their roles are not named
        again, unless others lose theirs as well.
        """
        closed = [measure for measure in self.measures if measure.closed]
        people = {_leavers(m) for m in closed if m.threshold.entity == "person"} - {None}
        said = [m for m in closed if not (m.threshold.entity == "role" and _leavers(m) in people)]
        said.sort(key=lambda m: (not m.always, ORDER.index(m.threshold.kind), _grave(m), -m.percent, -m.count))
        classes = [m for m in said if m.threshold.scope == "section"]
        sentences = [m.reason for m in said if m not in classes] + [m.reason for m in classes[:FEW]]
        if len(classes) > FEW:
            sentences.append(f"{counted(len(classes) - FEW, 'more class', 'more classes')} {AS_MUCH}")
        return tuple(dict.fromkeys([*self.questions, *sentences]))


#: How the sentence about the classes that are not named one by one ends.
AS_MUCH = "would lose as much"

#: So many classes are named one by one; the others are counted.
FEW = 3

ORDER = (Kind.VANISH, Kind.ERROR, Kind.TEACHERS, Kind.IDENTITY, Kind.DATES, Kind.ALTER, Kind.APPEAR)


def _leavers(measure: Measure) -> tuple[str | None, str | None, int, bool] | None:
    """Tell leavers from others: as many of one kind leave one place."""
    t = measure.threshold
    return (t.role, measure.scope_id, measure.count, measure.always) if t.kind is Kind.VANISH else None


def _grave(measure: Measure) -> int:
    """Rank what is counted: people first, then what they are in."""
    order = ("person", "section", "role", "enrollment")
    return order.index(measure.threshold.entity) if measure.threshold.entity in order else len(order)


def trips(threshold: Threshold, count: int, of: int) -> bool:
    """Say whether a count reaches its limit: equal is enough, and rounding has no say in it."""
    if threshold.count is not None:
        return count >= threshold.count
    if threshold.percent is None or not of or count < threshold.floor:
        return False
    return reaches(count, of, threshold.percent)


def reaches(count: int, of: int, percent: float) -> bool:
    """Say whether a count is at least so many percent of another, in whole numbers; a limit has at most three decimals."""
    return count * 100_000 >= round(percent * 1000) * of


def shown(count: int, of: int, limit: float | None) -> str:
    """Write a share in percent with as many decimals as it takes to stay on its side of the limit.

    Where there is no limit, or many, whole percents are what most limits are: only an exact one is written as such.
    """
    share = 100 * count / of if of else 0.0
    text = f"{share:.1f}"
    for decimals in range(2, 13):
        if _fair(float(text), count, of, limit):
            break
        text = f"{share:.{decimals}f}"
    return f"{text} %"


def _fair(share: float, count: int, of: int, limit: float | None) -> bool:
    """Say whether a rounded share makes nobody believe in a limit that was not reached."""
    if limit is None:
        return bool(share % 1) or share * of == 100 * count
    return (share >= limit) == (bool(of) and reaches(count, of, limit))


def _defaults() -> Iterable[Threshold]:
    gone = Kind.VANISH
    for entity in ("person", "role", "enrollment"):
        for role in KINDS_OF_PEOPLE if entity != "enrollment" else ("student", "teacher"):
            percent, floor = (5.0, 3) if role == "teacher" else (10.0, 5)
            yield Threshold(entity, gone, role, "org", percent, floor)
    for entity in ("section", "course"):
        yield Threshold(entity, gone, None, "org", 10.0, 5)
    yield Threshold("person", gone, None, "org", 50.0, 5)
    yield Threshold("enrollment", gone, None, "section", 50.0, 5)
    yield Threshold("person", gone, None, None, count=200)
    for entity in ("org", "academic_session", "guardianship"):
        yield Threshold(entity, gone, None, None, 10.0, 5)
    for entity in ("org", "academic_session", "course", "section", "person", "role", "enrollment", "guardianship"):
        yield Threshold(entity, Kind.ERROR, None, None, 5.0, 5)
        for kind in (Kind.APPEAR, Kind.ALTER):
            yield Threshold(entity, kind, None, None, 25.0, 20)
    for entity in ("person", "enrollment"):
        for role in ("student", "teacher"):
            for kind in (Kind.APPEAR, Kind.ALTER):
                yield Threshold(entity, kind, role, None, 25.0, 20)
    yield Threshold("section", Kind.DATES, None, None, 25.0, 20)
    yield Threshold("enrollment", Kind.TEACHERS, "teacher", None, 25.0, 20)
    yield Threshold("person", Kind.IDENTITY, None, None, 25.0, 20)


#: What holds an import unless a district says otherwise.
DEFAULTS: tuple[Threshold, ...] = tuple(_defaults())


def thresholds(own: Mapping[str, tuple[float | None, int, int | None]]) -> tuple[Threshold, ...]:
    """Return the limits in force: the defaults, with a district's own (percent, floor, count) in place of those it names."""
    return tuple(
        replace(each, percent=own[each.key][0], floor=own[each.key][1], count=own[each.key][2]) if each.key in own else each
        for each in DEFAULTS
    )
