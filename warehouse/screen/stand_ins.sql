-- stand_ins: words that may stand in for another of their type, since the model does not use them.
-- One row per (kind, word): at most a thousand of each sort, so that the pairs of words stay few.
--
-- Nor may a word that stands in patterns which go with a label more often than not: each of many entities is in one
-- text, so that nobody knows whether it is used, and all of them are.
-- What may stand in the place of what: a word of the same type, and of the same group of function words; a beginning
-- of a word for a beginning, an end for an end.
--
-- column  kind        word or piece
-- column  word        lower-case word; a piece with · where the word goes on
-- column  type        type of the word
-- column  sort        what it may stand in for
-- column  n_examples  examples with the word
-- column  surface     how it is written in the place of another word
-- column  inserted    how it is written between two words: for a piece, a word it comes from
-- unique  kind, word
with

counted as (
    select
        kind,
        word,
        count(*) as n_examples
    from word_scores
    where kind in ('word', 'piece')
    group by kind, word
),

in_patterns as (
    select
        own.word,
        count(distinct (own.example_id, own.word_start)) as n_inside
    from patterns
    inner join pattern_spans as spans using (type, pattern)
    inner join word_occurrences as own
        on spans.example_id = own.example_id
        and spans.span_start <= own.word_start
        and own.word_end <= spans.span_end
    where spans.place != 'whole'
    group by own.word
),

mostly_in_patterns as (
    select in_patterns.word
    from in_patterns
    inner join word_occurrences using (word)
    group by in_patterns.word, in_patterns.n_inside
    having in_patterns.n_inside > 0.5 * count(*)
),

sources as (
    select
        piece,
        arg_min(surface, md5(concat('insert ', piece, ' ', source_word))) as surface
    from (select distinct piece, source_word from piece_occurrences)
    inner join spellings on source_word = spellings.word
    group by piece
),

sorts as (
    select
        counted.*,
        types.type,
        stand_in_sort(kind, word, types.type, types.word_group) as sort
    from counted
    inner join word_types as types using (kind, word)
)

select
    sorts.kind,
    sorts.word,
    sorts.type,
    sorts.sort,
    sorts.n_examples,
    coalesce(spellings.surface, replace(sorts.word, '·', '')) as surface,
    coalesce(spellings.surface, sources.surface) as inserted
from sorts
left join spellings on sorts.kind = 'word' and sorts.word = spellings.word
left join sources on sorts.kind = 'piece' and sorts.word = sources.piece
anti join (select kind, word from words where used) as used on sorts.kind = used.kind and sorts.word = used.word
where coalesce(spellings.surface, sources.surface) is not null
    and (sorts.kind != 'word' or sorts.word not in (select word from mostly_in_patterns))
qualify row_number() over (
    partition by sorts.kind, sorts.sort order by sorts.n_examples = 1, md5(sorts.word)
) <= 1000
order by sorts.kind, sorts.word
