"""Commands that write invented districts, and simulate the systems that they come from, to try things out with."""

import json
import signal
import threading
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollbook.cli import paper
from rollbook.cli.options import Json
from rollbook.domain.errors import ConfigError
from rollbook.sandbox.powerschool.faults import FAULTS, spelled

if TYPE_CHECKING:
    from rollbook.sandbox.district import Summary

sandbox = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Write invented districts, or simulate a school system.")

#: No district has more, and few machines have the memory for them.
MOST = 5_000_000

New = Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or one that the sandbox wrote before.")]
Old = Annotated[Path, typer.Argument(metavar="DIR", help="A district that was written before.")]
Students = Annotated[int, typer.Option("--students", max=MOST, metavar="N", help="How many students.")]
Next = Annotated[Path, typer.Argument(metavar="DIR2", help="A new folder, or one that the sandbox wrote before.")]


@sandbox.command()
def district(
    folder: New,
    students: Students,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Another seed, another district.")] = 0,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="Or oneroster-1.2-csv.")] = "oneroster-1.1-csv",
    faults: Annotated[bool, typer.Option("--faults", help="Plant faults, and say which.")] = False,
    as_json: Json = False,
) -> None:
    """Write an invented district."""
    from rollbook.sandbox.district import write_district

    _print(folder, write_district(folder, students=students, seed=seed, form=form, faults=faults), as_json)


@sandbox.command("next-day")
def next_day(
    folder: Old,
    new: Next,
    rate: Annotated[float, typer.Option("--rate", help="Share of the students that change, leave or come.")] = 0.01,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Another seed, other students.")] = 1,
    as_json: Json = False,
) -> None:
    """Write what a district sends on the next day."""
    from rollbook.sandbox.district import write_next_day

    _print(new, write_next_day(folder, new, rate=rate, seed=seed), as_json)


@sandbox.command()
def without(
    folder: Old,
    new: Next,
    school: Annotated[str | None, typer.Option("--school", help="Id or name; else the largest elementary school.")] = None,
    share: Annotated[float, typer.Option("--share", help="How many of its students are lost, 0 to 1.")] = 0.5,
    as_json: Json = False,
) -> None:
    """Write a district as if its source had lost students of one school: what an import should be held for."""
    from rollbook.sandbox.district import write_without

    _print(new, write_without(folder, new, school=school, share=share), as_json)


@sandbox.command(short_help="Simulate a PowerSchool, until Ctrl-C.")
def powerschool(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 takes a free one.")],
    students: Students = 200,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Another seed, another district.")] = 1,
    ready: Annotated[bool, typer.Option("--ready", help="Start with plugins installed, enabled and granted.")] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="NAME[:AFTER[:TIMES]]",
            help=f"Let something go wrong, after so many requests, so often: {', '.join(FAULTS)}. May be given again.",
        ),
    ] = None,
) -> None:
    """Simulate a PowerSchool with an invented district, on this machine only. Ctrl-C stops it.

    The first line is one JSON object with what a client needs. In a browser, the address shows the admin's pages.
    """
    from rollbook.actions import plugin
    from rollbook.sandbox.powerschool.server import PowerSchool

    wanted = [_fault(text) for text in fault or ()]
    try:
        simulated = PowerSchool.of(students, seed=seed, port=port)
    except OSError as error:
        raise ConfigError(fields={"--port": f"port {port} cannot be listened at: {error.strerror}"}) from error
    if ready:
        simulated.ready(plugin.package(guardians=True))  # its queries are there then, and whoever may read every table can ask
        simulated.ready()
    for name, after, times in wanted:
        simulated.faults.on(name, after=after, times=times)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with simulated:
        keys = {"client_id": simulated.client_id, "client_secret": simulated.client_secret} if ready else {}
        print(json.dumps({"url": simulated.url, **keys}), flush=True)
        stopped.wait()


def _fault(text: str) -> tuple[str, int, int | None]:
    try:
        return spelled(text)
    except ValueError as error:
        raise ConfigError(fields={"--fault": f"'{text}' is none of {', '.join(FAULTS)}"}) from error


def _print(folder: Path, written: "Summary", as_json: bool) -> None:
    if as_json:
        paper.dump({"folder": str(folder.absolute()), **asdict(written)})
        return
    changed = written.changes
    headings = ("file", "rows", *(("new", "changed", "gone") if changed else ()))
    rows = [
        (f"{name}.csv", f"{n:,}", *(paper.number(c) for each in [changed.get(name)] if each for c in astuple(each)))
        for name, n in written.rows.items()
    ]
    paper.table(headings, rows, numbers=headings[1:])
    if written.faults:
        paper.say("", "Planted faults:")
        paper.table(("level", "fault", "file", "what it means"), [(f.level, f.kind, f.file, f.means) for f in written.faults])
    paper.say("", f"Written to {folder}.")
