-- others: the words of a text that the model does not use, which are changed in the place of its findings as a control.
-- One row per text that holds one.
--
-- Content words come first, each with another content word to put in its place, drawn for each of them; others are
-- deleted only.
--
-- param   example_ids    the texts
-- param   max_stand_ins  content words that are drawn from
-- column  example_id  example
-- column  others      where they stand, in the order in which they are taken, and what to put there  [code points]
-- unique  example_id
with

pool as (
    select
        word,
        surface
    from stand_ins
    anti join (select word from verdicts where kind = 'word' and status = 'spurious') as found using (word)
    where kind = 'word' and type = 'content word'
    qualify row_number() over (order by n_examples = 1, md5(concat('control ', word))) <= $max_stand_ins
),

free as materialized (
    select
        occurrences.example_id,
        occurrences.word,
        occurrences.word_start as span_start,
        occurrences.word_end as span_end,
        types.type = 'content word' as is_content,
        md5(concat('other ', occurrences.example_id, ' ', occurrences.word_start)) as drawn
    from word_occurrences as occurrences
    inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
    anti join (select word from words where kind = 'word' and used) as used on occurrences.word = used.word
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
    } order by free.is_content desc, free.drawn) as others
from free
left join put using (example_id, span_start)
group by free.example_id
order by free.example_id
