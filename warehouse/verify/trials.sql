-- trials: predictions of the model for a text before and after a change.
-- One row per (candidate, operator, text).
--
-- param   trial_parts       Parquet files of verification
-- param   labels            the model's labels
-- column  kind              word or piece
-- column  label             label the word pushes towards
-- column  word              lower-case word; a piece with · where the word goes on
-- column  operator          delete, mask, swap, neighbour or insert
-- column  example_id        example
-- column  replacement       what replaced the word, or what was inserted
-- column  margin_before     log-odds of the label                                                 [log-odds]
-- column  margin_after      the same after the change                                             [log-odds]
-- column  effect            effect of the word: before minus after, for insert after minus before [log-odds]
-- column  predicted_before  label the model gives
-- column  predicted_after   label the model gives after the change
-- column  gold_label        label of the dataset
-- unique  kind, label, word, operator, example_id
select
    kind,
    label,
    word,
    operator,
    example_id,
    replacement,
    margin_before,
    margin_after,
    if(operator = 'insert', margin_after - margin_before, margin_before - margin_after) as effect,
    list_extract($labels::varchar[], predicted_before + 1) as predicted_before,
    list_extract($labels::varchar[], predicted_after + 1) as predicted_after,
    list_extract($labels::varchar[], gold + 1) as gold_label
from read_parquet($trial_parts)
order by kind desc, label, word, operator, example_id
