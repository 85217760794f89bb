-- found_spans: where all findings stand.
-- One row per (kind, word, place in a text); findings in the same place have one.
--
-- Taken out are the words and pieces that are spurious, both words of a spurious pair where the text holds them (in the
-- order in which they act), all words of a spurious type, and spurious patterns. What should not decide by its type is
-- replaced by another word of the type; what carries meaning, a whole type and a pattern are deleted. Texts in
-- capitals, and long ones, stay as they are.
--
-- param   token_parts  Parquet files of attribution, one row per token
-- column  example_id  example
-- column  kind        word, piece or pattern
-- column  word        what stands there
-- column  span_start  first character  [code points]
-- column  span_end    end, exclusive   [code points]
-- column  is_swapped  it is replaced by another word of its type
-- column  sort        what may stand in for it; null for a pattern
-- unique  kind, word, example_id, span_start
with

-- Whole words that go wherever they stand; by their type or for themselves.
words_out as (
    select
        word,
        false as by_type
    from verdicts
    where status = 'spurious' and kind = 'word'
    union all
    select
        types.word,
        true as by_type
    from verdicts
    inner join word_types as types on types.kind = 'word' and verdicts.word = types.type
    where verdicts.status = 'spurious' and verdicts.kind = 'type'
),

pairs_out as (
    select
        interactions.word,
        interactions.partner,
        interactions.comparison
    from verdicts
    inner join interactions
        on verdicts.label = interactions.label
        and verdicts.word = concat(interactions.word, ' … ', interactions.partner)
    where verdicts.status = 'spurious' and verdicts.kind = 'pair'
),

first_places as (
    select
        example_id,
        word,
        min(word_start) as first_start
    from word_occurrences
    where word in (select unnest([word, partner]) from pairs_out)
    group by example_id, word
),

taken as (
    select
        example_id,
        word,
        bool_or(by_type) as by_type
    from (
        select
            occurrences.example_id,
            words_out.word,
            words_out.by_type
        from word_occurrences as occurrences
        inner join words_out using (word)
        union all
        select
            own.example_id,
            unnest([pairs_out.word, pairs_out.partner]) as word,
            false as by_type
        from pairs_out
        inner join first_places as own using (word)
        inner join first_places as other on own.example_id = other.example_id and pairs_out.partner = other.word
        where pairs_out.comparison = 'presence' or other.first_start < own.first_start
    )
    group by example_id, word
),

patterns_found as (
    select distinct
        spans.example_id,
        spans.pattern,
        spans.span_start,
        spans.span_end
    from verdicts
    inner join pattern_spans as spans on verdicts.type = spans.type and verdicts.word = spans.pattern
    where verdicts.status = 'spurious' and verdicts.kind = 'pattern' and spans.place != 'whole'
),

-- Of those that overlap, the longest goes.
patterns_out as (
    select own.*
    from patterns_found as own
    anti join patterns_found as longer
        on own.example_id = longer.example_id
        and own.span_start < longer.span_end
        and longer.span_start < own.span_end
        and (longer.span_end - longer.span_start, own.span_start, own.pattern)
        > (own.span_end - own.span_start, longer.span_start, longer.pattern)
),

marked as (
    select
        occurrences.example_id,
        'word' as kind,
        occurrences.word,
        occurrences.word_start as span_start,
        occurrences.word_end as span_end,
        types.expectation = 'none' and not taken.by_type as is_swapped,
        stand_in_sort('word', occurrences.word, types.type, types.word_group) as sort
    from word_occurrences as occurrences
    inner join taken using (example_id, word)
    inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
    union all
    select
        pieces.example_id,
        'piece' as kind,
        pieces.piece as word,
        tokens.token_start as span_start,
        tokens.token_end as span_end,
        types.expectation = 'none' as is_swapped,
        stand_in_sort('piece', pieces.piece, null, null) as sort
    from piece_occurrences as pieces
    inner join read_parquet($token_parts) as tokens
        on pieces.example_id = tokens.example_id and pieces.position = tokens.position
    inner join word_types as types on types.kind = 'piece' and pieces.piece = types.word
    -- Its word is gone as a whole.
    anti join taken on pieces.example_id = taken.example_id and pieces.source_word = taken.word
    where pieces.piece in (select word from verdicts where status = 'spurious' and kind = 'piece')
),

removed as (
    select marked.*
    from marked
    anti join patterns_out as whole
        on marked.example_id = whole.example_id
        and marked.span_start < whole.span_end
        and whole.span_start < marked.span_end
    union all
    select
        example_id,
        'pattern' as kind,
        pattern as word,
        span_start,
        span_end,
        false as is_swapped,
        null as sort
    from patterns_out
)

select
    example_id,
    kind,
    word,
    span_start,
    span_end,
    is_swapped,
    sort
from removed
order by example_id, span_start, kind, word
