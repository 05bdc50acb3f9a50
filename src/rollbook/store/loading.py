"""Many rows into one table: its indexes are made after them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

#: From how many rows on that is worth it: it is about half the work.
WORTH_REBUILDING = 20_000


@contextmanager
def indexes_afterwards(model: type[models.Model], expected: int, *, beside: int = 0) -> Iterator[None]:
    """Take the indexes of a table away while many rows come in, and make them again, in the same transaction.

    Only where the table holds no more than `beside` rows: until the end of the transaction nobody else can read it.
    """
    objects: Any = model._default_manager
    if expected < WORTH_REBUILDING or len(objects.values_list("pk")[: beside + 1]) > beside:
        yield
        return
    editor = connection.schema_editor(atomic=False)
    editor.deferred_sql = []
    for index in model._meta.indexes:
        editor.remove_index(model, index)
    for constraint in model._meta.constraints:
        editor.remove_constraint(model, constraint)
    yield
    for constraint in model._meta.constraints:
        editor.add_constraint(model, constraint)
    for index in model._meta.indexes:
        editor.add_index(model, index)
    for statement in editor.deferred_sql:
        editor.execute(statement)
