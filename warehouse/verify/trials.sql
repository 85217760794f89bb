-- trials: a text with a word, and without it or with other words in its place.
-- One row per (candidate, operator, text); the stand-ins of a text are averaged.
--
-- With and without: delete and swap take the word out of a text that holds it, insert puts it into one that does not.
-- Without is, for delete, the text without the word; for swap, the text with words of its type in its place; for
-- insert, the text with placebo words at the same place.
--
-- param   trial_parts  Parquet files of verification
-- param   labels       the model's labels
-- column  kind               word or piece
-- column  label              label the word pushes towards
-- column  word               lower-case word; a piece with · where the word goes on
-- column  operator           delete, swap or insert
-- column  example_id         example
-- column  replacement        how the word was inserted; the first of the words that replaced it; null for delete
-- column  margin_with        log-odds of the label                                              [log-odds]
-- column  margin_without     the same without the word, mean over the stand-ins                 [log-odds]
-- column  effect             margin_with - margin_without                                       [log-odds]
-- column  n_placebos         stand-ins; 0 for delete
-- column  share_flipped      share of the stand-ins for which the predictions differ            [0..1]
-- column  predicted_with     label the model gives with the word
-- column  predicted_without  label it gives without it; with stand-ins, the commonest
-- column  gold_label         label of the dataset
-- unique  kind, label, word, operator, example_id
with

parts as (
    select
        * exclude (predicted_before, predicted_after, gold),
        list_extract($labels::varchar[], predicted_before + 1) as predicted_before,
        list_extract($labels::varchar[], predicted_after + 1) as predicted_after,
        list_extract($labels::varchar[], gold + 1) as gold_label
    from read_parquet($trial_parts)
),

compared as (
    select
        kind,
        label,
        word,
        operator,
        example_id,
        replacement,
        margin_before as margin_with,
        margin_after as margin_without,
        predicted_before as predicted_with,
        predicted_after as predicted_without,
        gold_label
    from parts
    where operator != 'insert'
    union all
    select
        parts.kind,
        parts.label,
        parts.word,
        parts.operator,
        parts.example_id,
        parts.replacement,
        parts.margin_after as margin_with,
        placebos.margin as margin_without,
        parts.predicted_after as predicted_with,
        placebos.predicted as predicted_without,
        parts.gold_label
    from parts
    inner join placebos
        on parts.placebo_type = placebos.type
        and parts.example_id = placebos.example_id
        and parts.label = placebos.label
    where parts.operator = 'insert'
)

select
    kind,
    label,
    word,
    operator,
    example_id,
    min(replacement) as replacement,
    any_value(margin_with) as margin_with,
    avg(margin_without) as margin_without,
    any_value(margin_with) - avg(margin_without) as effect,
    if(operator = 'delete', 0, count(*)) as n_placebos,
    avg((predicted_with != predicted_without)::int) as share_flipped,
    any_value(predicted_with) as predicted_with,
    mode(predicted_without order by predicted_without) as predicted_without,
    any_value(gold_label) as gold_label
from compared
group by kind, label, word, operator, example_id
order by kind desc, label, word, operator, example_id
