-- arm_texts: how often the classifiers of each arm read a held-out text rightly, and what most of them say.
-- One row per (arm, figure, text).
--
-- param   prediction_parts  Parquet files of the retraining
-- param   held_out_parts    Parquet file with the words of findings that each text holds
-- column  arm           what was changed
-- column  figure        measured, or forecast: the last layer alone was fitted again
-- column  row_number    place of the text in the dataset
-- column  source_id     its id
-- column  text          the text
-- column  label         gold label, an index of the labels of the run
-- column  words         words of the findings that it holds
-- column  n_seeds       classifiers
-- column  share_right   of them, those that are right                              [0..1]
-- column  is_right      more than half of them are
-- column  predicted     label that most of them predict; among equals the first
-- column  rights        whether each of them is right, in the order of their seeds
-- unique  arm, figure, row_number
with

counted as (
    select
        arm,
        figure,
        row_number,
        predicted,
        count(*) as n
    from read_parquet($prediction_parts)
    group by arm, figure, row_number, predicted
),

modes as (
    select
        arm,
        figure,
        row_number,
        arg_max(predicted, (n, -predicted)) as predicted
    from counted
    group by arm, figure, row_number
)

select
    own.arm,
    own.figure,
    own.row_number,
    any_value(held_out.source_id) as source_id,
    any_value(held_out.text) as text,
    any_value(own.label) as label,
    any_value(held_out.words) as words,
    count(*) as n_seeds,
    avg((own.predicted = own.label)::int) as share_right,
    share_right > 0.5 as is_right,
    any_value(modes.predicted) as predicted,
    list(own.predicted = own.label order by own.seed) as rights
from read_parquet($prediction_parts) as own
inner join read_parquet($held_out_parts) as held_out using (row_number)
inner join modes
    on own.arm = modes.arm and own.figure = modes.figure and own.row_number = modes.row_number
group by own.arm, own.figure, own.row_number
order by own.arm, own.figure, own.row_number
