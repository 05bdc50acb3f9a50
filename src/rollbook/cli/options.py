"""The options that many commands share."""

from typing import Annotated

import typer

#: No database counts further.
NUMBERS = 2**63 - 1

Json = Annotated[bool, typer.Option("--json", help="One JSON value on standard output, and nothing else.")]
District = Annotated[str | None, typer.Option("--district", metavar="NAME", help="Which district, where there are several.")]
Csv = Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write them as CSV, for a spreadsheet.")]
RunNumber = Annotated[int, typer.Argument(max=NUMBERS, metavar="RUN", help="The number of the import.")]
SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="The name of the source.")]
