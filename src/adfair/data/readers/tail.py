"""The steps that turn found rows into a manifest; each that drops rows is a line of the exclusion flow."""

import pandas as pd

from adfair.data.readers.cells import parse_ages
from adfair.data.readers.faults import Fault, without_faults
from adfair.data.readers.groups import LEFT_OUT, view_text
from adfair.data.readers.image_files import hash_files, search_files
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.people import Grouped
from adfair.data.readers.report import Flow
from adfair.data.readers.reports import chosen_text, scrubbed_text
from adfair.data.readers.source import Found
from adfair.data.schema import CORE_COLUMNS, MAX_AGE
from adfair.data.split import split_patients, stratum_columns
from adfair.data.text import label_reports
from adfair.data.validate import LABELS
from adfair.errors import ConfigError, DataError

FRONTAL = ("AP", "PA", "frontal")
_CELLS = {"1.0": "1", "0.0": "0", "-1.0": "-1"}
_USUAL = ("train", "val", "test")

BECOMES = {"keep": "-1", "ones": "1", "zeros": "0", "ignore": ""}
"""What an uncertain label becomes under each policy, as a manifest writes it."""


class Tail:
    """The rows on their way; the steps are called once each, in the order of ``finish``.

    Attributes:
        rows: what is left, with the index of the source.
        flow: rows and patients after each rule.
        notes: what a user must know.
    """

    def __init__(self, found: Found, options: ReadOptions) -> None:
        self.found, self.options = found, options
        absent = {name: "" for name in CORE_COLUMNS if name not in found.rows}
        self.rows = found.rows.assign(**absent)
        self.attributes: list[str] = []
        self.flow, self.notes = Flow(list(found.flow.steps)), list(found.notes)
        if not self.flow.steps:
            self.flow.add("rows of the source", self.rows, self._patients)

    @property
    def _patients(self) -> pd.Series:
        return self.found.rows["patient_id"]

    def _keep(self, kept: pd.Series, rule: str, *, always: bool = False) -> None:
        """Drop rows by a rule, which becomes a line of the flow where it dropped any."""
        if kept.all() and not always:
            return
        self.rows = self.rows[kept]
        self.flow.add(rule, self.rows, self._patients)
        if self.rows.empty:
            raise DataError.at(
                f"no row is left after '{rule}'", file=self.found.file, remedy="Look at --set."
            )

    def skip_faults(self) -> None:
        """Refuse or skip rows whose ids, labels or ages are no such thing; set ages to years."""
        rows, options = self.rows, self.options
        ages, invalid = parse_ages(rows["age"])
        self.rows = rows = rows.assign(age=ages)
        faults = [
            Fault(
                rows[name].eq(""),
                "the cell is empty, or no id can be read from it",
                name,
                "Every image needs one.",
            )
            for name in ("image_id", "patient_id")
        ]
        twice = rows["image_id"].duplicated()
        faults += [Fault(twice, "this image is listed in an earlier row", "image_id", "Remove one.")]
        # Else one examination could lie in two splits, under two names.
        owner = rows.groupby("study_id")["patient_id"].transform("first")
        shared = rows["study_id"].ne("") & rows["patient_id"].ne(owner)
        what = "the study belongs to another patient in an earlier row"
        faults += [Fault(shared, what, "study_id", "Correct study or patient.")]
        faults += [
            Fault(
                ~rows[name].isin(list(LABELS)), "the cell is no label", name, "Labels are 1, 0, -1 or empty."
            )
            for name in self.found.findings
        ]
        if options.invalid_age == "refuse":
            what = f"not an age from 0 to {MAX_AGE:.0f} years"
            faults += [Fault(invalid, what, "age", "Correct it, or choose --set invalid_age=unknown.")]
        elif invalid.any():
            self.notes.append(f"{int(invalid.sum()):,} ages were none and are set to unknown.")
        self._without(faults)

    def _without(self, faults: list[Fault]) -> None:
        self.rows = without_faults(
            self.rows,
            faults,
            max_bad=self.options.max_bad,
            file=self.found.file,
            flow=self.flow,
            patients=self._patients,
        )

    def keep_views(self) -> None:
        """Map raw views and keep the rows that ``views`` asks for."""
        if "raw:view" in self.rows:
            self.rows = self.rows.assign(view=view_text(self.rows["raw:view"], options=self.options))
        if self.options.views == "all":
            return
        kept = FRONTAL if self.options.views == "frontal" else (self.options.views,)
        self._keep(self.rows["view"].isin(kept), f"the view is {' or '.join(kept)}")

    def find_files(self) -> None:
        """Refuse, skip or drop rows whose file is outside the image folder or not there."""
        search = search_files(
            self.found.image_root, self.rows["image_path"], known=self.found.rows["image_path"]
        )
        missing = Fault(
            search.missing,
            "no such image file",
            "image_path",
            f"Expected below {self.found.image_root}; --set missing=drop leaves such rows out.",
        )
        faults = [
            Fault(search.outside, "the path leads out of the image folder", "image_path", "Copy the file.")
        ]
        self._without(faults if self.options.missing == "drop" else [*faults, missing])
        if self.options.missing == "drop":
            self._keep(~search.missing[self.rows.index], "the image file is there")
        if search.without_row:
            self.notes.append(f"{search.without_row:,} image files beside those of the table have no row.")
        if self.options.image_hashes:
            self.rows = self.rows.assign(
                image_sha256=hash_files(self.found.image_root, self.rows["image_path"])
            )

    def set_groups(self, grouped: dict[str, Grouped]) -> None:
        """Give every row its patient's groups, and drop those that the policies leave out."""
        self.attributes = list(grouped)
        for name, each in grouped.items():
            groups, conflicting = each.groups[self.rows.index], each.conflicting[self.rows.index]
            if conflicting.any():
                count = self.rows.loc[conflicting, "patient_id"].nunique()
                self.notes.append(
                    f"{count:,} patients have two known groups of {name} (conflicting={self.options.conflicting})."
                )
            self.rows = self.rows.assign(**{name: groups})
            if self.options.conflicting == "drop":
                self._keep(~conflicting, f"the patient has one {name}")
            self._keep(self.rows[name].ne(LEFT_OUT), f"{name} is one of those kept")

    def set_labels(self) -> None:
        """Write labels without a point and apply the policy of uncertain ones."""
        cells = self.rows[self.found.findings].replace(_CELLS)
        uncertain = int((cells.to_numpy() == "-1").sum())
        if uncertain and self.options.uncertain != "keep":
            self.notes.append(f"{uncertain:,} uncertain labels: {self.options.uncertain}.")
        self.rows = self.rows.assign(**cells.replace({"-1": BECOMES[self.options.uncertain]}))

    def set_reports(self, *, seed: int) -> None:
        """Choose the text of every row; rows without one are dropped, or speak by their labels."""
        text = chosen_text(self.rows, self.options.sections)
        if text.ne("").any() and self.options.no_text == "labels":
            empty = text.eq("")
            labels = self.rows.loc[empty, self.found.findings].apply(pd.to_numeric).to_numpy(dtype=float)
            made = label_reports(
                labels, self.found.findings, image_ids=self.rows["image_id"][empty], seed=seed
            )
            text[empty] = made
            self.notes.append(f"{len(made):,} rows without a report speak by their labels.")
        self.rows = self.rows.assign(report=text)
        if text.ne("").any():
            self._keep(text.ne(""), f"the report has {' or '.join(self.options.sections)}")
        if self.options.scrub_demographics:
            text, note = scrubbed_text(self.rows["report"])
            self.rows = self.rows.assign(report=text)
            self.notes.append(note)

    def set_splits(self, *, seed: int) -> None:
        """The source's own split, or one drawn by patient. Raises ConfigError where there is no own split."""
        stated = self.rows["split"].ne("")
        kind = self.options.split or ("own" if stated.any() else "seeded")
        if kind == "own" and not stated.any():
            raise ConfigError(f"split=own: {self.found.name} has no split of its own; use split=seeded")
        if kind == "own":
            self._keep(stated, "the row is in a split")
        else:
            drawn = split_patients(
                self.rows["patient_id"], fractions=self.options.fractions, seed=seed, strata=self._strata()
            )
            self.rows = self.rows.assign(split=drawn)
        absent = [name for name in _USUAL if name not in set(self.rows["split"])]
        if absent:
            self.notes.append(
                f"No image is in split {', '.join(absent)}; --set split=seeded draws all three."
            )
        if not self.rows["report"].ne("").any():
            self.notes.append("No reports: sentences are made from the labels.")

    def _strata(self) -> pd.DataFrame:
        """What a drawn split shares out evenly: groups of every attribute together, and findings within them."""
        present = [name for name in self.found.findings if name in self.rows]
        return stratum_columns(self.rows, attributes=self.attributes, findings=present)

    def split_names(self) -> list[str]:
        """Splits that occur, the usual three first."""
        there = list(dict.fromkeys(self.rows["split"]))
        return [name for name in _USUAL if name in there] + [name for name in there if name not in _USUAL]

    def manifest(self) -> pd.DataFrame:
        """The rows without raw texts and sections."""
        return self.rows[[name for name in self.rows.columns if ":" not in name]]
