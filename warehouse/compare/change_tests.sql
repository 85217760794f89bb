-- change_tests: the words of two runs that may have changed, each with the p-value of its change.
-- One row per (label, word) with a p-value up to about fdr, or with figures in one run alone.
--
-- A q-value is never below its p-value, so of words with p > fdr only the number counts; and p-values of ten million
-- words are slow. With t their p is at least erfc(t / sqrt(2)), which is at least 1 - sqrt(1 - exp(-2 t * t / pi))
-- (Pólya 1949): solved for t * t, less 1 % for rounding. Without std_error there is no p-value.
--
-- param   before    earlier run
-- param   after     later run
-- param   fdr       false discovery rate at which a change counts  [0..1]
-- column  label     label it pushes towards
-- column  word      lower-case word
-- column  in_both   it has figures in both runs
-- column  change    1 new, 2 stronger, 3 weaker, 4 gone; null where neither has become more frequent
-- column  score_se  standard error of the difference of the mean scores; null without figures in both
--                   [unit of the scalar]
-- column  dof       its degrees of freedom (Welch and Satterthwaite)
-- column  p_value   that nothing has changed; null where nothing varies
with

sizes as (
    select
        any_value(n_texts) filter (where run_id = $before) as before,
        any_value(n_texts) filter (where run_id = $after) as after
    from main.run_facts
    where run_id in ($before, $after)
),

paired as not materialized (
    select
        label,
        word,
        before.mean_score as score_before,
        after.mean_score as score_after,
        before.std_error as error_before,
        after.std_error as error_after,
        before.n_examples as scores_before,
        after.n_examples as scores_after,
        after.mean_score - before.mean_score as score_change,
        score_change is not null as in_both
    from (select * from main.run_means where run_id = $before and kind = 'word') as before
    full join (select * from main.run_means where run_id = $after and kind = 'word') as after using (label, word)
    where coalesce(after.mean_score, before.mean_score) > 0
)

select
    label,
    word,
    in_both,
    if(score_change > 0, 2, 3)::tinyint as change,
    sqrt(error_before ** 2 + error_after ** 2) as score_se,
    score_se ** 4
    / nullif(error_before ** 4 / (scores_before - 1) + error_after ** 4 / (scores_after - 1), 0) as dof,
    student_p(score_change, score_se, dof) as p_value
from paired
where
    in_both
    and score_change * score_change
    >= -0.99 * pi() / 2 * ln(greatest($fdr, 1e-9) * (2 - greatest($fdr, 1e-9)))
    * (error_before * error_before + error_after * error_after)
union all
select
    label,
    word,
    in_both,
    case
        when score_before is null and share_change > 0 then 1
        when score_after is null and share_change < 0 then 4
    end::tinyint as change,
    null as score_se,
    null as dof,
    least(normal_p(
        greatest(abs(share_change) - per_text / 2, 0)
        / nullif(sqrt(pooled_share * (1 - pooled_share) * per_text), 0)
    ), 1) as p_value
from (
    select
        paired.*,
        coalesce(before.n_examples, 0) as n_before,
        coalesce(after.n_examples, 0) as n_after,
        n_after / sizes.after - n_before / sizes.before as share_change,
        1 / sizes.before + 1 / sizes.after as per_text,
        (n_before + n_after) / (sizes.before + sizes.after) as pooled_share
    from paired
    cross join sizes
    left join (select * from main.run_words where run_id = $before) as before using (word)
    left join (select * from main.run_words where run_id = $after) as after using (word)
    where not in_both
)
