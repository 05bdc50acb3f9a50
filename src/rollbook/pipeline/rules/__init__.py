"""The catalogue of rules: one function a rule, whose docstring is its text on screens and in the docs."""

from rollbook.pipeline.rules import by_hand, classes, identity, people, rows
from rollbook.pipeline.rules.rule import CATALOGUE, Judge

__all__ = ["CATALOGUE", "Judge", "by_hand", "classes", "identity", "people", "rows"]
