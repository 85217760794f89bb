-- split: of what differs between two runs, how much is of the data and how much of the model.
-- One row per figure: accuracy, predictions per 1,000, and the effect of each finding.
--
-- Four runs: both models on both data. The share of the data is the mean of what it changes under either model, that of
-- the model the mean of what it changes on either data: Shapley values of two causes, which add up to the whole
-- difference. The interaction is how much the model changes more on the new data than on the old.
--
-- param   before       old model on old data
-- param   after        new model on new data
-- param   model_alone  new model on old data
-- param   data_alone   old model on new data
-- column  figure       accuracy, per_1000 or effect
-- column  kind         of what was found; null but for effects
-- column  label        label it pushes towards; null but for effects
-- column  word         what was found; null but for effects
-- column  difference   after - before
-- column  of_data      share of it that the data explain
-- column  of_model     share of it that the model explains
-- column  interaction  what the model changes on the new data, less what it changes on the old
with

found as (
    select distinct kind, label, word
    from main.run_verdicts
    where run_id in ($before, $after) and status in ('spurious', 'part')
),

figures as (
    select run_id, 'accuracy' as figure, null as kind, null as label, null as word, n_correct / n_gold as value
    from main.run_facts
    where n_gold > 0
    union all
    select run_id, 'per_1000', null, null, null, per_1000
    from main.run_facts
    union all
    select run_id, 'effect', kind, label, word, effect
    from main.run_verdicts
    inner join found using (kind, label, word)
),

cells as (
    select
        figure,
        kind,
        label,
        word,
        any_value(value) filter (where run_id = $before) as neither,
        any_value(value) filter (where run_id = $after) as all_new,
        any_value(value) filter (where run_id = $model_alone) as model_new,
        any_value(value) filter (where run_id = $data_alone) as data_new
    from figures
    where run_id in ($before, $after, $model_alone, $data_alone)
    group by figure, kind, label, word
)

select
    figure,
    kind,
    label,
    word,
    all_new - neither as difference,
    ((data_new - neither) + (all_new - model_new)) / 2 as of_data,
    ((model_new - neither) + (all_new - data_new)) / 2 as of_model,
    (all_new - data_new) - (model_new - neither) as interaction
from cells
where all_new - neither + model_new + data_new is not null
order by list_position(['accuracy', 'per_1000', 'effect'], figure), abs(difference) desc, kind, word, label
