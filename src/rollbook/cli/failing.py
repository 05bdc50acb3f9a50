"""Turns whatever goes wrong in a command into one sentence and an exit code."""

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from rollbook.cli import paper
from rollbook.cli.options import FOR_SCRIPTS
from rollbook.domain.errors import ConfigError, RollbookError

INTERRUPTED = 130


class Commands(TyperGroup):
    """The commands; no stack trace leaves them."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except RollbookError as error:
            _tell(error, as_json=ctx.meta.get(FOR_SCRIPTS, False))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError as error:  # whoever read our output has had enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if type(error).__module__.startswith("typer."):  # wrong usage: it has words of its own
                raise
            ours = RollbookError(f"Something in Rollbook broke ({type(error).__name__}{_place(error)})")
            _tell(ours, as_json=ctx.meta.get(FOR_SCRIPTS, False))
            raise typer.Exit(ours.exit_code) from error


def _tell(error: RollbookError, *, as_json: bool) -> None:
    paper.aside(error.sentence)
    if as_json:
        fields = {"fields": error.fields} if isinstance(error, ConfigError) and error.fields else {}
        paper.dump({"error": str(error), "next_step": error.next_step, "exit_code": error.exit_code, **fields})


def _place(error: Exception) -> str:
    """Say where in our own code it was; the words of the exception may quote a row and are not repeated."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "rollbook" in Path(frame.filename).parts]
    return f" at {Path(ours[-1].filename).name} line {ours[-1].lineno}" if ours else ""
