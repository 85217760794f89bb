-- group_changes: the worst group of each spurious word, in two runs.
-- One row per word that is spurious, or part of a spurious pattern or type, in either run.
--
-- Groups of a word: texts with it, by their gold label. The worst is the one with the lowest accuracy in the later run
-- (in the earlier one for words that the later one has not); groups of fewer than min_texts texts do not count. Its two
-- accuracies are compared with Wilson intervals (Newcombe 1998).
--
-- param   before           earlier run
-- param   after            later run
-- param   min_texts        fewest texts of a group
-- column  word             lower-case word
-- column  label            gold label of its worst group
-- column  n_before         texts of the group in the earlier run
-- column  n_after          texts of the group in the later run
-- column  accuracy_before  share of them predicted as labelled; null below min_texts  [0..1]
-- column  accuracy_after   share of them predicted as labelled; null below min_texts  [0..1]
-- column  change           accuracy_after - accuracy_before                           [-1..1]
-- column  change_low       95 % interval of change                                    [-1..1]
-- column  change_high      95 % interval of change                                    [-1..1]
with

found as (
    select distinct word
    from main.run_verdicts
    where run_id in ($before, $after) and kind = 'word' and status in ('spurious', 'part')
),

counted as (
    select
        word,
        gold_label as label,
        coalesce(sum(n_texts) filter (where run_id = $before), 0)::bigint as n_before,
        coalesce(sum(n_texts) filter (where run_id = $after), 0)::bigint as n_after,
        if(n_before >= $min_texts, sum(n_correct) filter (where run_id = $before), null) as correct_before,
        if(n_after >= $min_texts, sum(n_correct) filter (where run_id = $after), null) as correct_after
    from main.run_groups
    inner join found using (word)
    where run_id in ($before, $after)
    group by word, gold_label
)

select
    word,
    label,
    n_before,
    n_after,
    correct_before / n_before as accuracy_before,
    correct_after / n_after as accuracy_after,
    accuracy_after - accuracy_before as change,
    change - sqrt(
        (accuracy_after - wilson_low(correct_after, n_after)) ** 2
        + (wilson_high(correct_before, n_before) - accuracy_before) ** 2
    ) as change_low,
    change + sqrt(
        (wilson_high(correct_after, n_after) - accuracy_after) ** 2
        + (accuracy_before - wilson_low(correct_before, n_before)) ** 2
    ) as change_high
from counted
where coalesce(correct_before, correct_after) is not null
qualify row_number() over (
    partition by word order by correct_after is null, accuracy_after, accuracy_before, label
) = 1
order by accuracy_after nulls last, word
