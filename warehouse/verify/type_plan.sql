-- type_plan: the texts in which all words of a type are taken out, beside as many other words.
-- One row per type that should not decide.
--
-- The others are content words in the same text that the model is known not to use: what is left of the difference is
-- not that something is missing. Words in too few texts are no control, since nobody knows whether they are used.
--
-- param   min_examples   examples from which on it is known whether a word is used
-- param   max_documents  most texts of a type
-- column  type  type of the words
-- column  held  texts, where the words of the type stand in them, and where as many others  [code points]
-- unique  type
with

occurrences as (
    select
        occurrences.example_id,
        types.type,
        occurrences.word_start as span_start,
        occurrences.word_end as span_end,
        types.expectation,
        md5(concat('other ', occurrences.example_id, ' ', occurrences.word_start)) as drawn,
        types.type = 'content word' and coalesce(stand_ins.n_examples >= $min_examples, false) as is_control
    from word_occurrences as occurrences
    inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
    left join stand_ins on stand_ins.kind = 'word' and occurrences.word = stand_ins.word
),

controls as (
    select
        example_id,
        list({'span_start': span_start, 'span_end': span_end} order by drawn) as spans
    from occurrences
    where is_control
    group by example_id
),

texts as (
    select
        type,
        example_id,
        list({'span_start': span_start, 'span_end': span_end} order by span_start) as spans
    from occurrences
    where expectation = 'none'
    group by type, example_id
)

select
    texts.type,
    arg_min(
        {
            'example_id': example_id,
            'spans': texts.spans,
            'control_spans': list_sort(controls.spans[: len(texts.spans)])
        },
        md5(concat('type ', texts.type, ' ', example_id)),
        $max_documents
    ) as held
from texts
inner join controls using (example_id)
where len(controls.spans) >= len(texts.spans)
group by texts.type
order by texts.type
