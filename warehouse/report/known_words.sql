-- known_words: every word and piece with figures, from which a misspelt one is guessed.
-- One row per word or piece.
--
-- column  word  lower-case word, or a piece with · where the word goes on
-- unique  word
select distinct word
from words
order by word
