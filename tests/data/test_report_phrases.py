"""What a phrase matches, where, and which of two wins."""

import pytest

from adfair.data.report_phrases import Lexicon, is_phrase


def found(phrases: list[str], text: str, *, stops: list[str] | None = None) -> list[str]:
    """Every match that begins at a word, whatever overlaps."""
    lexicon = Lexicon.of([(phrase, phrase) for phrase in phrases], gap_stops=stops or [])
    starts = [0, *(i + 1 for i, letter in enumerate(text) if letter == " ")]
    matches = [lexicon.at(text, start) for start in starts]
    return [text[m[0] : m[1]] for m in matches if m]


@pytest.mark.parametrize(
    ("phrase", "text", "matches"),
    [
        ("edema", "edema and edematous edema", ["edema", "edema"]),
        ("edema*", "edema and edematous", ["edema", "edematous"]),
        ("is|are not", "is not are not was not", ["is not", "are not"]),
        ("Port-a-cath", "a port a cath", ["port a cath"]),
        ("heart ... large", "heart large", ["heart large"]),
        ("heart ... large", "heart is very large", ["heart is very large"]),
        ("heart ... large", "heart a b c d large", ["heart a b c d large"]),
        ("heart ... large", "heart a b c d e large", []),
        ("heart ... large", "heart , large", []),
        ("heart ... large", "heart and lung large", []),
        ("a ?", "a ? b", ["a ?"]),
        (", stable", "x , stable", [", stable"]),
        ("a.c", "abc", []),
    ],
)
def test_a_phrase_matches_whole_words(phrase: str, text: str, matches: list[str]) -> None:
    assert found([phrase], text, stops=["and"]) == matches


def test_the_longest_phrase_wins_and_keeps_all_its_kinds() -> None:
    lexicon = Lexicon.of([("no", "deny"), ("no change", "inert"), ("no  Change", "also")], gap_stops=[])
    assert lexicon.at("no change", 0) == (0, 9, frozenset({"inert", "also"}))
    assert lexicon.at("no changes", 0) == (0, 2, frozenset({"deny"}))
    assert lexicon.at("a no", 0) is None


def test_first_words_are_those_that_begin_a_phrase() -> None:
    lexicon = Lexicon.of([("is|are not", "a"), ("edema*", "a")], gap_stops=[])
    begins = [bool(lexicon.first.fullmatch(word)) for word in ("is", "are", "edematous", "not", "isle")]
    assert begins == [True, True, True, False, False]


def test_no_phrases_match_nothing() -> None:
    assert not Lexicon.of([], gap_stops=[]).first.fullmatch("word")


@pytest.mark.parametrize("text", ["edema*", "a|b c", "a ... b", "?", ", a", "can't", "port-a-cath"])
def test_phrases_that_can_be_read(text: str) -> None:
    assert is_phrase(text)


@pytest.mark.parametrize(
    "text", ["", " ", "...", "a ...", "... a", "a.b", "(a)", "*", "|", "a|", "|a", "a|*", "a;b", "a: b"]
)
def test_texts_that_are_no_phrase(text: str) -> None:
    assert not is_phrase(text)
