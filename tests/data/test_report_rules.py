"""The table that ships can be used, a user's own replaces it, and a faulty one is refused with its place."""

from pathlib import Path

import pytest
import yaml

from adfair.data.report_findings import findings_in_reports
from adfair.data.report_rules import finding_key, load_rules, own_words, words_by_name
from adfair.errors import ConfigError

MINIMAL = {
    "findings": {"Aneurysm": {"names": ["ballooning ... aorta"], "unlike": ["ballooning of the old aorta"]}},
    "deny_before": ["nix"],
    "deny_after": ["gone"],
    "doubt_before": ["mayhap"],
    "doubt_after": [],
    "breaks": ["yet"],
}


# Text -> every finding that our table reads in it.
READINGS: list[tuple[str, dict[str, int]]] = [
    # What denies a change leaves the finding there
    ("Small left effusion has not changed.", {"Pleural Effusion": 1}),
    ("The left pleural effusion is not significantly changed.", {"Pleural Effusion": 1}),
    ("Moderate cardiomegaly has not significantly changed.", {"Cardiomegaly": 1}),
    ("Left lower lobe consolidation has not improved.", {"Consolidation": 1}),
    ("Pulmonary edema has not worsened.", {"Edema": 1}),
    ("The pneumothorax has not resolved.", {"Pneumothorax": 1}),
    ("The pneumothorax hasn't resolved.", {"Pneumothorax": 1}),
    ("The left effusion has not yet resolved.", {"Pleural Effusion": 1}),
    ("The left effusion has not yet completely resolved.", {"Pleural Effusion": 1}),
    ("PICC line has not been removed.", {"Support Devices": 1}),
    ("Support devices have not changed in position.", {"Support Devices": 1}),
    ("The endotracheal tube is not in standard position.", {"Support Devices": 1}),
    ("Without significant change in bilateral pleural effusions.", {"Pleural Effusion": 1}),
    ("No evidence of interval change in left basilar atelectasis.", {"Atelectasis": 1}),
    ("The fracture is not displaced.", {"Fracture": 1}),
    ("Rib fractures are not healed.", {"Fracture": 1}),
    ("Opacities in the lungs have not progressed.", {"Lung Opacity": 1}),
    ("Compared with the prior study, pulmonary edema has not appreciably changed.", {"Edema": 1}),
    ("The effusion did not change.", {"Pleural Effusion": 1}),
    ("Effusion has not increased.", {"Pleural Effusion": 1}),
    ("Effusion has not changed and pneumothorax is new.", {"Pleural Effusion": 1, "Pneumothorax": 1}),
    # So does what denies it of an earlier film
    ("New left effusion, not seen on prior.", {"Pleural Effusion": 1}),
    ("Opacity is new, not present on the prior study.", {"Lung Opacity": 1}),
    ("A left effusion was not present previously.", {"Pleural Effusion": 1}),
    ("A nodule not previously seen.", {"Lung Lesion": 1}),
    # A size that is denied is no change
    ("Heart size is not increased.", {"Cardiomegaly": 0}),
    ("The heart is not significantly enlarged.", {"Cardiomegaly": 0}),
    ("Heart size has not increased.", {}),
    ("Cardiac size has not significantly increased.", {}),
    ("The mediastinum is not displaced or widened.", {"Enlarged Cardiomediastinum": 0}),
    ("Interstitial markings are not increased.", {"Lung Opacity": 0}),
    ("Pneumothorax is not seen and has not changed.", {"Pneumothorax": 0}),
    ("Effusion has not been seen since it resolved.", {"Pleural Effusion": 0}),
    ("Without pneumothorax or change in the effusion.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
    # Gone
    ("Pulmonary edema has completely resolved.", {"Edema": 0}),
    ("The right pneumothorax has now resolved.", {"Pneumothorax": 0}),
    ("Previously seen consolidation is now resolved.", {"Consolidation": 0}),
    ("Edema has partially resolved.", {"Edema": 1}),
    ("Pneumothorax cannot be identified.", {"Pneumothorax": 0}),
    ("The catheter tip cannot be identified.", {"Support Devices": 1}),
    # Unlikely, and little if any
    ("Pneumonia is unlikely.", {"Pneumonia": -1}),
    ("Pneumonia unlikely.", {"Pneumonia": -1}),
    ("Findings are unlikely to represent pneumonia.", {"Pneumonia": -1}),
    ("Atelectasis, less likely pneumonia.", {"Atelectasis": 1, "Pneumonia": -1}),
    ("Atelectasis, unlikely pneumonia.", {"Atelectasis": 1, "Pneumonia": -1}),
    ("Pneumonia is considered less likely.", {"Pneumonia": -1}),
    ("There is little if any pleural effusion.", {"Pleural Effusion": -1}),
    ("Minimal if any pleural effusion.", {"Pleural Effusion": -1}),
    ("Effusion is small, if any.", {"Pleural Effusion": -1}),
    ("Little if any change in the effusion.", {"Pleural Effusion": 1}),
    ("Small effusion is difficult to exclude.", {"Pleural Effusion": -1}),
    (
        "Given the opacity it is difficult to entirely exclude pneumonia.",
        {"Lung Opacity": 1, "Pneumonia": -1},
    ),
    # Two sizes, two nouns, two items
    ("Lungs are clear. No effusion or PTX.", {"Lung Opacity": 0, "Pleural Effusion": 0, "Pneumothorax": 0}),
    (
        "Heart size and mediastinal contours are within normal limits.",
        {"Cardiomegaly": 0, "Enlarged Cardiomediastinum": 0},
    ),
    ("The heart and lungs are not normal.", {}),
    ("Heart size is mildly to moderately enlarged.", {"Cardiomegaly": 1}),
    ("Heart size is not mildly to moderately enlarged.", {"Cardiomegaly": 0}),
    ("1) No pneumothorax 2) Small left effusion", {"Pneumothorax": 0, "Pleural Effusion": 1}),
    ("No nodule (series 2, image 3) or effusion.", {"Lung Lesion": 0, "Pleural Effusion": 0}),
    ("No pneumothorax, small bilateral pleural effusions.", {"Pneumothorax": 0, "Pleural Effusion": 1}),
    (
        "No consolidation, large effusion or pneumothorax",
        {"Consolidation": 0, "Pleural Effusion": 0, "Pneumothorax": 0},
    ),
    # Lines that do not wrap; headings and answers
    ("Pleura: No effusion\nBones: Left 7th rib fracture", {"Pleural Effusion": 0, "Fracture": 1}),
    (
        "No e/o consolidation\nLeft pleural effusion\nCardiomegaly",
        {"Consolidation": 0, "Pleural Effusion": 1, "Cardiomegaly": 1},
    ),
    ("No pneumothorax\nIMPRESSION:\nEdema", {"Pneumothorax": 0, "Edema": 1}),
    (
        "NO CONSOLIDATION,\nEFFUSION OR\nPNEUMOTHORAX.",
        {"Consolidation": 0, "Pleural Effusion": 0, "Pneumothorax": 0},
    ),
    ("Pneumothorax: No.\nEffusion: Small.", {"Pneumothorax": 0, "Pleural Effusion": 1}),
    ("Pneumothorax: Nil", {"Pneumothorax": 0}),
    ("Pleural effusion - none.", {"Pleural Effusion": 0}),
    ("Nil pneumothorax or effusion.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
    ("Small effusion, no pneumothorax.", {"Pleural Effusion": 1, "Pneumothorax": 0}),
    # One or the other, and no more than these two
    ("Atelectasis vs. pneumonia.", {"Atelectasis": -1, "Pneumonia": -1}),
    (
        "Bibasilar opacities, atelectasis versus pneumonia.",
        {"Lung Opacity": 1, "Atelectasis": -1, "Pneumonia": -1},
    ),
    # Gone in part
    ("Interval partial clearing of the right lower lobe opacity.", {"Lung Opacity": 1}),
    ("Near complete resolution of the edema.", {"Edema": 1}),
    ("Partially resolved pneumonia.", {"Pneumonia": 1}),
    ("Interval resolution of the edema.", {"Edema": 0}),
    # A tube that is out, and one that is in
    (
        "After removal of the left chest tube, a small pneumothorax has developed.",
        {"Support Devices": 0, "Pneumothorax": 1},
    ),
    ("Status post removal of chest tube, small pneumothorax.", {"Support Devices": 0, "Pneumothorax": 1}),
    ("No pneumothorax following pacemaker placement.", {"Pneumothorax": 0, "Support Devices": 1}),
    ("No pneumothorax post PICC insertion.", {"Pneumothorax": 0, "Support Devices": 1}),
    ("No pneumothorax post removal of chest tube.", {"Pneumothorax": 0, "Support Devices": 0}),
    ("No post obstructive pneumonia.", {"Pneumonia": 0}),
    ("Right IJ line with its tip in the SVC.", {"Support Devices": 1}),
    # Doubt
    ("Cannot entirely exclude pneumonia.", {"Pneumonia": -1}),
    ("Raises the possibility of pneumonia.", {"Pneumonia": -1}),
    ("R/O pneumonia.", {"Pneumonia": -1}),
    ("The nodule is not well seen.", {"Lung Lesion": -1}),
    ("The effusion is not as well seen as before.", {"Pleural Effusion": 1}),
    ("The left effusion is not large.", {"Pleural Effusion": 1}),
    ("The heart is not large.", {"Cardiomegaly": 0}),
    ("Since May 3, the effusion is larger.", {"Pleural Effusion": 1}),
    ("On 12 May 2020 the consolidation had progressed.", {"Consolidation": 1}),
    ("This may represent pneumonia.", {"Pneumonia": -1}),
    # Words of other countries
    ("No evidence of cardiac failure.", {"Edema": 0}),
    ("Left ventricular failure.", {"Edema": 1}),
    ("Patchy airspace shadowing in both lower zones.", {"Lung Opacity": 1}),
    ("Right basal infective change.", {"Pneumonia": 1}),
    ("Mild left basal collapse.", {"Atelectasis": 1}),
    ("Cardiothoracic ratio is increased.", {"Cardiomegaly": 1}),
    ("Mild prominence of the cardiac silhouette.", {"Cardiomegaly": -1}),
    ("Bilateral pleural collections.", {"Pleural Effusion": 1}),
    ("Fibrocavitary lesion.", {"Lung Lesion": 1}),
    # Another organ's, and another year's
    ("Status post mastectomy for breast cancer.", {}),
    ("Clips from prior lung cancer resection.", {}),
    ("Metastatic disease from lung cancer.", {"Lung Lesion": 1}),
]


@pytest.mark.parametrize(("text", "said"), READINGS, ids=[text for text, _ in READINGS])
def test_what_our_table_reads(text: str, said: dict[str, int]) -> None:
    names = list(load_rules().findings)
    row = findings_in_reports([text], names)[0]
    assert {name: int(value) for name, value in zip(names, row, strict=True) if value == value} == said


def test_words_of_other_countries_are_no_normal_film() -> None:
    texts = [
        "Markings are prominent.",
        "Bronchovascular markings are prominent.",
        "Lung markings are not increased.",
    ]
    texts += ["Right CP angle is obliterated.", "CP angles are not obliterated."]
    assert findings_in_reports(texts, ["No Finding"])[:, 0].tolist() == [1, 0, 1, 0, 1]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    return path


def changed(table: Path, **keys: object) -> Path:
    table.write_text(yaml.safe_dump({**MINIMAL, **keys}))
    return table


def test_our_table_names_the_thirteen_findings_that_have_words() -> None:
    rules = load_rules()
    assert len(rules.findings) == 13
    assert rules.devices == ["Support Devices"]


def test_a_users_table_replaces_ours(table: Path) -> None:
    texts = [
        "Ballooning of the aorta.",
        "Nix ballooning of aorta yet edema.",
        "Mayhap ballooning, aorta fine.",
        "Ballooning aorta gone. No edema.",
        "Ballooning of the old aorta.",
    ]
    out = findings_in_reports(texts, ["aneurysm", "Edema", "No Finding"], rules=table)
    expected = [[1, None, 0], [0, 1, 0], [None, None, 1], [0, 1, 0], [None, None, 1]]
    assert [[None if v != v else int(v) for v in row] for row in out.tolist()] == expected


def test_a_users_table_says_what_denies_a_change(table: Path) -> None:
    keys = {"deny_after": ["gone", "never"], "denied_changes": ["never waned"]}
    texts = ["Aneurysm never waned.", "Aneurysm never.", "Aneurysm never waned gone."]
    out = findings_in_reports(texts, ["Aneurysm"], rules=changed(table, **keys))
    assert out.ravel().tolist() == [1, 0, 1]
    with pytest.raises(ConfigError, match=r"'\.\.\. waned' is no phrase"):
        load_rules(changed(table, denied_changes=["... waned"]))


def test_a_finding_is_found_by_its_own_name_too(table: Path) -> None:
    assert findings_in_reports(["Aneurysms."], ["Aneurysm"], rules=table).item() == 1
    assert "aneurysm" in words_by_name(load_rules(table))["aneurysm"].names


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"denials": ["no"]}, "denials"),
        ({"deny_before": [False]}, r"deny_before\.0"),
        ({"breaks": ["... but"]}, "'... but' is no phrase"),
        ({"breaks": [""]}, "'' is no phrase"),
        ({"breaks": ["(but"]}, "no phrase"),
        ({"findings": {"Edema": {"names": []}}}, r"findings\.Edema\.names"),
        ({"findings": {"Edema": {"names": ["a"]}, "edema": {"names": ["b"]}}}, "'edema' is there twice"),
        ({"findings": {"No_Finding": {"names": ["normal"]}}}, "has no words"),
        ({"other_abnormality": {"names": ["..."]}}, "no phrase"),
    ],
)
def test_a_faulty_table_is_refused_with_the_key(table: Path, keys: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault) as error:
        load_rules(changed(table, **keys))
    assert str(table) in str(error.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [("a: [", "line 1: not valid YAML"), ("- a", "whole file"), ("", "whole file")],
)
def test_a_file_that_is_no_table_is_refused(table: Path, content: str, fault: str) -> None:
    table.write_text(content)
    with pytest.raises(ConfigError, match=fault):
        load_rules(table)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(tmp_path / "none.yaml")


def test_names_are_compared_without_case_blanks_and_underscores() -> None:
    assert finding_key(" Pleural__Effusion ") == finding_key("pleural effusion") == "pleural effusion"
    assert own_words("Lung-Mass_X").names == ["lung mass x", "lung mass xs|xes"]
