"""``python -m adfair`` is the command line."""

from adfair.cli import main

if __name__ == "__main__":
    main()
