-- meant_types: the types of the words whose meaning was looked up.
-- One row per word.
--
-- param   words  the words
-- column  word  lower-case word
-- column  type  its type
-- unique  word
select
    word,
    type
from word_types
where kind = 'word' and list_contains($words::varchar[], word)
order by word
