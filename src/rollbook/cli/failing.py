"""Turns whatever goes wrong in a command into one sentence and an exit code."""

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from rollbook.cli import paper
from rollbook.domain.errors import ConfigError, RollbookError

INTERRUPTED = 130

#: Where the words of a command are kept, as they were typed.
TYPED = "rollbook.typed"
#: Commands that have nothing to do with a roster, so that nobody need be told that it is as it was.
WITHOUT_ROSTER = ("lint", "sandbox")


class Commands(TyperGroup):
    """The commands; no stack trace leaves them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[TYPED] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        typed = ctx.meta[TYPED]
        as_json = "--json" in typed  # read here: a word that is wrong stops the parser before it comes to this one
        try:
            _refuse_unusable(typed)
            return super().invoke(ctx)
        except RollbookError as error:
            if typed[0] in WITHOUT_ROSTER:
                own = vars(error).get("next_step", "Correct that, then try again.")
                error.left_alone, error.next_step = "", own.replace("run the import again", "try again")
            _tell(error, as_json=as_json)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            if as_json:
                _dump("Stopped by Ctrl-C", "Try again.", INTERRUPTED)
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError as error:  # whoever read our output has had enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if type(error).__module__.startswith("typer."):  # wrong usage: it has words of its own
                if as_json:
                    wrong: Any = error
                    _dump(wrong.format_message(), "See: rollbook --help", ConfigError.exit_code)
                raise
            told = _beneath(error) or RollbookError(f"Something in Rollbook broke ({type(error).__name__}{_place(error)})")
            told.left_alone = ""  # nobody has looked
            if typed[0] in WITHOUT_ROSTER:
                told.next_step = told.next_step.replace(" with the number of the import", "")
            _tell(told, as_json=as_json)
            raise typer.Exit(told.exit_code) from error


def _refuse_unusable(typed: tuple[str, ...]) -> None:
    """Refuse words that no file and no database can have as a name: often a variable of a script that holds nothing."""
    for word in typed:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"{word!a} is not text in UTF-8", next_step="Look at what was typed.") from error
    if "" in typed:
        raise ConfigError("One of the words of this command is empty", next_step="Look at what was typed.")


def _beneath(error: Exception) -> RollbookError | None:
    from rollbook.store import trouble

    return trouble.beneath(error)


def _tell(error: RollbookError, *, as_json: bool) -> None:
    paper.aside(error.sentence)
    if as_json:
        fields = {"fields": error.fields} if isinstance(error, ConfigError) and error.fields else {}
        _dump(str(error), error.next_step, error.exit_code, **fields)


def _dump(what: str, next_step: str, exit_code: int, **more: Any) -> None:
    paper.dump({"error": what, "next_step": next_step, "exit_code": exit_code, **more})


def _place(error: Exception) -> str:
    """Say where in our own code it was; the words of the exception may quote a row and are not repeated."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "rollbook" in Path(frame.filename).parts]
    return f" at {Path(ours[-1].filename).name} line {ours[-1].lineno}" if ours else ""
