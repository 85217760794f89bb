-- spellings: how a word is usually written, where no sentence starts if there is such a place.
-- One row per word.
--
-- column  word     lower-case word
-- column  surface  its commonest spelling
-- unique  word
select
    word,
    arg_max(surface, (inside, n_occurrences, surface)) as surface
from (
    select
        word,
        surface,
        not starts_sentence as inside,
        count(*) as n_occurrences
    from word_occurrences
    group by word, surface, inside
)
group by word
order by word
