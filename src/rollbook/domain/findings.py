"""What a finding is: one rule, broken by one row, or a form that we forgave and counted."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    NOTE = "note"  # repaired or forgiven, and counted
    WARNING = "warning"  # kept as it is; somebody should look
    ERROR = "error"  # this row is left out; its live row stays as it was


#: The columns of findings, wherever they are rows: in what a connector gives, in the run's folder, in CSV and JSON.
#: `count` is how many rows one finding stands for: 1, but for notes, which are counted and name the first row.
FINDING = ("entity", "level", "rule", "file", "line", "field", "sourced_id", "message", "remedy", "count")


@dataclass(frozen=True)
class Rule:
    """One rule of the catalogue: its name, how grave it is, and the words for people."""

    name: str
    level: Level
    text: str
    remedy: str
