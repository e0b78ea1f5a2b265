"""Fill the tables of docs/results.md from finished sweeps: `make results`, `make remedies`.

python docs/update_results.py [SWEEP...]: folders of sweeps below runs/ (ablation, ablation_presets, remedies,
remedies_unnamed), all by default. A table of a sweep that is not finished is left as it is, and said.
"""

import sys
from pathlib import Path

from update_readme import ROOT, fill

PAGE = ROOT / "docs" / "results.md"
SWEEPS = {
    "ablation-table": "ablation",
    "ablation-presets-table": "ablation_presets",
    "remedies-table": "remedies",
    "remedies-unnamed-table": "remedies_unnamed",
}


def update(page: Path, folders: dict[str, Path]) -> list[str]:
    """Put ``table.md`` of each folder between the markers of its name; returns the markers left as they were."""
    text, left = page.read_text(encoding="utf-8"), []
    for marker, folder in folders.items():
        table = folder / "table.md"
        if table.is_file():
            text = fill(text, marker, table.read_text(encoding="utf-8").strip())
        else:
            left.append(marker)
    page.write_text(text, encoding="utf-8")
    return left


if __name__ == "__main__":
    wanted = sys.argv[1:] or SWEEPS.values()
    folders = {marker: ROOT / "runs" / name for marker, name in SWEEPS.items() if name in wanted}
    left = update(PAGE, folders)
    for marker in left:
        print(
            f"{folders[marker]}: no table.md; {marker} is left as it was. Finish the sweep", file=sys.stderr
        )
    sys.exit(1 if left else 0)
