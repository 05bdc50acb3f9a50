"""The options that many commands share."""

from typing import Annotated

import typer

#: Where a command remembers, for whoever words its errors, that a script is listening.
FOR_SCRIPTS = "rollbook.json"


def _remember(context: typer.Context, given: bool) -> bool:
    context.meta[FOR_SCRIPTS] = given
    return given


Json = Annotated[bool, typer.Option("--json", help="One JSON value on standard output, and nothing else.", callback=_remember)]
District = Annotated[str | None, typer.Option("--district", metavar="NAME", help="Which district, where there are several.")]
Csv = Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write them as CSV, for a spreadsheet.")]
RunNumber = Annotated[int, typer.Argument(metavar="RUN", help="The number of the import.")]
SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="The name of the source.")]
