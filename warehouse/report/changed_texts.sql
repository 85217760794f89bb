-- changed_texts: for every spurious word one text that a trial changed, and how often the trials changed a prediction.
-- One row per (label, word).
--
-- A text whose prediction changes comes first, then one that holds the word, then a short one.
--
-- param   trial_parts       Parquet files of verification
-- param   names             the model's labels
-- column  label             label it pushes towards
-- column  word              lower-case word
-- column  operator          delete, swap or insert
-- column  replacement       what was put in the place of the word, or how it was inserted; null for delete
-- column  example_id        example
-- column  source_id         the dataset's own id
-- column  text              raw text
-- column  spans             where the word stands; empty for insert                     [code points]
-- column  read_share        share of the text that the model reads                      [0..1]
-- column  margin_before     log-odds of the label
-- column  margin_after      the same after the change
-- column  predicted_before  label the model gives
-- column  predicted_after   label it gives after the change
-- column  n_removal         texts it was taken out of
-- column  n_removal_flips   of these, texts whose prediction changes
-- column  n_insertion       texts it was inserted into
-- column  n_insertion_flips of these, texts that are predicted otherwise than with a placebo word there
-- unique  label, word
with

counted as (
    select
        label,
        word,
        count_if(operator != 'insert') as n_removal,
        count_if(operator != 'insert' and predicted_with != predicted_without) as n_removal_flips,
        count_if(operator = 'insert') as n_insertion,
        count_if(operator = 'insert' and predicted_with != predicted_without) as n_insertion_flips
    from trials
    where kind = 'word'
    group by label, word
),

tried as (
    select
        parts.label,
        parts.word,
        parts.operator,
        parts.replacement,
        parts.example_id,
        parts.margin_before,
        parts.margin_after,
        $names[parts.predicted_before + 1] as predicted_before,
        $names[parts.predicted_after + 1] as predicted_after,
        -- One that speaks against the finding would not show it.
        if(parts.operator = 'insert', -1, 1) * (parts.margin_before - parts.margin_after) as effect
    from read_parquet($trial_parts) as parts
    inner join verdicts using (kind, label, word)
    where parts.kind = 'word' and verdicts.status = 'spurious'
),

chosen as (
    select
        tried.*,
        examples.source_id,
        examples.text
    from tried
    inner join examples using (example_id)
    where tried.effect > 0
    qualify row_number() over (
        partition by tried.label, tried.word
        order by
            tried.predicted_before = tried.predicted_after,
            tried.operator = 'insert',
            length(examples.text) > 160,
            tried.effect desc,
            tried.example_id,
            tried.replacement
    ) = 1
)

select
    chosen.label,
    chosen.word,
    chosen.operator,
    chosen.replacement,
    chosen.example_id,
    chosen.source_id,
    chosen.text,
    list({'span_start': places.word_start, 'span_end': places.word_end} order by places.word_start)
    filter (where chosen.operator != 'insert') as spans,
    any_value(pool_texts.read_share) as read_share,
    chosen.margin_before,
    chosen.margin_after,
    chosen.predicted_before,
    chosen.predicted_after,
    any_value(counted.n_removal) as n_removal,
    any_value(counted.n_removal_flips) as n_removal_flips,
    any_value(counted.n_insertion) as n_insertion,
    any_value(counted.n_insertion_flips) as n_insertion_flips
from chosen
inner join counted using (label, word)
left join word_occurrences as places using (example_id, word)
left join pool_texts using (example_id)
group by all
order by chosen.label, chosen.word
