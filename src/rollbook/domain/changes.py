"""What can become of a row: situations, and the change that follows from each."""

from enum import StrEnum


class Change(StrEnum):
    APPEAR = "appear"  # new
    ALTER = "alter"  # active, with other values
    VANISH = "vanish"  # active, and no longer sent: becomes inactive
    RETURN = "return"  # inactive, and sent again


class Situation(StrEnum):
    NEW = "new"
    SAME = "same"
    ALTERED = "altered"
    BACK = "back"
    MISSING = "missing"
    GONE = "gone"
    UNFIT = "unfit"  # has a finding of level error: the live row stays as it is


#: (in the snapshot: None, "same" values or "other" values; in the roster: None, "active" or "inactive") -> what it is.
SITUATIONS: dict[tuple[str | None, str | None], tuple[Situation, Change | None]] = {
    ("other", None): (Situation.NEW, Change.APPEAR),
    ("same", "active"): (Situation.SAME, None),
    ("other", "active"): (Situation.ALTERED, Change.ALTER),
    ("same", "inactive"): (Situation.BACK, Change.RETURN),
    ("other", "inactive"): (Situation.BACK, Change.RETURN),
    (None, "active"): (Situation.MISSING, Change.VANISH),
    (None, "inactive"): (Situation.GONE, None),
}
