import pytest

from adfair.evaluation.protocols.grammar import GRAMMAR, OUTSIDE, question, statements

COUNTS = {"Atelectasis": 210, "Cardiomegaly": 15, "Consolidation": 192, "Edema": 18, "Pleural Effusion": 54}


@pytest.mark.parametrize(("finding", "count"), COUNTS.items())
def test_published_counts(finding: str, count: int) -> None:
    assert len(statements(finding)) == len(statements(finding, mended=True)) == count


def test_order_of_parts_and_blanks() -> None:
    found = statements("Pleural_Effusion")
    assert found[0] == " left bilateral pleural effusion"
    assert "small left bilateral pleural effusion" in found
    assert statements("Edema")[0] == " pulmonary edema "
    assert statements("Atelectasis")[0] == " subsegmental atelectasis at the mid lung zone"
    assert statements("Atelectasis")[1] == " subsegmental atelectasis at the upper lung zone"


def test_slips_are_kept_and_two_are_mended_for_cxr_clip() -> None:
    raw, mended = (
        " ".join(t for f in COUNTS for t in statements(f, mended=mended)) for mended in (False, True)
    )
    for slip in ("apperance", "presistent", "uppper"):
        assert slip in raw
    assert "uppper" in mended
    assert "appearance of" in mended
    assert "apperance" not in mended
    assert all(t == t.strip() for f in COUNTS for t in statements(f, mended=True))


def test_a_finding_outside_the_grammar_is_asked_by_name_and_said() -> None:
    assert set(GRAMMAR) == {name.lower() for name in COUNTS}
    assert question("Lung_Opacity").positive == ("lung opacity",)
    assert question("Lung_Opacity").note == OUTSIDE
    assert question("Edema").note == ""
