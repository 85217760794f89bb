-- word_changes: the words whose attribution, or presence, differs between two runs.
-- One row per (label, word), at most max_rows of each change; those that carry most importance first.
--
-- Words with figures in both runs: Welch's t on the difference of their mean scores. Words with figures in one run
-- alone (they stand in too few texts of the other): the difference of the shares of texts that hold them, with
-- continuity correction. Benjamini and Hochberg 1995 over all words of a kind of test.
--
-- param   before       earlier run
-- param   after        later run
-- param   fdr          false discovery rate at which a change counts  [0..1]
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

sizes as (
    select
        any_value(n_texts) filter (where run_id = $before) as before,
        any_value(n_texts) filter (where run_id = $after) as after
    from main.run_facts
    where run_id in ($before, $after)
),

-- Ten million words are read twice rather than kept.
differences as not materialized (
    select
        label,
        word,
        before.mean_score as score_before,
        after.mean_score as score_after,
        after.mean_score - before.mean_score as score_change,
        sqrt(before.std_error ** 2 + after.std_error ** 2) as score_se,
        score_se ** 4 / nullif(
            before.std_error ** 4 / (before.n_examples - 1) + after.std_error ** 4 / (after.n_examples - 1), 0
        ) as dof,
        score_change is not null as in_both,
        student_p(score_change, score_se, dof) as score_p
    from (select * from main.run_means where run_id = $before and kind = 'word') as before
    full join (select * from main.run_means where run_id = $after and kind = 'word') as after using (label, word)
    where coalesce(after.mean_score, before.mean_score) > 0
),

families as (
    select
        in_both,
        count(*) as n_tests
    from differences
    group by in_both
),

-- A q-value is never below its p-value: of the others only the number counts.
candidates as (
    select *
    from differences
    where not in_both or score_p <= $fdr
),

counted as (
    select
        candidates.*,
        coalesce(before.n_examples, 0) as n_before,
        coalesce(after.n_examples, 0) as n_after,
        coalesce(before.importance, 0) as importance_before,
        coalesce(after.importance, 0) as importance_after
    from candidates
    left join (select * from main.run_words where run_id = $before) as before using (word)
    left join (select * from main.run_words where run_id = $after) as after using (word)
),

tested as (
    select
        counted.*,
        n_after / sizes.after - n_before / sizes.before as share_change,
        1 / sizes.before + 1 / sizes.after as per_text,
        (n_before + n_after) / (sizes.before + sizes.after) as pooled_share,
        if(
            in_both,
            score_p,
            least(normal_p(
                greatest(abs(share_change) - per_text / 2, 0)
                / nullif(sqrt(pooled_share * (1 - pooled_share) * per_text), 0)
            ), 1)
        ) as p_value
    from counted
    cross join sizes
),

controlled as (
    select
        tested.*,
        families.n_tests,
        step_up_rank(p_value, in_both) as p_rank
    from tested
    inner join families using (in_both)
    where p_value <= $fdr
),

significant as (
    select
        *,
        step_up_q(p_value, n_tests, p_rank, in_both) as q_value
    from controlled
),

changed as (
    select
        *,
        case
            when in_both then if(score_change > 0, 'stronger', 'weaker')
            when score_before is null and share_change > 0 then 'new'
            when score_after is null and share_change < 0 then 'gone'
        end as change
    from significant
    where q_value <= $fdr
)

select
    label,
    word,
    change,
    n_before,
    n_after,
    score_before,
    score_after,
    score_change,
    score_change - t_975(dof) * score_se as score_low,
    score_change + t_975(dof) * score_se as score_high,
    importance_before,
    importance_after,
    q_value,
    count(*) over (partition by change) as n_changes,
    (select sum(n_tests) from families)::bigint as n_compared
from changed
where change is not null
qualify row_number() over (
    partition by change order by abs(importance_after - importance_before) desc, word, label
) <= $max_rows
order by
    list_position(['new', 'stronger', 'weaker', 'gone'], change),
    abs(importance_after - importance_before) desc,
    word,
    label
