"""Where sentences end, and how far the words of one reach."""

import pytest

from adfair.data.report_phrases import Match
from adfair.data.report_sentences import ABSENT, PRESENT, SILENT, UNCERTAIN, Reach, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("No edema. Effusion!", ["no edema", "effusion"]),
        ("A 1.5 cm nodule, RIGHT base.", ["a 1.5 cm nodule , right base".replace(".", " ")]),
        ("edema.Effusion", ["edema", "effusion"]),
        ("in 2. Edema", ["in 2", "edema"]),
        ("a; b - c", ["a", "b", "c"]),
        ("X-ray", ["x ray"]),
        ("no\neffusion", ["no effusion"]),
        ("no\n \neffusion", ["no", "effusion"]),
        ("No edema\nEffusion", ["no edema", "effusion"]),
        ("NO EDEMA\nOR EFFUSION", ["no edema or effusion"]),
        ("NO EDEMA\nBONES: NORMAL", ["no edema", "bones normal"]),
        (f"No edema {'or so ' * 10}\nEffusion", [f"no edema {'or so ' * 10}effusion"]),
        ("Edema vs. Effusion", ["edema vs effusion"]),
        ("Edema: no. Effusion: no mass", ["edema none", "effusion no mass"]),
        ("a\n- b\n2) c\n* d", ["a", "b", "2 c", "d"]),
        ("1) a 2) b 13) c", ["1 a", "2 b", "13 c"]),
        ("a (image 3) or b (series 2,\nimage 4) c", ["a image 3 or b series 2 , image 4 c"]),
        ("(1) a (2) b", ["1 a 2 b"]),
        ("a (b 2) c 3) d", ["a b 2 c", "3 d"]),
        ("a (b\n2) c", ["a b", "2 c"]),
        ("Edema? None", ["edema ?", "none"]),
        ("?edema ? effusion", ["? edema ? effusion"]),
        ("isn’t ___ (seen)", ["isn't seen"]),
        ("", []),
        (" .\n\n. ", []),
    ],
)
def test_where_sentences_end(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def says(cues: list[tuple[int, str]], *, kinds: str = "names", text: str = "x" * 40) -> int:
    """What a mention at 10:20 says among one-letter cues."""
    found: list[Match] = [(at, at + 1, frozenset(kind.split("+"))) for at, kind in cues]
    return Reach(found, text).says(10, 20, frozenset({kinds}))


@pytest.mark.parametrize(
    ("cues", "value"),
    [
        ([], PRESENT),
        ([(0, "deny_before")], ABSENT),
        ([(12, "deny_before")], ABSENT),
        ([(30, "deny_before")], PRESENT),
        ([(0, "deny_after")], PRESENT),
        ([(30, "deny_after")], ABSENT),
        ([(0, "doubt_before")], UNCERTAIN),
        ([(30, "doubt_after")], UNCERTAIN),
        ([(0, "deny_before+deny_after")], ABSENT),
        ([(30, "deny_before+deny_after")], ABSENT),
        ([(0, "deny_before"), (5, "breaks")], PRESENT),
        ([(0, "deny_before"), (5, "inert")], ABSENT),
        ([(25, "breaks"), (30, "deny_after")], PRESENT),
        ([(25, "after_stops"), (30, "deny_after")], PRESENT),
        ([(25, "denied_changes"), (30, "deny_after")], PRESENT),
        ([(0, "denied_changes")], PRESENT),
        ([(0, "deny_before"), (5, "denied_changes")], ABSENT),
        ([(25, "deny_before"), (30, "doubt_after")], PRESENT),
        ([(0, "doubt_before"), (5, "deny_before")], ABSENT),
        ([(0, "deny_before"), (5, "doubt_before")], ABSENT),
        ([(0, "deny_before"), (30, "doubt_after")], ABSENT),
        ([(0, "doubt_before"), (30, "deny_after")], ABSENT),
    ],
)
def test_how_far_words_reach(cues: list[tuple[int, str]], value: int) -> None:
    assert says(cues) == value


def test_a_doubt_takes_over_from_a_denial_right_after_a_comma() -> None:
    cues = [(0, "deny_before"), (5, "doubt_before")]
    assert says(cues, text="no a, b c d") == ABSENT
    assert says(cues, text="no , possible edema") == UNCERTAIN


@pytest.mark.parametrize(
    ("kinds", "cues", "value"),
    [
        ("statements", [(0, "deny_before")], PRESENT),
        ("statements", [(12, "deny_after")], ABSENT),
        ("statements", [(12, "doubt_before")], UNCERTAIN),
        ("statements", [(12, "denied_changes")], ABSENT),
        ("normal", [], ABSENT),
        ("normal", [(0, "deny_before")], ABSENT),
        ("normal", [(12, "deny_before")], SILENT),
        ("doubtful", [], UNCERTAIN),
        ("doubtful", [(12, "deny_before")], ABSENT),
        ("unlike", [], SILENT),
    ],
)
def test_what_kinds_of_phrases_say(kinds: str, cues: list[tuple[int, str]], value: int) -> None:
    assert says(cues, kinds=kinds) == value
