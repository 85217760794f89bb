-- pattern_words: the words that stand in openings, endings, lines and sets of companions: those they always hold, and what fills them.
-- One row per (type, pattern, word): words in a tenth of the texts of the pattern or more.
--
-- column  type     opening, ending, line or companions
-- column  pattern  what its texts have in common
-- column  word     lower-case word of it
-- column  share    share of the texts of the pattern in which the word is a part of it  [0..1]
-- unique  type, pattern, word
with

spans as (
    select
        patterns.type,
        patterns.pattern,
        own.example_id,
        own.span_start,
        own.span_end
    from patterns
    inner join pattern_spans as own using (type, pattern)
    where patterns.type in (select type from type_rules where pattern = 'template')
),

sizes as (
    select
        type,
        pattern,
        count(distinct example_id) as n_examples
    from spans
    group by type, pattern
)

select
    spans.type,
    spans.pattern,
    occurrences.word,
    count(distinct spans.example_id) / any_value(sizes.n_examples) as share
from spans
inner join sizes using (type, pattern)
inner join word_occurrences as occurrences
    on spans.example_id = occurrences.example_id
    and spans.span_start <= occurrences.word_start
    and occurrences.word_end <= spans.span_end
inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
group by spans.type, spans.pattern, occurrences.word
having share >= 0.1
order by spans.type, spans.pattern, occurrences.word
