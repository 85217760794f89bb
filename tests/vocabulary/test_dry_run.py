"""What an extended tokenizer does to texts, counted by hand."""

from dataclasses import replace

import pytest
from tokenizers import normalizers

from tasks.vocabulary.dry_run import Collision, measured, require_clean
from tasks.vocabulary.extend import extended
from tests.vocabulary.byhand import byte_bpe, unigram, word_piece

COVID = ("a", "co", "##vid", "##iots", "##ots", "##i")
TEXTS = ["a covid a", "covid covid", "covidiots a covidiots", "a a a", "co", ""]


def measure(tokenizer, words, texts, max_tokens=100, **how):
    return measured(tokenizer, extended(tokenizer, words, **how), texts, max_tokens)


def test_tokens_and_affected_texts_are_counted_and_each_word_saves_its_part():
    found = measure(word_piece(*COVID), ["covid"], TEXTS)
    assert (found.texts, found.tokens_before, found.tokens_after, found.tokens_saved) == (6, 4 + 4 + 7 + 3 + 1, 3 + 2 + 5 + 3 + 1, 5)  # fmt: skip
    assert found.saved == {"covid": 5}
    assert (found.affected, found.offenders, found.longer, found.unreachable, found.bad_offsets) == ((0, 1, 2), (), (), (), ())  # fmt: skip
    assert (found.rows_before, found.rows_after, found.bytes_added(384), found.bytes_added(10, 2)) == (7, 8, 1536, 20)
    assert min(*found.encode_seconds, *found.load_seconds) > 0
    require_clean(found, TEXTS)


def test_a_word_of_the_texts_that_holds_an_added_token_is_a_collision_counted_by_texts():
    found = measure(word_piece(*COVID), ["covid"], [*TEXTS, "Covidiots covidiots a", "covid-covidiots"])
    assert found.collisions == (Collision("covid", "covidiots", 4 - 1),)


def test_texts_that_get_longer_and_texts_that_are_no_longer_cut_are_listed():
    longer = word_piece("cov", "##v", "##vid", "##i", "##d", "a")
    # covv is cov ##v today; covvid is cov ##vid, and covv ##i ##d then.
    found = measure(longer, ["covv"], ["a covvid", "covv covv", "covv a a", "covv covv covv covv"], max_tokens=3)
    assert found.longer == (0,)
    assert found.saved == {"covv": -1 + 2 + 1 + 4}
    assert (found.cut, found.no_longer_cut) == (3, (1, 2))


def test_two_words_side_by_side_share_what_they_save():
    tokenizer = unigram(_a=-1.0, b=-1.0, c=-1.0, _=-3.0)
    found = measure(tokenizer, ["ab", "abc"], ["ab abc ab", "abcb"])
    # ▁a b ▁a b c ▁a b: 7 tokens, then 3; ▁a b c b: 4, then 2.
    assert (found.tokens_before, found.tokens_after, found.saved) == (11, 5, {"ab": 2, "abc": 4})


@pytest.mark.parametrize("how", ["model", "added_token"])
def test_offsets_hold_where_tokens_start_with_the_space_and_letters_have_several_bytes(how):
    tokenizer = byte_bpe(list("abcĠÃ©ð"), [("Ġ", "a"), ("Ã", "©")])
    found = measure(tokenizer, ["aé", "ab"], ["c aé, ab\u00e9 ab", "é aé"], how=how)
    assert found.bad_offsets == ()
    assert found.affected == (0, 1)


def test_a_text_with_other_ids_and_no_added_token_is_an_offender_and_named():
    tokenizer = word_piece(*COVID)
    other = word_piece("a", "co", "##vid", "##iots", "##ots", "##i", "##o", "##t", "covid", "coco")
    extension = replace(extended(tokenizer, ["covid"]), tokenizer=other)
    texts = ["covidi", "a", "cot"]
    extension = replace(extension, added=(extension.added[0]._replace(new_id=10),))
    found = measured(tokenizer, extension, texts, 100)
    assert found.offenders == (0, 2)
    assert found.unreachable == (10,)
    with pytest.raises(AssertionError, match="'covidi'"):
        require_clean(found, texts)


def test_offsets_of_a_new_token_that_are_not_those_of_its_word_or_leave_characters_out_are_named():
    tokenizer = word_piece(*COVID)
    extension = extended(tokenizer, ["covid"])
    claimed = replace(extension, added=(extension.added[0]._replace(word="acovid"),))
    assert measured(tokenizer, claimed, ["a covid"], 9).bad_offsets == ((0, "token"),)
    extension.tokenizer.backend_tokenizer.normalizer = normalizers.Replace("a", "")
    assert measured(tokenizer, extension, ["a covid"], 9).bad_offsets == ((0, "covered"),)
