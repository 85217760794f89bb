-- pattern_effects: what a pattern does, whatever fills it.
-- One row per (type, pattern, label).
--
-- Removal: in texts that hold it, less as many neutral words in its place. Insertion: put into texts read as other
-- labels, less as many neutral words at the same place. Texts in capitals and long ones: against the text itself.
-- A control tells which texts count: how the text is read without the pattern, by other neutral words. Effects are
-- those near the boundary, where a prediction can change: in texts whose control is within two log-odds of it, or in
-- the nearest third if fewer than eight are. Tests that it pushes at all use the texts that it can turn, whose control
-- is read as another label, or the eight closest to that: what makes a prediction certain lowers those that are more
-- certain without it. Flips are those of all texts.
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
-- column  removal_turning     mean effect in texts with it that it can turn  [log-odds]
-- column  removal_turning_se  its standard error                      [log-odds]
-- column  n_removal_turning   texts with it that it can turn
-- column  insertion_turning     mean effect in texts it was put into and can turn  [log-odds]
-- column  insertion_turning_se  its standard error                    [log-odds]
-- column  n_insertion_turning   texts it was put into and can turn
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
        avg(coalesce(margin_control, margin_without)) as control,
        bool_and(margin_control is not null) as has_control,
        avg(is_flipped) as share_flipped
    from trials
    where operator = 'removal' or predicted_label != label
    group by type, pattern, label, operator, example_id
),

placed as (
    select
        *,
        row_number() over (own order by abs(control), example_id) as place,
        row_number() over (own order by control, example_id) as turning_place,
        count(*) over own as n,
        count(*) filter (where abs(control) <= 2) over own as n_near
    from per_text
    window own as (partition by type, pattern, label, operator)
),

near as (
    select
        * exclude (effect),
        if(place <= if(n_near >= 8, n_near, greatest(ceil(n / 3), least(n, 8))), effect, null) as effect,
        -- Without a control of its own all texts count: chosen by what it is compared with, an effect is too large.
        if(control < 0 or turning_place <= 8 or not has_control, effect, null) as turning
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
    avg(turning) filter (where operator = 'removal') as removal_turning,
    stddev_samp(turning) filter (where operator = 'removal')
    / sqrt(count(turning) filter (where operator = 'removal')) as removal_turning_se,
    count(turning) filter (where operator = 'removal') as n_removal_turning,
    avg(turning) filter (where operator = 'insertion') as insertion_turning,
    stddev_samp(turning) filter (where operator = 'insertion')
    / sqrt(count(turning) filter (where operator = 'insertion')) as insertion_turning_se,
    count(turning) filter (where operator = 'insertion') as n_insertion_turning,
    count(*) filter (where effect <= -$min_effect / 10) as n_opposite,
    count(*) filter (where abs(effect) >= $min_effect / 10) as n_signed,
    avg(share_flipped) filter (where operator = 'removal') as flip_rate
from near
group by type, pattern, label
order by type, pattern, label
