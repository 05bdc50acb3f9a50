"""Commands about the roster itself: look at its rows, write them for others, check a package of files."""

from pathlib import Path
from typing import Annotated

import typer

from rollbook.cli import paper
from rollbook.cli.options import District, Json
from rollbook.cli.start import begin, django_without_database
from rollbook.domain.entities import BY_NAME
from rollbook.domain.words import ENTITY_WORDS

FEW = 40

OnlySource = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only that source.")]


def roster(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help=", ".join(BY_NAME))],
    source: OnlySource = None,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="active or inactive; else both.")] = None,
    district: District = None,
    as_json: Json = False,
) -> None:
    """Show rows of the roster."""
    actor = begin(district)
    from rollbook.actions import roster, streams

    batches = roster.rows(actor, entity, source=source, status=status)
    if as_json:
        paper.pour(streams.as_json(batches))
        return
    rows: list[tuple[str, ...]] = []
    total = 0
    shown = [column.name for column in BY_NAME[entity].columns if column.name != "metadata"][:6]
    for batch in batches:
        total += batch.height
        few = batch.head(FEW - len(rows)).select("source", "sourced_id", "status", *shown)
        rows += [tuple(cell or "" for cell in row) for row in few.iter_rows()]
    if not rows:
        paper.say(f"There are no {ENTITY_WORDS[entity][1]} in the roster.")
        return
    paper.table(("source", "id", "status", *(name.replace("_", " ") for name in shown)), rows)
    if total > len(rows):
        paper.say("", f"{total - len(rows):,} more. All of them, with all columns: rollbook roster {entity} --json")


def export(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="oneroster-1.2-csv or oneroster-1.1-csv")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or that of an earlier export.")],
    source: OnlySource = None,
    district: District = None,
    as_json: Json = False,
) -> None:
    """Write the active rows of a source in a format that others read."""
    actor = begin(district)
    from rollbook.actions.export import export

    chosen, written = export(actor, form, folder, source)
    if as_json:
        where = {"source": chosen.name, "format": form, "folder": str(folder.absolute())}
        paper.dump(where | {"rows": written.rows, "notes": list(written.notes)})
    else:
        paper.table(("file", "rows"), [(f"{name}.csv", f"{n:,}") for name, n in written.rows.items()], numbers=("rows",))
        paper.say("", f"The roster of {chosen.name} is written to {folder}.", *written.notes)


def lint(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder or a ZIP file.")],
    as_json: Json = False,
) -> None:
    """Check a package of OneRoster files; needs no database. Exit 5 if rows are faulty, 4 if it cannot be read."""
    django_without_database()
    from rollbook.actions import streams
    from rollbook.actions.lint import linted

    with linted(path) as found:
        if as_json:
            paper.pour(streams.as_json(found.rows()))
        else:
            paper.say(found.sentence, "")
            rows = [(ENTITY_WORDS[name][1], f"{n['read']:,}", paper.number(n["unfit"])) for name, n in found.counts.items()]
            paper.table(("", "read", "faulty"), rows, numbers=("read", "faulty"))
            _print_findings(found.gravest(FEW), sum(found.levels.values()))
        raise typer.Exit(5 if found.levels["error"] else 0)


def _print_findings(few: list[dict[str, str]], total: int) -> None:
    paper.say("")
    if not few:
        paper.say("Nothing to complain of.")
        return
    paper.table(("level", "rule", "what was found", "what to do"), [tuple(row.values()) for row in few])
    if total > len(few):
        paper.say("", f"{total:,} findings in all. All of them: --json")
