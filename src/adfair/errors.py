"""Errors that a user can mend. Every one is a ``ValueError`` whose message names the place and the remedy.

Messages carry the names of tables and folders, row numbers and column names. An image of a cohort is named by its row:
ids and file names can give a patient away, as report text and names do, and messages end up in logs and bug reports.
"""


class AdfairError(ValueError):
    """Something in the input that the user can mend; the command line exits 2 with this one line.

    Attributes:
        everywhere: whether every process of a distributed run raises it too.
    """

    everywhere = False


class DataError(AdfairError):
    """A cohort, table or image is not what it must be."""

    @classmethod
    def at(
        cls,
        what: str,
        *,
        file: object = None,
        row: int | None = None,
        column: str | None = None,
        remedy: str = "",
    ) -> "DataError":
        """Build the message ``FILE, row R, column C: WHAT. REMEDY`` (row counts data rows from 1)."""
        place = [str(file)] if file is not None else []
        place += [f"row {row}"] if row is not None else []
        place += [f"column '{column}'"] if column is not None else []
        head = ", ".join(place)
        text = f"{head}: {what}" if head else what
        return cls(f"{text}. {remedy}".rstrip() if remedy else text)


class ConfigError(AdfairError):
    """A configuration key is unknown or has a value outside its range."""


class TrainingError(AdfairError):
    """Training stopped before an update because a loss or gradient term was not finite."""


class MissingExtraError(AdfairError):
    """A command needs an optional extra that is not installed."""
