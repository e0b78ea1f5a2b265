"""The typer application and the one place where an exception becomes an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from adfair import __version__
from adfair.errors import AdfairError

# Newer typer carries its own copy of click; its public BadParameter leads to the base class of either.
_ClickException: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="adfair",
    help="Train and audit chest X-ray vision-language models that serve every patient group equally well.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"adfair {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code (2 for what the user can mend, 1 for our own faults)."""
    try:
        # Outside standalone mode click hands back the code of typer.Exit instead of leaving the process.
        code = app(args=list(arguments), standalone_mode=False)
        return code if isinstance(code, int) else 0
    except _ClickException as error:
        error.show()
        return 2
    except (typer.Abort, KeyboardInterrupt) as stop:
        print(str(stop) or "stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone ('adfair ... | head'); nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except AdfairError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        # A traceback can quote patient data (a row, a report), so it is shown only when asked for.
        if os.environ.get("ADFAIR_DEBUG"):
            raise
        place = type(error).__name__
        print(f"internal error ({place}); run again with ADFAIR_DEBUG=1 for the traceback", file=sys.stderr)
        return 1
