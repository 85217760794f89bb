-- meant_words: the words whose meaning is looked up: those that the model uses, in one direction or in either, and
-- those that are tried.
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
order by word
