-- meant_words: the words whose meaning is looked up: those that the model uses, in one direction or in either, those
-- that are tried or that a pattern always holds, and the commonest of the data.
-- One row per word.
--
-- Meanings are told in standard deviations between these words. Among the used ones alone, a word about films would be
-- ordinary to a model that uses many of them, and far out to one that uses few.
--
-- column  word  lower-case word
-- unique  word
with

commonest as (
    select word
    from words
    where kind = 'word'
    group by word
    order by max(n_examples) desc, word
    limit 1000
)

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
union
select word
from commonest
order by word
