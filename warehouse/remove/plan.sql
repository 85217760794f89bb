-- plan: the texts out of which all findings are taken at once, and as many other words as a control.
-- One row per text.
--
-- What is replaced has another word of its type in its place, drawn for each text.
-- The control beside it is made from remove/others.sql.
--
-- first   remove/found_spans
-- param   max_texts      most texts
-- param   max_stand_ins  most words that stand in for one word
-- param   min_stand_ins  fewest words of a type that stand in for each other
-- column  example_id    example
-- column  n_texts_with  all texts that hold a finding
-- column  edits         where the findings stand, and what to put there  [code points]
-- unique  example_id
with

texts as materialized (
    select
        example_id,
        count(*) over () as n_texts_with
    from found_spans
    group by example_id
    qualify row_number() over (order by md5(concat('removed ', example_id))) <= $max_texts
),

-- What is not used itself, nor found.
free as materialized (
    select stand_ins.*
    from stand_ins
    anti join found_spans using (kind, word)
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
        from found_spans
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
    from (select distinct example_id, kind, word from found_spans inner join texts using (example_id)) as places
    inner join matched using (kind, word)
    group by places.example_id, places.kind, places.word
)

select
    found_spans.example_id,
    any_value(texts.n_texts_with) as n_texts_with,
    list({
        'span_start': found_spans.span_start,
        'span_end': found_spans.span_end,
        'word': if(found_spans.is_swapped, coalesce(drawn.surface, ''), '')
    } order by found_spans.span_start) as edits
from found_spans
inner join texts using (example_id)
left join drawn using (example_id, kind, word)
group by found_spans.example_id
order by found_spans.example_id
