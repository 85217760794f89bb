-- pattern_effects: what a pattern does, whatever fills it.
-- One row per (type, pattern, label).
--
-- Removal: in texts that hold it, less as many neutral words in its place. Insertion: put into texts read as other
-- labels, less as many neutral words at the same place. Texts in capitals and long ones: against the text itself.
-- Effects are those near the boundary, where a prediction can change: in texts that without the pattern are within two
-- log-odds of it, or in the nearest third if fewer than eight are. Tests that it pushes at all use all texts, and flips
-- are those of all.
--
-- param   pattern_trial_parts  Parquet files of the trials
-- param   min_effect      smallest mean effect that counts  [log-odds]
-- column  type              type of the pattern
-- column  pattern           what its texts have in common
-- column  label             label
-- column  removal_effect    mean effect where it stands, near the boundary  [log-odds]
-- column  removal_se        its standard error                      [log-odds]
-- column  n_removal         texts near the boundary
-- column  insertion_effect  mean effect where it is put, near the boundary  [log-odds]
-- column  insertion_se      its standard error                      [log-odds]
-- column  n_insertion       texts near the boundary
-- column  removal_mean      mean effect in all texts with it         [log-odds]
-- column  removal_mean_se   its standard error                      [log-odds]
-- column  n_removal_all     texts with it that were tried
-- column  insertion_mean    mean effect in all texts it was put into  [log-odds]
-- column  insertion_mean_se its standard error                      [log-odds]
-- column  n_insertion_all   texts it was put into
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
        abs(avg(margin_without)) as distance,
        avg(is_flipped) as share_flipped
    from trials
    where operator = 'removal' or predicted_label != label
    group by type, pattern, label, operator, example_id
),

placed as (
    select
        *,
        row_number() over (partition by type, pattern, label, operator order by distance, example_id) as place,
        count(*) over (partition by type, pattern, label, operator) as n,
        count(*) filter (where distance <= 2) over (partition by type, pattern, label, operator) as n_near
    from per_text
),

near as (
    select
        * exclude (effect),
        effect as any_effect,
        if(place <= if(n_near >= 8, n_near, greatest(ceil(n / 3), least(n, 8))), effect, null) as effect
    from placed
)

select
    type,
    pattern,
    label,
    avg(effect) filter (where operator = 'removal') as removal_effect,
    stddev_samp(effect) filter (where operator = 'removal')
    / sqrt(count(effect) filter (where operator = 'removal')) as removal_se,
    count(effect) filter (where operator = 'removal') as n_removal,
    avg(effect) filter (where operator = 'insertion') as insertion_effect,
    stddev_samp(effect) filter (where operator = 'insertion')
    / sqrt(count(effect) filter (where operator = 'insertion')) as insertion_se,
    count(effect) filter (where operator = 'insertion') as n_insertion,
    avg(any_effect) filter (where operator = 'removal') as removal_mean,
    stddev_samp(any_effect) filter (where operator = 'removal')
    / sqrt(count(any_effect) filter (where operator = 'removal')) as removal_mean_se,
    count(any_effect) filter (where operator = 'removal') as n_removal_all,
    avg(any_effect) filter (where operator = 'insertion') as insertion_mean,
    stddev_samp(any_effect) filter (where operator = 'insertion')
    / sqrt(count(any_effect) filter (where operator = 'insertion')) as insertion_mean_se,
    count(any_effect) filter (where operator = 'insertion') as n_insertion_all,
    count(*) filter (where effect <= -$min_effect / 10) as n_opposite,
    count(*) filter (where abs(effect) >= $min_effect / 10) as n_signed,
    avg(share_flipped) filter (where operator = 'removal') as flip_rate
from near
group by type, pattern, label
order by type, pattern, label
