-- placebos: what words of a type do where any word is inserted.
-- One row per (type, text, stand-in, label).
--
-- param   placebo_parts  Parquet files of the placebo trials
-- param   labels         the model's labels
-- column  type         type of the word
-- column  example_id   example
-- column  replacement  the word that was inserted
-- column  label        label
-- column  margin       log-odds of the label in the changed text  [log-odds]
-- column  predicted    label the model gives to the changed text
-- unique  type, example_id, replacement, label
select
    type,
    example_id,
    replacement,
    label,
    margin,
    list_extract($labels::varchar[], predicted + 1) as predicted
from read_parquet($placebo_parts)
order by type, example_id, replacement, label
