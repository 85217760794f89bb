-- names: the words and pieces of the explained texts, and which of them name somebody or a place.
-- One row per (kind, word).
--
-- column  kind      word or piece
-- column  word      lower-case word; piece with · where the word goes on
-- column  is_named  a name, a place or a handle; a piece that stands in such words alone
-- unique  kind, word
with

words as (
    select
        word,
        type in ('name', 'place', 'handle') as is_named
    from word_types
    where kind = 'word'
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
