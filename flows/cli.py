"""The command `token-audit`."""

import io
import os
import sys

# In the order in which `--help` shows their groups.
from flows.command import audits, comparing, reading, setting_up, vocabulary
from flows.command.options import ENVIRONMENT, app

__all__ = ["ENVIRONMENT", "app", "audits", "comparing", "main", "reading", "setting_up", "vocabulary"]


def main() -> None:
    """Entry point of the command."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    code: object = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    # Prefect leaves daemon threads behind, and DuckDB prints pages about leaks if the interpreter is taken apart around
    # them.
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
