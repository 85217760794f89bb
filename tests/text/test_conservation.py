"""No character and no score is lost between the tokens of a text and its words, whatever the script and the tokenizer."""

import os
import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tasks.text import words as module
from tasks.text.words import is_visible, words_of_tokens

SCRIPTS = {
    "latin": "Spielberg's café don't «naïve» Straße ﬁne", "greek": "Ο ΚΟΣΜΟΣ και ο κόσμος", "cyrillic": "я и не был ёж", "arabic": "مَرْحَبًا بكم", "hebrew": "שָׁלוֹם עולם",
    "devanagari": "हिन्दी क्ष", "tamil": "தமிழ் மொழி", "thai": "น้ำไทยดีมาก", "khmer": "ភាសាខ្មែរល្អ", "lao": "ພາສາລາວ", "burmese": "မြန်မာဘာသာ", "han": "这部电影非常有趣。",
    "japanese": "この映画はとても面白い", "korean": "한국어 단어", "georgian": "ქართული ენა", "armenian": "Հայերեն լեզու", "ethiopic": "አማርኛ ቋንቋ", "tibetan": "བོད་སྐད་", "mongolian": "ᠮᠣᠩᠭᠣᠯ ᠬᠡᠯᠡ", "tai le": "ᥖᥭᥰᥘᥫᥴ",
}  # fmt: skip
UNITS = [
    *"a's’S.@#<>/1,%-_ \t\n漢ทกא", "👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "1\ufe0f\u20e3", "❤\ufe0f", "e\u0301", "\u0301", "\u200d", "\u200c", "\u00ad", "\u2060", "\ufeff",
    "\u202e", "\u2066", "\u2069", "\u034f", "\u115f", "\u3164", "\ufff9", "\x00", "\u0600", "ﷺ", "㍿", "ǅ", "ß", "İ", "#电影#", "@bob好", "https://a.b/c。", "<a b=c>", "...", "!?", "\r\n",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(UNITS), st.sampled_from(list(SCRIPTS.values())), st.characters(exclude_categories=["Cs"])
    ),
    max_size=12,
).flatmap(
    lambda units: st.sampled_from(["NFC", "NFD", "NFKC", "NFKD", None]).map(
        lambda form: unicodedata.normalize(form, "".join(units)) if form else "".join(units)
    )
)
SAMPLE = [*SCRIPTS.values(), *UNITS, "the end of the film ...", "of the of the"] * 5
SEEDED = settings(max_examples=int(os.environ.get("TOKEN_AUDIT_FUZZ_TEXTS", "60")), deadline=None, derandomize=True)


def _wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer, trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=["[UNK]", "[CLS]"], limit_alphabet=60, show_progress=False
    )


def _byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["[CLS]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def _sentencepiece(split=True):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=split)
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>", "[CLS]"], unk_token="<unk>", show_progress=False
    )


MAKERS = {
    "wordpiece": _wordpiece,
    "byte level": _byte_level,
    "sentencepiece": _sentencepiece,
    # whose pieces hold several words
    "over spaces": lambda: _sentencepiece(split=False),
}


@cache
def trained(kind):
    tokenizer, trainer = MAKERS[kind]()
    tokenizer.train_from_iterator(SAMPLE, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", tokenizer.token_to_id("[CLS]"))]
    )
    return tokenizer


def assert_conserved(text, encoded):
    spans, words = words_of_tokens(encoded.offsets, encoded.special_tokens_mask, text)
    places = [place for span in spans for place in range(*span)]
    assert places == sorted(set(places))
    assert {place for place, char in enumerate(text) if is_visible(char)} <= set(places)
    for (start, end), special, word in zip(encoded.offsets, encoded.special_tokens_mask, words, strict=True):
        visible = [place for place in range(start, end) if is_visible(text[place])]
        if special or start >= end:
            assert word == -1
        elif visible:
            # Every character that it shows is in the one word that has its score.
            assert spans[word][0] <= visible[0] <= visible[-1] < spans[word][1], (text, start, end)
        elif word >= 0:
            assert spans[word][0] <= start < spans[word][1]


@pytest.mark.parametrize("kind", MAKERS)
def test_every_character_that_a_token_covers_is_in_exactly_one_word(kind):
    @SEEDED
    @given(text=TEXTS)
    def holds(text):
        assert_conserved(text, trained(kind).encode(text))

    holds()


def test_so_it_is_without_a_dictionary(monkeypatch):
    monkeypatch.setattr(module, "_breaker", lambda: None)
    for kind in MAKERS:
        for text in SAMPLE:
            assert_conserved(text, trained(kind).encode(text))


def test_pieces_of_the_samples_do_hold_several_words():
    """Else the tests above would prove nothing."""
    held = {kind: sum(" " in text.strip()[start:end].strip() for text in SAMPLE for start, end in trained(kind).encode(text).offsets) for kind in MAKERS}  # fmt: skip
    assert held["over spaces"] > 0
    assert held["byte level"] == 0


@pytest.mark.parametrize("kind", MAKERS)
def test_scores_of_words_and_special_tokens_add_up_to_those_of_the_tokens(kind, warehouse, tmp_path):
    texts = [text for text in SAMPLE[: len(SAMPLE) // 5] if text.strip()]
    random = np.random.default_rng(0)
    rows, totals = [], []
    for i, text in enumerate(texts):
        encoded = trained(kind).encode(text)
        spans, words = words_of_tokens(encoded.offsets, encoded.special_tokens_mask, text)
        scores = random.normal(size=len(words)).astype(np.float32).tolist()
        totals.append(sum(scores))
        rows += [
            {
                "example_id": i, "position": p, "token_start": start, "token_end": end, "integrated_gradients": score, "gradient_x_input": score, "relevance": score,
                "gradient_norm": abs(score), "contrast": 0.0, "word_start": spans[word][0] if word >= 0 else None, "word_end": spans[word][1] if word >= 0 else None,
            }
            for p, ((start, end), word, score) in enumerate(zip(encoded.offsets, words, scores, strict=True))
        ]  # fmt: skip
    path = tmp_path / "tokens.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    examples = pa.table({"example_id": range(len(texts)), "text": texts, "converged": [True] * len(texts)})
    warehouse.connection.register("incoming", examples)
    warehouse.connection.execute("create table examples as from incoming")
    params = {"token_parts": [str(path)], "method": "integrated_gradients"}
    found = warehouse.build("aggregate/word_occurrences", **params)
    warehouse.build("aggregate/piece_occurrences", **params)
    outside = {i: sum(row["integrated_gradients"] for row in rows if row["example_id"] == i and row["word_start"] is None) for i in range(len(texts))}  # fmt: skip
    words = {i: sum(row["score"] for row in found if row["example_id"] == i) for i in range(len(texts))}
    assert [words[i] + outside[i] for i in range(len(texts))] == pytest.approx(totals, abs=1e-5)
    # The pieces of a word hold its score, and the text of a word is what stands there.
    pieces = warehouse.connection.sql("select sum(score) from piece_occurrences").fetchall()[0][0] or 0.0
    assert pieces == pytest.approx(sum(row["score"] for row in found if row["n_pieces"] > 1), abs=1e-5)
    assert all(row["surface"] == texts[row["example_id"]][row["word_start"] : row["word_end"]] for row in found)
