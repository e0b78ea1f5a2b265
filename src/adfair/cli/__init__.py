"""The command line: parse, call, exit code. No logic lives here, and heavy imports stay inside the commands.

Exit codes: 0 done, 1 our fault, 2 the user can mend it, 3 ``--strict`` warning, 4 ``--fail-if`` held.
"""

import sys

from adfair.cli import audit, balance, data, diagnose, evaluate, model, models, posthoc, sweep
from adfair.cli.app import app, run

__all__ = ["app", "main"]

for commands in (data, balance, diagnose, model, models, evaluate, posthoc, audit, sweep):
    commands.register(app)


def main() -> None:
    """Entry point of the ``adfair`` command."""
    sys.exit(run(sys.argv[1:]))
