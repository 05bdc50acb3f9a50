"""How the command line speaks: tables and sentences for people, one JSON value for scripts."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollbook.domain.errors import ConfigError
from rollbook.lib.meanwhile import meanwhile

if TYPE_CHECKING:
    from rich.console import Console

#: So wide is a table that goes into a file or another program.
WIDE = 200


def out() -> "Console":
    """Return standard output for people."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise  # whoever calls has an end for that, the same as with JSON

    terminal = sys.stdout.isatty()
    return Plain(highlight=False, soft_wrap=not terminal, width=None if terminal else WIDE)


def say(*sentences: str) -> None:
    """Say something to people, plainly."""
    console = out()
    for sentence in sentences:
        console.print(sentence, markup=False)


def aside(sentence: str) -> None:
    """Say something beside the result, on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def dump(value: Any) -> None:
    """Print one JSON value."""
    print(json.dumps(value, ensure_ascii=False, indent=2), flush=True)


def pour(pieces: Iterable[str]) -> None:
    """Print a JSON value that comes in pieces."""
    for piece in pieces:
        sys.stdout.write(piece)
    sys.stdout.flush()


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `numbers` are set to the right."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(headings))
    for heading in headings:
        made.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    out().print(made)


@contextmanager
def patience(tell: Callable[[], str]) -> Iterator[None]:
    """Show on a terminal, once a second, how far the work is: what `tell` says, or if it says nothing, what it said before.

    `tell` is called in a thread of its own.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(tell())) as status:

        def look() -> None:
            if sentence := tell():
                status.update(Text(sentence))

        with meanwhile(look, every=1):
            yield


def save(pieces: Iterable[bytes], path: str) -> None:
    """Write what comes in pieces to a file; "-" is standard output. Raises ConfigError if it cannot be written."""
    if path == "-":
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return
    try:
        with Path(path).open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise ConfigError(fields={"--csv": f"{path} cannot be written: {error.strerror}"}) from error
    aside(f"Written to {path}.")


def number(value: int) -> str:
    """Write a number for people; nothing for none."""
    return f"{value:,}" if value else "–"


def local(moment: Any) -> str:
    """Write a moment as the clock on the wall shows it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def ask(question: str, *, default: str = "", secret: bool = False) -> str:
    """Ask a person at the terminal."""
    import typer

    answer: str = typer.prompt(question, default=default or None, hide_input=secret, confirmation_prompt=secret, err=True)
    return answer
