"""The command line: one file per command, which imports what it needs only once it is asked for."""

import sys

import typer

from ionsieve.pipeline import INTERRUPTED, STOPPED
from ionsieve.pipeline.commands.evaluate import evaluate
from ionsieve.pipeline.commands.interface import interface
from ionsieve.pipeline.commands.percolation import percolation
from ionsieve.pipeline.commands.precursors import precursors
from ionsieve.pipeline.commands.predict import predict
from ionsieve.pipeline.commands.screen import screen
from ionsieve.pipeline.commands.window import window

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
for command in (window, interface, predict, percolation, evaluate, precursors, screen):
    app.command()(command)


def main() -> None:
    """Run the command line; an input error is a message and exit code 1, never a traceback."""
    try:
        app(standalone_mode=True)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            print(f"\n{STOPPED}", file=sys.stderr)
        raise
    except ValueError as error:
        from ionsieve.pipeline.tables import InputError  # brings pandas, which --help need not wait for

        if not isinstance(error, InputError):
            raise
        sys.exit(f"{error}")
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror or error}.")


if __name__ == "__main__":
    main()
