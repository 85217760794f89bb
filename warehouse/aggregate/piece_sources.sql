-- piece_sources: the words that a piece comes from.
-- One row per piece.
--
-- column  piece         lower-case piece, with · where the word goes on
-- column  n_words       different words it comes from
-- column  source_words  the six most frequent of them, most frequent first
-- unique  piece
with

counted as (
    select
        piece,
        source_word,
        count(distinct example_id) as n_examples
    from piece_occurrences
    group by piece, source_word
),

ordered as (
    select
        *,
        row_number() over (partition by piece order by n_examples desc, source_word) as place
    from counted
)

select
    piece,
    count(*) as n_words,
    string_agg(source_word, ', ' order by place) filter (where place <= 6) as source_words
from ordered
group by piece
order by piece
