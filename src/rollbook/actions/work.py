"""The worker: queues what is due, takes what is queued, sends what is to be sent, and picks up what the dead have left."""

import logging
import threading
from datetime import timedelta

from django.db import OperationalError, close_old_connections

from rollbook.actions import letters, notices, runs, sessions, viewing
from rollbook.domain.errors import Conflict
from rollbook.lib import clock
from rollbook.store import failures

log = logging.getLogger(__name__)

#: How long an idle worker rests.
REST = 1.0
PRUNE_EVERY = timedelta(hours=1)


def once() -> bool:
    """Do one round; say whether there was an import to work on."""
    runs.sweep()
    runs.due()
    notices.send()
    letters.send()
    viewing.end_late()
    run = runs.next_run()
    if run is None:
        return False
    try:
        runs.perform(run, patient=True)
    except Conflict:
        return False  # another worker was faster
    notices.send()
    return True


def forever(stop: threading.Event) -> None:
    """Work until told to stop."""
    pruned = None
    while not stop.is_set():
        try:
            busy = once()
            if pruned is None or clock.now() - pruned > PRUNE_EVERY:
                runs.prune()
                sessions.clear()
                failures.clear()
                pruned = clock.now()
        except OperationalError as error:  # the database is away for a moment; runs are safe where they are
            log.warning("the database does not answer: %s", type(error).__name__)
            busy = False
        close_old_connections()
        if not busy:
            stop.wait(REST)
