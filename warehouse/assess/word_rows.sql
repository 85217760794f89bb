-- word_rows: every word that is cut, those whose cut weighs most first.
-- One row per word. Its columns are those of token_words.
--
-- unique  word
select *
from token_words
order by rank
