-- others: the words of a text that the model does not use, which are changed in the place of its findings as a control.
-- One row per text that holds one.
--
-- Words come first that stand in enough texts to know that they are not used, and of these content words: a rare word
-- is not seen to be used, and a prediction changes twice as often without it. Each content word has another one to put
-- in its place, drawn for each of them; others are deleted only.
--
-- param   example_ids    the texts
-- param   max_stand_ins  content words that are drawn from
-- column  example_id  example
-- column  others      where they stand, in the order in which they are taken, and what to put there  [code points]
-- unique  example_id
with

unused as (
    select word
    from words
    where kind = 'word'
    group by word
    having not bool_or(used or either_way)
),

pool as (
    select
        stand_ins.word,
        stand_ins.surface
    from stand_ins
    inner join unused using (word)
    where stand_ins.kind = 'word' and stand_ins.type = 'content word'
    qualify row_number() over (order by md5(concat('control ', stand_ins.word))) <= $max_stand_ins
),

free as materialized (
    select
        occurrences.example_id,
        occurrences.word,
        occurrences.word_start as span_start,
        occurrences.word_end as span_end,
        types.type = 'content word' as is_content,
        unused.word is not null as is_known,
        md5(concat('other ', occurrences.example_id, ' ', occurrences.word_start)) as drawn
    from word_occurrences as occurrences
    inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
    left join unused on occurrences.word = unused.word
    anti join (select word from words where kind = 'word' and (used or either_way)) as used
        on occurrences.word = used.word
    where occurrences.example_id in (select unnest($example_ids::bigint[]))
),

put as (
    select
        free.example_id,
        free.span_start,
        arg_min(pool.surface, md5(concat(free.drawn, ' ', pool.word))) as surface
    from free
    inner join pool on free.word != pool.word
    where free.is_content
    group by free.example_id, free.span_start
)

select
    free.example_id,
    list({
        'span_start': free.span_start,
        'span_end': free.span_end,
        'word': coalesce(put.surface, '')
    } order by free.is_known desc, free.is_content desc, free.drawn) as others
from free
left join put using (example_id, span_start)
group by free.example_id
order by free.example_id
