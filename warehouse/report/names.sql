-- names: the words and pieces of the explained texts, and which of them name somebody or a place.
-- One row per (kind, word).
--
-- column  kind      word or piece
-- column  word      lower-case word; piece with · where the word goes on
-- column  is_named  its type names somebody or a place; a piece that stands in such words alone
-- unique  kind, word
with

words as (
    select
        words.word,
        coalesce(rules.is_named, false) as is_named
    from word_types as words
    left join type_rules as rules using (type)
    where words.kind = 'word'
)

select
    'word' as kind,
    word,
    is_named
from words
union all
select
    'piece' as kind,
    pieces.piece as word,
    bool_and(words.is_named) as is_named
from piece_occurrences as pieces
inner join words on pieces.source_word = words.word
group by pieces.piece
order by kind, word
