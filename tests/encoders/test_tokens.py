"""Tokens of text: words, characters of other words, and the unknown bucket."""

from __future__ import annotations

import json

from umbel.encoders.tokens import UNKNOWN, Vocabulary, words_of


def test_chinese_is_read_character_by_character_and_full_width_letters_are_letters() -> None:
    assert words_of("这书ＯＫ，很好") == ["这", "书", "ok", "很", "好"]
    assert words_of("カタカナ") == ["カ", "タ", "カ", "ナ"]


def test_marks_separate_and_two_of_them_are_tokens() -> None:
    assert words_of("can't, really?! (no)") == ["can't", "really", "?", "!", "no"]
    assert words_of("  ... ") == []


def test_a_word_never_seen_is_spelt_and_a_letter_never_seen_is_unknown() -> None:
    vocabulary = Vocabulary(least=2).fit(["good good", "gold mood", "glow"])
    assert vocabulary.terms[0] == "good"
    # g of gold and glow begins a word twice; o comes twice within the rare words
    spelt = vocabulary.encode("goz")
    assert [vocabulary.terms[n - 1][-1] if n else "" for n in spelt] == ["g", "o", ""]
    assert spelt[2] == UNKNOWN
    assert vocabulary.encode("gogo")[0] == vocabulary.encode("glow")[0]


def test_the_most_frequent_words_have_the_places_whatever_the_order_of_rows() -> None:
    texts = ["b b b", "c c a a", "d"]
    one, two = Vocabulary(most=2).fit(texts), Vocabulary(most=2).fit(texts[::-1])
    assert one.terms == two.terms
    assert one.terms[:2] == ["b", "a"]


def test_its_state_is_json_and_brings_it_back() -> None:
    vocabulary = Vocabulary().fit(["好看好看 good good", "gold gold"])
    again = Vocabulary().restore(json.loads(json.dumps(vocabulary.state())))
    assert again.encode("好 good glod 丑") == vocabulary.encode("好 good glod 丑")
    assert len(again) == len(vocabulary.terms) + 1
