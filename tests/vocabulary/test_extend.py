"""Words become tokens of WordPiece, BPE and Unigram models; what each text is cut into is worked out by hand."""

import json
import logging
import random

import pytest
from skeletoken import TokenizerModel
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import ByT5Tokenizer, Qwen2Tokenizer

from configs.errors import ModelError
from tasks.vocabulary.extend import REFUSALS, Added, extended
from tests.vocabulary.byhand import byte_bpe, cut, fast, unigram, word_piece


def model_of(tokenizer):
    return json.loads(tokenizer.backend_tokenizer.to_str())["model"]


@pytest.fixture
def covid():
    return word_piece("a", "co", "##vid", "##iots", "##ots", "##i")


def test_a_word_piece_word_is_one_token_and_the_longest_match_finds_it_in_other_words(covid):
    extension = extended(covid, ["covid"])
    assert extension.added == (Added("covid", "covid", ("co", "##vid"), (2, 3), 7, "model"),)
    assert cut(covid, "a covid covidiots") == ["a", "co", "##vid", "co", "##vid", "##iots"]
    assert cut(extension.tokenizer, "a covid covidiots") == ["a", "covid", "covid", "##iots"]


def test_a_word_that_was_unknown_can_be_added():
    tokenizer = word_piece("a", "co", "##vid")
    extension = extended(tokenizer, ["🤖"])
    assert extension.added == (Added("🤖", "🤖", ("[UNK]",), (0,), 4, "model"),)
    assert cut(extension.tokenizer, "a 🤖 👽") == ["a", "🤖", "[UNK]"]


def test_the_tokenizer_that_is_given_stays_as_it_is(covid):
    before = covid.backend_tokenizer.to_str()
    extended(covid, ["covid"])
    extended(covid, ["covid"], how="added_token")
    assert covid.backend_tokenizer.to_str() == before


def test_all_but_the_model_stays_as_it_is_and_the_word_pieces_are_those_of_skeletoken():
    tokenizer = word_piece("ben", "##ign", "##i", "film", lower=True)
    extension = extended(tokenizer, ["Benigni", "filmi"])
    assert [one.token for one in extension.added] == ["benigni", "filmi"]
    before, after = (json.loads(one.backend_tokenizer.to_str()) for one in (tokenizer, extension.tokenizer))
    theirs = TokenizerModel.from_tokenizer(tokenizer.backend_tokenizer).add_tokens_to_vocabulary(["Benigni", "filmi"])
    assert after["model"] == json.loads(theirs.to_tokenizer().to_str())["model"]
    assert {**after, "model": None} == {**before, "model": None}


def test_a_bpe_word_of_two_pieces_is_one_more_merge_behind_all_others():
    tokenizer = byte_bpe("abcĠ", [("Ġ", "a"), ("b", "c")])
    extension = extended(tokenizer, ["abc"])
    assert extension.added == (Added("abc", "Ġabc", ("Ġa", "bc"), (4, 5), 6, "model"),)
    assert model_of(extension.tokenizer)["merges"] == [["Ġ", "a"], ["b", "c"], ["Ġa", "bc"]]
    assert not model_of(extension.tokenizer)["ignore_merges"]
    assert cut(extension.tokenizer, "c abc abcb") == ["c", "Ġabc", "Ġabc", "b"]
    # At the very start of a text the word has no mark.
    assert cut(extension.tokenizer, "abc") == ["a", "bc"]


def test_a_longer_bpe_word_is_looked_up_whole_and_brings_no_pieces_that_other_words_hold():
    tokenizer = byte_bpe("abcĠ", [("Ġ", "a"), ("b", "c")])
    extension = extended(tokenizer, ["bcb", "abc"])
    assert [(one.token, one.new_id, len(one.pieces)) for one in extension.added] == [("Ġbcb", 6, 3), ("Ġabc", 7, 2)]
    assert model_of(extension.tokenizer)["ignore_merges"]
    assert cut(extension.tokenizer, "a bcb") == ["a", "Ġbcb"]
    for text in (" bcbb", "bcb", " bc", " cbcb"):
        assert cut(extension.tokenizer, text) == cut(tokenizer, text)


def test_a_longer_bpe_word_is_refused_where_looking_up_words_would_change_others():
    # No merge gives the last token, so that " cc" is two today.
    tokenizer = byte_bpe("abcĠ", [("Ġ", "a"), ("b", "c"), ("Ġ", "c")], extra=["Ġcc"])
    assert cut(tokenizer, "a cc") == ["a", "Ġc", "c"]
    extension = extended(tokenizer, ["bcb", "abc"])
    assert extension.refused == (("bcb", "pieces_between"),)
    assert [one.token for one in extension.added] == ["Ġabc"]
    assert cut(extension.tokenizer, "a cc abc") == ["a", "Ġc", "c", "Ġabc"]


def test_a_longer_bpe_word_is_refused_where_transformers_would_forget_to_look_it_up():
    merges = [("Ġ", "a"), ("b", "c")]
    vocab = {token: i for i, token in enumerate([*"abcĠ", "Ġa", "bc", "<|endoftext|>"])}
    extension = extended(Qwen2Tokenizer(vocab=vocab, merges=merges), ["bcb", "abc"])
    assert extension.refused == (("bcb", "pieces_between"),)
    assert [one.token for one in extension.added] == ["Ġabc"]


def test_a_bpe_that_cuts_no_words_takes_words_of_two_pieces_only():
    letters = ["▁", "a", "b"]
    model = models.BPE({token: i for i, token in enumerate([*letters, "▁a"])}, [("▁", "a")])
    tokenizer = fast(model, pre_tokenizers.Metaspace(split=False))
    assert cut(tokenizer, "a ab") == ["▁a", "▁a", "b"]
    extension = extended(tokenizer, ["ab", "abb"])
    assert [one.token for one in extension.added] == ["▁ab"]
    assert extension.refused == (("abb", "pieces_between"),)
    assert cut(extension.tokenizer, "a ab ba") == ["▁a", "▁ab", "▁", "b", "a"]


def test_a_unigram_word_scores_a_little_more_than_its_pieces_and_stands_where_they_stood():
    tokenizer = unigram(_a=-1.0, b=-1.0, c=-1.5, bc=-1.2, _=-2.0, a=-3.0, zz=-9.0)
    extension = extended(tokenizer, ["ab"])
    assert extension.added == (Added("ab", "▁ab", ("▁a", "b"), (1, 2), 8, "model"),)
    assert model_of(extension.tokenizer)["vocab"][8] == ["▁ab", pytest.approx(-2.0, abs=1e-3)]
    assert model_of(extension.tokenizer)["vocab"][8][1] > -2.0
    # ▁a + bc (-2.2) is still better than ▁ab + c (-3.5).
    assert cut(extension.tokenizer, "ab abb abc") == ["▁ab", "▁ab", "b", "▁a", "bc"]


def test_skeletokens_score_would_never_be_reached_by_a_word_of_frequent_pieces():
    tokenizer = unigram(_a=-1.0, b=-1.0, zz=-9.0)
    theirs = TokenizerModel.from_tokenizer(tokenizer.backend_tokenizer).add_tokens_to_vocabulary(["▁ab"], preprocess_tokens=False)  # fmt: skip
    assert theirs.to_tokenizer().encode("ab").tokens == ["▁a", "b"]
    assert cut(extended(tokenizer, ["ab"]).tokenizer, "ab") == ["▁ab"]


def test_special_tokens_behind_a_unigram_vocabulary_keep_their_numbers():
    tokenizer = unigram(_a=-1.0, b=-1.0)
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    assert tokenizer.mask_token_id == 3
    extension = extended(tokenizer, ["ab"])
    assert extension.added[0].new_id == 4
    assert extension.tokenizer.mask_token_id == 3
    assert cut(extension.tokenizer, "ab [MASK]") == ["▁ab", "[MASK]"] or "[MASK]" in cut(
        extension.tokenizer, "ab [MASK]"
    )


def test_ordinary_added_tokens_do_not_become_pieces():
    tokenizer = word_piece("ben", "##ign", "##i", "go", "##ne")
    tokenizer.add_tokens([AddedToken("gon", single_word=True)])
    before = cut(tokenizer, "gone gon")
    extension = extended(tokenizer, ["benigni"])
    assert extension.added[0].new_id == 7
    assert cut(extension.tokenizer, "gone gon") == before == ["go", "##ne", "gon"]


def test_an_added_token_is_found_as_a_whole_word_only_and_can_hold_what_the_tokenizer_cuts():
    tokenizer = word_piece("co", "##vid", "##iots", "-", "1", "9", lower=True)
    extension = extended(tokenizer, ["covid-19"], how="added_token")
    assert extension.added == (Added("covid-19", "covid-19", ("co", "##vid", "-", "[UNK]"), (1, 2, 4, 0), 7, "added_token"),)  # fmt: skip
    assert cut(extension.tokenizer, "Covid-19 covid covid-19s") == [
        "covid-19",
        "co",
        "##vid",
        *cut(tokenizer, "covid-19s"),
    ]


@pytest.mark.parametrize(
    ("word", "rule"),
    [("film", "one_token"), ("covid-19", "split"), ("a film", "split"), (" benigni", "split"), ("", "empty"), ("  ", "empty"), ("\u0000", "empty"), ("x[UNK]", "special"), ("x" * 101, "unreachable"), ("\ud800", "unreachable"), ("BENIGNI", "same_token")],
)  # fmt: skip
def test_a_word_that_cannot_be_added_is_refused_by_a_rule(word, rule):
    tokenizer = word_piece("ben", "##ign", "##i", "film", "a", "x", "##x", lower=True)
    assert rule in REFUSALS
    extension = extended(tokenizer, ["benigni", word])
    assert extension.refused == ((word, rule),)
    assert [one.token for one in extension.added] == ["benigni"]
    assert extended(tokenizer, [word]).added == () or rule == "same_token"


def test_a_word_that_starts_as_pieces_inside_words_do_is_refused():
    model = models.WordPiece({"[UNK]": 0, "a": 1, "##a": 2}, unk_token="[UNK]")
    tokenizer = fast(model, pre_tokenizers.WhitespaceSplit(), unk_token="[UNK]")
    assert extended(tokenizer, ["##b"]).refused == (("##b", "special"),)


@pytest.mark.parametrize("make", [lambda: byte_bpe("abcĠ", [("Ġ", "a"), ("b", "c"), ("c", "a")]), lambda: unigram(_a=-1.0, b=-1.0, c=-1.5, bc=-1.2, ca=-1.1, _=-2.0, a=-3.0)])  # fmt: skip
def test_no_text_is_longer_with_words_of_bpe_or_unigram_and_none_without_their_tokens_changes(make):
    tokenizer, draw = make(), random.Random(0)
    extension = extended(tokenizer, ["abc", "bc", "cab", "aca"])
    assert len(extension.added) >= 3
    longer = changed = 0
    for _ in range(1000):
        text = "".join(draw.choice("abc ") for _ in range(draw.randrange(12)))
        before, after = cut(tokenizer, text), cut(extension.tokenizer, text)
        longer += len(after) > len(before)
        if before != after:
            changed += 1
            assert {one.token for one in extension.added} & set(after)
    assert longer == 0
    assert changed > 50


def test_monotone_takes_words_of_two_pieces_that_lengthen_none_of_the_texts():
    tokenizer = word_piece("cov", "##e", "##er", "##rs", "##r", "fil", "##ms", "##s", "##m")
    # cov ##er becomes cove ##r, and cov ##er ##s stays as long; cov ##e ##rs becomes cove ##rs.
    assert cut(tokenizer, "cover covers cove") == ["cov", "##er", "cov", "##er", "##s", "cov", "##e"]
    assert [one.word for one in extended(tokenizer, ["cove", "filmms"], monotone=True).added] == ["cove"]
    assert extended(tokenizer, ["filmms"], monotone=True).refused == (("filmms", "more_than_two_pieces"),)
    longer = word_piece("cov", "##v", "##vid", "##i", "##d")
    assert cut(longer, "covvid") == ["cov", "##vid"]
    assert cut(extended(longer, ["covv"]).tokenizer, "covvid") == ["covv", "##i", "##d"]
    assert extended(longer, ["covv"], monotone=True).added[0].token == "covv"
    assert extended(longer, ["covv"], monotone=True, texts=["a covvid"]).refused == (("covv", "lengthens"),)


def word_level():
    return fast(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"), pre_tokenizers.Whitespace())


def with_suffix():
    core = models.BPE({"a": 0, "a</w>": 1}, [], end_of_word_suffix="</w>")
    return fast(core, pre_tokenizers.Whitespace())


def behind():
    tokenizer = unigram(_a=-1.0, b=-1.0)
    tokenizer.add_tokens(["covid"])
    return tokenizer


@pytest.mark.parametrize(
    ("make", "said"),
    [(ByT5Tokenizer, "reads bytes"), (word_level, "WordLevel"), (with_suffix, "end_of_word_suffix"), (behind, "'covid'")],
)  # fmt: skip
def test_a_tokenizer_that_cannot_be_extended_is_refused_in_a_sentence(make, said):
    with pytest.raises(ModelError, match=r"^No words can be added to .+\.$") as caught:
        extended(make(), ["benigni"])
    assert said in str(caught.value)


def test_nothing_is_said_on_the_way(caplog):
    with caplog.at_level(logging.DEBUG):
        tokenizer = unigram(_a=-1.0, b=-1.0)
        tokenizer.add_special_tokens({"mask_token": "[MASK]"})
        extended(tokenizer, ["ab"])
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert isinstance(tokenizer.backend_tokenizer, Tokenizer)
