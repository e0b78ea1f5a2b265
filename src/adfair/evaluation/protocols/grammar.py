"""The prompt grammar of GLoRIA, which MedCLIP and CXR-CLIP took over: severity, kind and place of five findings.

The words are the authors' own, slips of spelling included, because a model's score depends on them. A statement is
one word of each part in the order of the table with blanks between, also where a part is empty. CXR-CLIP strips the
outer blanks and mends two of the three slips.

Source: Huang et al., GLoRIA, ICCV 2021; Wang et al., MedCLIP, EMNLP 2022; You et al., CXR-CLIP, MICCAI 2023.
"""

from itertools import product

from adfair.evaluation.protocols.protocol import Question, plain

_SIDES = ("right", "left")
_ZONES = ("lower lung zone", "upper lung zone")
_LOBES = ("left lower lobe", "right lower lobe", "left upper lobe", "right uppper lobe")
# For each finding its parts in the published order: of a pleural effusion the place comes before the kind.
GRAMMAR: dict[str, tuple[tuple[str, ...], ...]] = {
    "atelectasis": (
        ("", "mild", "minimal"),
        tuple(
            f"{kind} atelectasis"
            for kind in (
                *("subsegmental", "linear", "trace", "bibasilar"),
                *("retrocardiac", "bandlike", "residual"),
            )
        ),
        tuple(
            f"at the {place}"
            for place in (
                *("mid lung zone", "upper lung zone", *(f"{side} lung zone" for side in _SIDES)),
                *("lung bases", *(f"{side} lung base" for side in _SIDES), "bilateral lung bases"),
                *("left lower lobe", "right lower lobe"),
            )
        ),
    ),
    "cardiomegaly": (
        ("",),
        (
            "cardiac silhouette size is upper limits of normal",
            "cardiomegaly which is unchanged",
            "mildly prominent cardiac silhouette",
            "portable view of the chest demonstrates stable cardiomegaly",
            "portable view of the chest demonstrates mild cardiomegaly",
            "persistent severe cardiomegaly",
            "heart size is borderline enlarged",
            "cardiomegaly unchanged",
            "heart size is at the upper limits of normal",
            "redemonstration of cardiomegaly",
            "ap erect chest radiograph demonstrates the heart size is the upper limits of normal",
            "cardiac silhouette size is mildly enlarged",
            "mildly enlarged cardiac silhouette, likely left ventricular enlargement. other chambers are less prominent",
            "heart size remains at mildly enlarged",
            "persistent cardiomegaly with prominent upper lobe vessels",
        ),
        ("",),
    ),
    "consolidation": (
        ("", "increased", "improved", "apperance of"),
        tuple(
            f"{kind} consolidation"
            for kind in ("bilateral", "reticular", "retrocardiac", "patchy", "airspace", "partial")
        ),
        tuple(f"at the {place}" for place in (*_ZONES, *_LOBES, *(f"{side} lung base" for side in _SIDES))),
    ),
    "edema": (
        ("", "mild", "improvement in", "presistent", "moderate", "decreased"),
        ("pulmonary edema", "trace interstitial edema", "pulmonary interstitial edema"),
        ("",),
    ),
    "pleural effusion": (
        ("", "small", "stable", "large", "decreased", "increased"),
        ("left", "right", "tiny"),
        tuple(f"{kind} pleural effusion" for kind in ("bilateral", "subpulmonic", "bilateral")),
    ),
}
_MENDED = {"apperance": "appearance", "presistent": "persistent"}
OUTSIDE = "outside the grammar's five findings: asked by its name alone"


def statements(finding: str, *, mended: bool = False) -> tuple[str, ...]:
    """Every statement of the grammar about a finding, in the published order; none outside its five findings.

    Args:
        mended: as CXR-CLIP has them: two slips mended, outer blanks stripped.
    """
    parts = GRAMMAR.get(plain(finding))
    made = [" ".join(words) for words in product(*parts)] if parts else []
    return tuple(_mend(text) for text in made) if mended else tuple(made)


def _mend(text: str) -> str:
    for slip, word in _MENDED.items():
        text = text.replace(slip, word)
    return text.strip()


def question(finding: str) -> Question:
    """All statements and no denial. A finding outside the grammar is asked by its name (our choice), which is said."""
    found = statements(finding)
    return Question(found) if found else Question((plain(finding),), note=OUTSIDE)
