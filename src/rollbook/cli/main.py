"""The command line: every command of Rollbook, by its name."""

import typer

from rollbook.cli import demo, install, roster, runs, sandbox, server, sources
from rollbook.cli.failing import Commands

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Rollbook takes rosters from school systems: import, see what would change, decide, apply, undo.",
)

for command in (
    demo.demo,
    install.init,
    server.serve,
    server.work,
    sources.sources,
    sources.probe,
    runs.plan,
    runs.run,
    runs.runs,
    runs.show,
    runs.changes,
    runs.findings,
    runs.approve,
    runs.reject,
    runs.undo,
    roster.roster,
    roster.export,
    roster.lint,
    install.settings,
):
    app.command()(command)
app.add_typer(sources.source, name="source")
app.add_typer(sandbox.sandbox, name="sandbox")


def main() -> None:
    """Run one command."""
    app(prog_name="rollbook")
