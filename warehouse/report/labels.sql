-- labels: how well the model knows each label.
-- One row per label of the dataset or of a prediction.
--
-- column  label        label
-- column  n_gold       examples with it
-- column  n_predicted  examples that are given it
-- column  n_correct    both
-- column  recall       n_correct / n_gold, the accuracy within the class     [0..1]
-- column  recall_low   95 % interval of recall (Wilson 1927)                 [0..1]
-- column  recall_high  95 % interval of recall (Wilson 1927)                 [0..1]
-- column  precision    n_correct / n_predicted                               [0..1]
-- unique  label
with

sides as (
    select gold_label as label, 1 as is_gold, 0 as is_predicted, correct::integer as is_correct
    from examples
    union all
    select predicted_label as label, 0 as is_gold, 1 as is_predicted, 0 as is_correct
    from examples
    where predicted_label is not null
),

counts as (
    select
        label,
        sum(is_gold) as n_gold,
        sum(is_predicted) as n_predicted,
        sum(is_correct) as n_correct
    from sides
    group by label
)

select
    label,
    n_gold,
    n_predicted,
    n_correct,
    n_correct / nullif(n_gold, 0) as recall,
    wilson_low(n_correct, n_gold) as recall_low,
    wilson_high(n_correct, n_gold) as recall_high,
    n_correct / nullif(n_predicted, 0) as precision
from counts
order by n_gold desc, label
