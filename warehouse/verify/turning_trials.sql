-- turning_trials: what a type or a pattern does in each of the texts that hold it and that it can turn.
-- One row per (kind, word, label, text).
--
-- A text that is read as another label without it, by a control that has no part in the effect; all texts where there
-- is no such control.
--
-- param   type_parts           Parquet files of the trials of types
-- param   pattern_trial_parts  Parquet files of the trials of patterns
-- column  kind        type or pattern
-- column  word        the type or the pattern
-- column  label       label
-- column  example_id  example
-- column  effect      log-odds of the label with it, less those without  [log-odds]
-- unique  kind, word, label, example_id
with

trials as (
    select
        'type' as kind,
        type as word,
        label,
        example_id,
        margin_with - margin_without as effect,
        margin_control
    from read_parquet($type_parts)
    union all
    select
        'pattern' as kind,
        pattern as word,
        label,
        example_id,
        margin_with - margin_without as effect,
        margin_control
    from read_parquet($pattern_trial_parts)
    where operator = 'removal'
)

select
    kind,
    word,
    label,
    example_id,
    effect
from trials
where coalesce(margin_control < 0, true)
order by kind, word, label, example_id
