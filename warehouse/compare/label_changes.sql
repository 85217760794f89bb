-- label_changes: gold labels and accuracy of two runs.
-- One row per gold label, and one for all texts.
--
-- Intervals of a share: Wilson 1927; of a difference: from both (Newcombe 1998).
--
-- param   before           earlier run
-- param   after            later run
-- column  label            gold label; null for all texts
-- column  n_before         texts of the earlier run with this label
-- column  n_after          texts of the later run
-- column  share_before     share of the labelled texts                        [0..1]
-- column  share_after      share of the labelled texts                        [0..1]
-- column  accuracy_before  share of them that is predicted as labelled        [0..1]
-- column  accuracy_after   share of them that is predicted as labelled        [0..1]
-- column  accuracy_low     95 % interval of accuracy_after                    [0..1]
-- column  accuracy_high    95 % interval of accuracy_after                    [0..1]
-- column  change           accuracy_after - accuracy_before                   [-1..1]
-- column  change_low       95 % interval of change                            [-1..1]
-- column  change_high      95 % interval of change                            [-1..1]
-- column  gold_p           that the labels are distributed alike: chi-square test over all labels; null without labels
with

counted as (
    select
        gold_label as label,
        coalesce(sum(n_texts) filter (where run_id = $before), 0) as n_before,
        coalesce(sum(n_texts) filter (where run_id = $after), 0) as n_after,
        coalesce(sum(n_correct) filter (where run_id = $before), 0) as correct_before,
        coalesce(sum(n_correct) filter (where run_id = $after), 0) as correct_after
    from main.run_groups
    where run_id in ($before, $after) and word = ''
    group by rollup (gold_label)
),

totals as (
    select
        max(n_before) as all_before,
        max(n_after) as all_after
    from counted
),

shifted as (
    select
        sum(
            (n_before - all_before * (n_before + n_after) / (all_before + all_after)) ** 2
            / (all_before * (n_before + n_after) / (all_before + all_after))
            + (n_after - all_after * (n_before + n_after) / (all_before + all_after)) ** 2
            / (all_after * (n_before + n_after) / (all_before + all_after))
        ) as chi_square,
        count(*) - 1 as degrees
    from counted
    cross join totals
    where label is not null
)

select
    label,
    n_before::bigint as n_before,
    n_after::bigint as n_after,
    n_before / all_before as share_before,
    n_after / all_after as share_after,
    correct_before / nullif(n_before, 0) as accuracy_before,
    correct_after / nullif(n_after, 0) as accuracy_after,
    wilson_low(correct_after, n_after) as accuracy_low,
    wilson_high(correct_after, n_after) as accuracy_high,
    accuracy_after - accuracy_before as change,
    change - sqrt(
        (accuracy_after - accuracy_low) ** 2 + (wilson_high(correct_before, n_before) - accuracy_before) ** 2
    ) as change_low,
    change + sqrt(
        (accuracy_high - accuracy_after) ** 2 + (accuracy_before - wilson_low(correct_before, n_before)) ** 2
    ) as change_high,
    if(degrees > 0 and all_before > 0 and all_after > 0, chi_square_p(chi_square, degrees), null) as gold_p
from counted
cross join totals
cross join shifted
where n_before + n_after > 0
order by label nulls first
