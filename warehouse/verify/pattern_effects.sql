-- pattern_effects: what a pattern does, whatever fills it.
-- One row per (type, pattern, label).
--
-- Removal: in texts that hold it, less as many neutral words in its place. Insertion: put into texts read as other
-- labels, less as many neutral words at the same place. Texts in capitals and long ones: against the text itself.
--
-- param   pattern_trial_parts  Parquet files of the trials
-- param   min_effect      smallest mean effect that counts  [log-odds]
-- column  type              type of the pattern
-- column  pattern           what its texts have in common
-- column  label             label
-- column  removal_effect    mean effect where it stands             [log-odds]
-- column  removal_se        its standard error                      [log-odds]
-- column  n_removal         texts
-- column  insertion_effect  mean effect where it is put             [log-odds]
-- column  insertion_se      its standard error                      [log-odds]
-- column  n_insertion       texts
-- column  n_opposite        texts with an effect away from the label
-- column  n_signed          texts with an effect of a tenth of min_effect or more, either way
-- column  flip_rate         predictions of the texts with it that differ without it  [0..1]
-- unique  type, pattern, label
with

trials as (
    select
        parts.* exclude (predicted_with, predicted_without),
        examples.predicted_label,
        (predicted_with != predicted_without)::int as is_flipped
    from read_parquet($pattern_trial_parts) as parts
    inner join examples using (example_id)
),

per_text as (
    select
        type,
        pattern,
        label,
        operator,
        example_id,
        avg(margin_with - margin_without) as effect,
        avg(is_flipped) as share_flipped
    from trials
    where operator = 'removal' or predicted_label != label
    group by type, pattern, label, operator, example_id
)

select
    type,
    pattern,
    label,
    avg(effect) filter (where operator = 'removal') as removal_effect,
    stddev_samp(effect) filter (where operator = 'removal')
    / sqrt(count(*) filter (where operator = 'removal')) as removal_se,
    count(*) filter (where operator = 'removal') as n_removal,
    avg(effect) filter (where operator = 'insertion') as insertion_effect,
    stddev_samp(effect) filter (where operator = 'insertion')
    / sqrt(count(*) filter (where operator = 'insertion')) as insertion_se,
    count(*) filter (where operator = 'insertion') as n_insertion,
    count(*) filter (where effect <= -$min_effect / 10) as n_opposite,
    count(*) filter (where abs(effect) >= $min_effect / 10) as n_signed,
    avg(share_flipped) filter (where operator = 'removal') as flip_rate
from per_text
group by type, pattern, label
order by type, pattern, label
