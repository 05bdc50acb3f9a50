"""Commands that stay: the web with its worker, or a worker alone."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollbook.cli import paper
from rollbook.cli.start import config, prepare
from rollbook.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long a worker has to end by itself, and how long a worker that died rests before it is started again.
GRACE, REST = 10.0, 3.0


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 8000,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only the web; imports wait for a worker elsewhere.")] = False,
) -> None:
    """Serve the web and, unless told not to, one worker. Ctrl-C stops both."""
    refuse_taken(host, port)
    at_address(host, port)
    prepare()
    paper.say(f"Rollbook is at {os.environ['ROLLBOOK_PUBLIC_URL']}. Ctrl-C stops it.")
    keep_serving(host, port, worker=not no_worker)


def work(until: Annotated[int, typer.Option("--until-process-ends", hidden=True)] = 0) -> None:
    """Work: imports by the clock and those asked for, and mail."""
    stop = threading.Event()

    def told(signum: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        if not until:
            paper.aside("An import that is at work is finished first. Again, and it is put back into the queue.")

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    prepare()
    from rollbook.actions import at_once, work

    if until:
        threading.Thread(target=_watch, args=(until,), daemon=True).start()
    else:
        paper.aside("The worker waits for imports. Ctrl-C stops it.")
    try:
        work.forever(stop)
    except KeyboardInterrupt:
        at_once.put_back()


def at_address(host: str, port: int) -> None:
    """Let links in mails lead here, unless the operator has said where people find Rollbook."""
    given = config()
    shown = "127.0.0.1" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    address = given.public_url if "public_url" in given.given else f"http://{shown}:{port}"
    os.environ["ROLLBOOK_PUBLIC_URL"] = address


def keep_serving(host: str, port: int, *, worker: bool, started: Callable[[], None] | None = None) -> None:
    """Serve until told to stop.

    Needs: a prepared database, and an address that is not taken: `refuse_taken`.
    """
    from django.db import connections
    from granian import Granian
    from granian.constants import Interfaces

    # A fork would take over the locks of polars' threads, but not the threads: the first page with a table would wait for ever.
    multiprocessing.set_start_method("spawn", force=True)
    connections.close_all()
    server = Granian(
        "rollbook.server.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=4,
        respawn_failed_workers=True,
        log_enabled=False,
    )
    if started is not None:
        server.on_startup(started)
    with _worker_beside() if worker else _alone():
        server.serve()


@contextmanager
def _alone() -> "Iterator[None]":
    yield


@contextmanager
def _worker_beside() -> "Iterator[None]":
    """Keep one worker alive as long as the web is served."""
    over = threading.Event()
    command = [sys.executable, "-m", "rollbook", "work", "--until-process-ends", str(os.getpid())]
    # A session of its own: Ctrl-C reaches it through us alone, and so once.
    workers = [subprocess.Popen(command, start_new_session=True)]

    def keep() -> None:
        while not over.is_set():
            workers[-1].wait()
            if not over.wait(REST):
                workers.append(subprocess.Popen(command, start_new_session=True))

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        for tell in (subprocess.Popen.terminate, subprocess.Popen.terminate, subprocess.Popen.kill):
            tell(workers[-1])
            try:
                workers[-1].wait(GRACE)
                break
            except subprocess.TimeoutExpired:
                continue


def refuse_taken(host: str, port: int) -> None:
    """Raise ConfigError if something else listens at the address, before anything is said or made."""
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"Nothing can be served at {host} port {port}: {error.strerror}", next_step="Choose another with --port."
            ) from error


def _watch(process: int) -> None:
    """End with the process that started this one: a web server that was killed leaves no worker behind."""
    while os.getppid() == process:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
