"""Tells Django where the models are, and what a process does last."""

import atexit
import gc

from django.apps import AppConfig
from django.db import connections


class StoreConfig(AppConfig):
    name = "rollbook.store"
    label = "store"

    def ready(self) -> None:
        atexit.register(_ends)


def _ends() -> None:
    """Close the databases, so that SQLite leaves one file behind and not three; then end at once.

    Python would search all that a process holds for what it could let go, though the operating system takes everything a moment
    later. What is frozen is not searched: a seventh of a second less for every command.
    """
    connections.close_all()
    gc.freeze()
