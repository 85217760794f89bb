-- word_changes: the words whose attribution, or presence, differs between two runs.
-- One row per (label, word), at most max_rows of each change; those that carry most importance first.
--
-- Words with figures in both runs: Welch's t on the difference of their mean scores. Words with figures in one run
-- alone (they stand in too few texts of the other): the difference of the shares of texts that hold them, with
-- continuity correction. Benjamini and Hochberg 1995 over all words of a kind of test.
--
-- first   compare/change_families, compare/change_tests, compare/change_levels
-- param   before       earlier run
-- param   after        later run
-- param   max_rows     longest list of a change
-- column  label        label it pushes towards: its mean score is positive in the later run, or in the earlier one
--                      where the later has none
-- column  word         lower-case word
-- column  change       new, gone, stronger or weaker
-- column  n_before     texts with it in the earlier run
-- column  n_after      texts with it in the later run
-- column  score_before mean score towards the label; null below the fewest texts of a figure  [unit of the scalar]
-- column  score_after  the same in the later run                                              [unit of the scalar]
-- column  score_change score_after - score_before                                             [unit of the scalar]
-- column  score_low    95 % interval of score_change                                          [unit of the scalar]
-- column  score_high   95 % interval of score_change                                          [unit of the scalar]
-- column  importance_before  mean absolute score over all texts  [unit of the scalar]
-- column  importance_after   the same in the later run           [unit of the scalar]
-- column  q_value      of the change
-- column  n_changes    words of this change, those left out included
-- column  n_compared   words compared
with

largest as (
    select
        in_both,
        max(p_value) as p_value
    from change_levels
    group by in_both
),

changed as (
    select
        label,
        word,
        in_both,
        change,
        score_se,
        dof,
        change_tests.p_value
    from change_tests
    inner join largest using (in_both)
    where change_tests.p_value <= largest.p_value and change is not null
),

counts as (
    select
        change,
        count(*) as n_changes
    from changed
    group by change
),

listed as (
    select
        changed.*,
        coalesce(before.importance, 0) as importance_before,
        coalesce(after.importance, 0) as importance_after
    from changed
    left join (select * from main.run_words where run_id = $before) as before using (word)
    left join (select * from main.run_words where run_id = $after) as after using (word)
    qualify row_number() over (
        partition by change order by abs(importance_after - importance_before) desc, word, label
    ) <= $max_rows
),

scores as (
    select
        label,
        word,
        before.mean_score as score_before,
        after.mean_score as score_after,
        after.mean_score - before.mean_score as score_change
    from (
        select * from main.run_means semi join listed using (label, word) where run_id = $before and kind = 'word'
    ) as before
    full join (
        select * from main.run_means semi join listed using (label, word) where run_id = $after and kind = 'word'
    ) as after using (label, word)
),

q_values as (
    select
        in_both,
        p_value,
        any_value(q_value) as q_value
    from change_levels
    semi join listed using (in_both, p_value)
    group by in_both, p_value
)

select
    label,
    word,
    ['new', 'stronger', 'weaker', 'gone'][change] as change,
    coalesce(before.n_examples, 0) as n_before,
    coalesce(after.n_examples, 0) as n_after,
    score_before,
    score_after,
    score_change,
    score_change - t_975(dof) * score_se as score_low,
    score_change + t_975(dof) * score_se as score_high,
    importance_before,
    importance_after,
    q_value,
    n_changes,
    (select sum(n_tests) from change_families)::bigint as n_compared
from listed
inner join scores using (label, word)
inner join q_values using (in_both, p_value)
inner join counts using (change)
left join (select * from main.run_words where run_id = $before) as before using (word)
left join (select * from main.run_words where run_id = $after) as after using (word)
order by
    listed.change,
    abs(importance_after - importance_before) desc,
    word,
    label
