-- finding_changes: what is spurious in one of two runs or in both, and whether that has changed.
-- One row per (kind, label, word) that is spurious, or part of a spurious pattern or type, in either run.
--
-- That a verdict differs is no evidence of a change: two halves of the same data have findings of their own, too. So
-- each change is tested by the effect in trials, by the attribution and by the share of the texts that hold it, as far
-- as both runs have them, as estimates of independent runs (of the shares with continuity correction); the smallest of
-- these p-values times their number (Bonferroni), then Benjamini and Hochberg 1995 over the findings. Interval of
-- per_1000_change: from the intervals of both (square-and-add, Zou and Donner 2008).
--
-- param   before                earlier run
-- param   after                 later run
-- param   fdr                   false discovery rate at which a change counts  [0..1]
-- column  kind                  word, piece, pair, type or pattern
-- column  label                 label it pushes towards
-- column  word                  what was found
-- column  type                  its type
-- column  change                new, gone, stronger, weaker or as before; only after, only before: spurious in one run
--                               alone, and not shown to do more, or less, than in the other
-- column  status_before         status in the earlier run; null where it was not tried
-- column  status_after          status in the later run; null where it was not tried
-- column  effect_before         mean effect, less the placebo                         [log-odds]
-- column  effect_after          mean effect, less the placebo                         [log-odds]
-- column  effect_change         the difference; null where one is unknown             [log-odds]
-- column  effect_change_low     95 % interval of effect_change                        [log-odds]
-- column  effect_change_high    95 % interval of effect_change                        [log-odds]
-- column  share_before          share of the texts with it; null where unknown        [0..1]
-- column  share_after           share of the texts with it; null where unknown        [0..1]
-- column  per_1000_before       predictions per 1,000 texts that change without it
-- column  per_1000_after        predictions per 1,000 texts that change without it
-- column  per_1000_change       the difference; null where one is unknown
-- column  per_1000_change_low   95 % interval of per_1000_change
-- column  per_1000_change_high  95 % interval of per_1000_change
-- column  p_value               that nothing has changed; null where nothing can be compared
-- column  q_value               the same over all findings
with

asked as (
    select distinct kind, label, word
    from main.run_verdicts
    where run_id in ($before, $after) and status in ('spurious', 'part')
),

sides as (
    select
        asked.*,
        facts.run_id = $after as is_after,
        verdicts.type,
        verdicts.status,
        coalesce(verdicts.status in ('spurious', 'part'), false) as found,
        verdicts.effect,
        verdicts.effect_low,
        verdicts.effect_high,
        (verdicts.effect_high - verdicts.effect_low) / (2 * 1.959963984540054) as effect_se,
        facts.n_texts,
        if(
            asked.kind = 'word', coalesce(words.n_examples, 0), round(verdicts.document_frequency * facts.n_texts)
        ) as n_with,
        -- What stands in no text changes no prediction.
        coalesce(verdicts.per_1000, if(n_with = 0, 0, null)) as rate,
        coalesce(verdicts.per_1000_low, rate) as rate_low,
        coalesce(verdicts.per_1000_high, rate) as rate_high,
        means.mean_score,
        means.std_error,
        means.n_examples as n_scores
    from asked
    cross join main.run_facts as facts
    left join main.run_verdicts as verdicts
        on facts.run_id = verdicts.run_id
        and asked.kind = verdicts.kind and asked.label = verdicts.label and asked.word = verdicts.word
    left join main.run_words as words
        on facts.run_id = words.run_id and asked.kind = 'word' and asked.word = words.word
    left join main.run_means as means
        on facts.run_id = means.run_id
        and asked.kind = means.kind and asked.label = means.label and asked.word = means.word
    where facts.run_id in ($before, $after)
),

differences as (
    select
        kind,
        label,
        word,
        coalesce(after.type, before.type) as finding_type,
        before.status as status_before,
        after.status as status_after,
        before.found as found_before,
        after.found as found_after,
        before.effect as effect_before,
        after.effect as effect_after,
        after.effect - before.effect as effect_change,
        sqrt(before.effect_se ** 2 + after.effect_se ** 2) as effect_se,
        before.n_with / before.n_texts as share_before,
        after.n_with / after.n_texts as share_after,
        before.rate as per_1000_before,
        after.rate as per_1000_after,
        after.rate - before.rate as per_1000_change,
        per_1000_change - sqrt(
            (after.rate - after.rate_low) ** 2 + (before.rate_high - before.rate) ** 2
        ) as per_1000_change_low,
        per_1000_change + sqrt(
            (after.rate_high - after.rate) ** 2 + (before.rate - before.rate_low) ** 2
        ) as per_1000_change_high,
        share_after - share_before as share_change,
        (before.n_with + after.n_with) / (before.n_texts + after.n_texts) as pooled_share,
        1 / before.n_texts + 1 / after.n_texts as per_text,
        sign(share_change) * greatest(abs(share_change) - per_text / 2, 0) as share_distance,
        sqrt(pooled_share * (1 - pooled_share) * per_text) as share_se,
        after.mean_score - before.mean_score as score_change,
        sqrt(before.std_error ** 2 + after.std_error ** 2) as score_se,
        -- Welch and Satterthwaite.
        score_se ** 4 / nullif(
            before.std_error ** 4 / (before.n_scores - 1) + after.std_error ** 4 / (after.n_scores - 1), 0
        ) as score_dof
    from (select * from sides where not is_after) as before
    inner join (select * from sides where is_after) as after using (kind, label, word)
),

tested as (
    select
        *,
        list_filter(
            [
                {
                    'p': if(effect_se > 0, least(normal_p(effect_change / effect_se), 1), null),
                    'direction': sign(effect_change)
                },
                {
                    'p': if(share_se > 0, least(normal_p(share_distance / share_se), 1), null),
                    'direction': sign(share_change)
                },
                {'p': student_p(score_change, score_se, score_dof), 'direction': sign(score_change)}
            ],
            lambda test: test.p is not null
        ) as tests,
        list_min(list_transform(tests, lambda test: test.p)) as smallest,
        -- least() ignores nulls.
        if(len(tests) = 0, null, least(len(tests) * smallest, 1)) as p_value,
        list_filter(tests, lambda test: test.p = smallest)[1].direction as direction
    from differences
),

ranks as (
    select
        *,
        count(p_value) over () as n_tests,
        step_up_rank(p_value, true) as p_rank
    from tested
),

controlled as (
    select
        *,
        if(p_value is null, null, step_up_q(p_value, n_tests, p_rank, true)) as q_value,
        coalesce(q_value <= $fdr, false) as is_change
    from ranks
)

select
    kind,
    label,
    word,
    finding_type as type,
    case
        when found_before and found_after
            then case when not is_change then 'as before' when direction > 0 then 'stronger' else 'weaker' end
        when found_after then if(is_change and direction > 0, 'new', 'only after')
        else if(is_change and direction < 0, 'gone', 'only before')
    end as change,
    status_before,
    status_after,
    effect_before,
    effect_after,
    effect_change,
    effect_change - 1.959963984540054 * effect_se as effect_change_low,
    effect_change + 1.959963984540054 * effect_se as effect_change_high,
    share_before,
    share_after,
    per_1000_before,
    per_1000_after,
    per_1000_change,
    per_1000_change_low,
    per_1000_change_high,
    p_value,
    q_value
from controlled
order by
    list_position(['new', 'stronger', 'only after', 'as before', 'weaker', 'only before', 'gone'], change),
    coalesce(per_1000_after, per_1000_before) desc nulls last,
    kind,
    word,
    label
