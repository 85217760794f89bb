-- words: what a choice of words for one token is made by.
-- One row per word that is cut.
--
-- column  word             lower-case word
-- column  spelling         its commonest spelling
-- column  stem             what it shares with its inflections
-- column  weights          mean absolute score of each of its pieces             [unit of the scalar]
-- column  n_examples       texts with the word
-- column  pieces_per_word  tokens per occurrence
-- column  value            tokens_over * importance: the order of the list       [unit of the scalar]
-- column  can_be_token     a word of such a type may be one token
-- unique  word
select
    word,
    spelling,
    stem,
    weights,
    n_examples,
    pieces_per_word,
    value,
    can_be_token
from split_words
order by rank
