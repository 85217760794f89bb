-- meant_words: the words whose meaning is looked up: those that the model uses, in one direction or in either, and
-- those that are tried or that a pattern always holds.
-- One row per word.
--
-- column  word  lower-case word
-- unique  word
select word
from words
where kind = 'word' and (used or either_way)
union
select word
from candidates
where kind = 'word'
union
select word
from pattern_words
order by word
