-- plan: the texts out of which all findings are taken at once, and as many other words as a control.
-- One row per text.
--
-- Taken out are the words and pieces that are spurious, both words of a spurious pair where the text holds them (in the
-- order in which they act), and all words of a spurious type. What should not decide by its type is replaced by another
-- word of the type, drawn for each text; what carries meaning, and a whole type, is deleted.
-- The control beside it is made from remove/others.sql.
--
-- param   token_parts    Parquet files of attribution, one row per token
-- param   max_texts      most texts
-- param   max_stand_ins  most words that stand in for one word
-- param   min_stand_ins  fewest words of a type that stand in for each other
-- column  example_id    example
-- column  n_texts_with  all texts that hold a finding
-- column  edits         where the findings stand, and what to put there  [code points]
-- unique  example_id
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

removed as materialized (
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

texts as materialized (
    select
        example_id,
        count(*) over () as n_texts_with
    from removed
    group by example_id
    qualify row_number() over (order by md5(concat('removed ', example_id))) <= $max_texts
),

-- What is not used itself, nor found.
free as materialized (
    select stand_ins.*
    from stand_ins
    anti join removed using (kind, word)
),

own_sorts as materialized (
    select
        own.kind,
        own.word,
        own.n_examples,
        coalesce(sorts.sort, 'content word ') as sort,
        if(sorts.sort is null, 'word', own.kind) as sort_kind
    from (
        select
            kind,
            word,
            any_value(sort) as sort,
            count(distinct example_id) as n_examples
        from removed
        where is_swapped
        group by kind, word
    ) as own
    left join (select kind, sort from free group by kind, sort having count(*) >= $min_stand_ins) as sorts
        using (kind, sort)
),

matched as (
    select
        own.kind,
        own.word,
        free.surface,
        free.word as stand_in
    from own_sorts as own
    inner join free on own.sort_kind = free.kind and own.sort = free.sort
    qualify row_number() over (
        partition by own.kind, own.word
        order by
            abs(ln(free.n_examples / own.n_examples)) + abs(length(free.word) - length(own.word)) / 2,
            md5(free.word)
    ) <= $max_stand_ins
),

drawn as (
    select
        places.example_id,
        places.kind,
        places.word,
        arg_min(matched.surface, md5(concat(places.word, ' ', places.example_id, ' ', matched.stand_in))) as surface
    from (select distinct example_id, kind, word from removed inner join texts using (example_id)) as places
    inner join matched using (kind, word)
    group by places.example_id, places.kind, places.word
)

select
    removed.example_id,
    any_value(texts.n_texts_with) as n_texts_with,
    list({
        'span_start': removed.span_start,
        'span_end': removed.span_end,
        'word': if(removed.is_swapped, coalesce(drawn.surface, ''), '')
    } order by removed.span_start) as edits
from removed
inner join texts using (example_id)
left join drawn using (example_id, kind, word)
group by removed.example_id
order by removed.example_id
