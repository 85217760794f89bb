-- token_texts: how often the classifiers of each arm of a vocabulary review read a held-out text rightly.
-- One row per (arm, text).
--
-- param   prediction_parts  Parquet files of the retraining
-- param   held_out_parts    Parquet file with the words of the arms that each text holds
-- param   arm_parts         Parquet file with the words of each arm
-- column  arm           which words are one token
-- column  row_number    place of the text in the dataset
-- column  words         words of all arms that the text holds
-- column  n_held        of these, words of this arm
-- column  n_seeds       classifiers
-- column  share_right   of them, those that are right                              [0..1]
-- column  is_right      more than half of them are
-- column  rights        whether each of them is right, in the order of their seeds
-- unique  arm, row_number
with

arms as (
    select
        arm,
        list(word) as words
    from read_parquet($arm_parts)
    group by arm
)

select
    own.arm,
    own.row_number,
    any_value(held_out.words) as words,
    len(list_intersect(any_value(held_out.words), coalesce(any_value(arms.words), []))) as n_held,
    count(*) as n_seeds,
    avg((own.predicted = own.label)::int) as share_right,
    share_right > 0.5 as is_right,
    list(own.predicted = own.label order by own.seed) as rights
from read_parquet($prediction_parts) as own
inner join read_parquet($held_out_parts) as held_out using (row_number)
left join arms using (arm)
group by own.arm, own.row_number
order by own.arm, own.row_number
