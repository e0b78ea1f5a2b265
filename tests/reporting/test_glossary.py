"""Words that are explained where they stand, and nothing else that becomes markup."""

from adfair.reporting.glossary import TERMS, glossed


def test_the_first_mention_of_a_term_is_linked_and_the_rest_is_text() -> None:
    text = str(glossed("AUC and AUC, <b>leakage</b>"))
    assert text.count("<a ") == 2
    assert 'href="#term-auc" aria-describedby="term-auc">AUC</a> and AUC' in text
    assert "&lt;b&gt;" in text


def test_parts_of_words_are_left_alone_and_longer_terms_win() -> None:
    assert "<a " not in str(glossed("AUCX chancel"))
    assert "#term-worst" in str(glossed("Worst-group AUC"))
    assert len({term.key for term in TERMS}) == len(TERMS)
