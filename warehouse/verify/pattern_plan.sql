-- pattern_plan: the texts with which every pattern is tried, and what is put into others.
-- One row per pattern that is put to the test; none where there are too few neutral words to stand in for it, as in
-- languages whose words have no types.
--
-- Texts near the boundary are tried: of four times as many, those that the model is least certain of.
-- Of long texts the words go that the model is not seen to use, down to the typical length.
--
-- param   max_documents  most texts of a pattern
-- param   max_stand_ins  most fillings of a pattern, and most neutral words
-- param   min_stand_ins  fewest neutral words
-- column  type       type of the pattern
-- column  pattern    what its texts have in common
-- column  place      where it mostly stands: start, end, first line, last line, inside or whole
-- column  held       texts with it, and where it stands in them  [code points]
-- column  others     texts without it that are read as another label, and which share of each is read  [0..1]
-- column  fillings   what is put into texts without it
-- column  neutral    content words that the model is not seen to use
-- column  n_words    words that its texts have more than the typical text, at least four
-- unique  type, pattern
with

sizes as (
    select
        example_id,
        count(*) as n_words
    from word_occurrences
    group by example_id
),

lengths as (
    select median(n_words) as typical
    from sizes
),

unused as (
    select
        occurrences.example_id,
        list(
            {'span_start': occurrences.word_start, 'span_end': occurrences.word_end}
            order by md5(concat('long ', occurrences.example_id, ' ', occurrences.word_start))
        ) as spans
    from word_occurrences as occurrences
    inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
    anti join (select distinct word from words where kind = 'word' and (used or either_way)) as used
        on occurrences.word = used.word
    where types.expectation = 'meaning'
    group by occurrences.example_id
),

texts as (
    select
        patterns.type,
        patterns.pattern,
        spans.example_id,
        greatest(any_value(sizes.n_words - lengths.typical), 4)::bigint as n_longer,
        if(
            patterns.type = 'length',
            list_sort(any_value(unused.spans)[:n_longer]),
            list({'span_start': spans.span_start, 'span_end': spans.span_end} order by spans.span_start)
        ) as spans
    from patterns
    cross join lengths
    inner join pattern_spans as spans using (type, pattern)
    left join unused using (example_id)
    left join sizes using (example_id)
    group by patterns.type, patterns.pattern, spans.example_id
),

held as (
    select
        type,
        pattern,
        arg_min(
            {'example_id': example_id, 'spans': spans},
            md5(concat('pattern ', pattern, ' ', example_id)),
            $max_documents
        ) as held,
        median(n_longer)::bigint as n_words
    from texts
    where spans is not null
    group by type, pattern
),

drawn as (
    select
        patterns.type,
        patterns.pattern,
        examples.example_id,
        examples.confidence,
        1 - examples.n_cut / examples.n_tokens as read_share
    from patterns
    inner join examples on patterns.label != examples.predicted_label
    anti join pattern_spans as spans
        on patterns.type = spans.type and patterns.pattern = spans.pattern
        and examples.example_id = spans.example_id
    where examples.converged
    qualify row_number() over (
        partition by patterns.type, patterns.pattern
        order by examples.n_cut > 0, md5(concat('without ', patterns.pattern, ' ', examples.example_id))
    ) <= 4 * $max_documents
),

without as (
    select
        type,
        pattern,
        arg_min(
            {'example_id': example_id, 'read_share': read_share}, (confidence, example_id), $max_documents
        ) as others
    from drawn
    group by type, pattern
),

neutral as (
    select arg_min(inserted, md5(concat('neutral ', word)), $max_stand_ins) as words
    from stand_ins
    where type = 'content word' and kind = 'word'
    having count(distinct inserted) >= $min_stand_ins
),

filled as (
    select
        type,
        pattern,
        example_id,
        surface
    from pattern_spans
    where place != 'whole' and type != 'companions'
    union all
    -- They are put in as they stand together.
    select
        type,
        pattern,
        example_id,
        string_agg(surface, ' ' order by span_start) as surface
    from pattern_spans
    where type = 'companions'
    group by type, pattern, example_id
),

fillings as (
    select
        type,
        pattern,
        arg_min(surface, md5(concat('filling ', surface, ' ', example_id)), $max_stand_ins) as fillings
    from filled
    group by type, pattern
)

select
    patterns.type,
    patterns.pattern,
    patterns.place,
    coalesce(held.held, []) as held,
    coalesce(without.others, []) as others,
    coalesce(fillings.fillings, []) as fillings,
    neutral.words as neutral,
    coalesce(held.n_words, 4) as n_words
from patterns
cross join neutral
left join held using (type, pattern)
left join without using (type, pattern)
left join fillings using (type, pattern)
order by patterns.rank
