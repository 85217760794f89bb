-- unused: words of the types of spurious words that are no finding, which a placebo changes in their place.
-- One row per (type, word).
--
-- column  type  type of the word
-- column  word  lower-case word
-- unique  type, word
select distinct
    types.type,
    types.word
from word_types as types
inner join word_importance as importance using (kind, word)
anti join (
    select word
    from verdicts
    where kind = 'word' and status in ('spurious', 'part')
) as spurious on types.word = spurious.word
where types.kind = 'word'
    and types.type in (select type from verdicts where kind = 'word' and status in ('spurious', 'part'))
order by types.type, types.word
