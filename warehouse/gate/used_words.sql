-- used_words: what a policy says may never be used, and was tried in a run.
-- One row per (kind, label, word).
--
-- It is used if its effect is above 0: one-sided, at 2.5 %, by Bonferroni's correction over the rows of one entry of
-- the policy, since a type has many words.
--
-- param   run_id     run
-- param   words      words that may not move predictions
-- param   types      types of words that may not
-- column  entry      word or type of the policy
-- column  kind       word, piece, pair, type or pattern
-- column  label      label it pushes towards
-- column  word       what was tried
-- column  type       its type
-- column  status     its status
-- column  effect     mean effect, less the placebo  [log-odds]
-- column  p_value    that it does not push towards its label, times the rows of its entry; null without interval
-- column  is_used    p_value is at most 0.025, and it is not negligible
with

asked as (
    select
        coalesce(list_filter($words::varchar[], lambda entry: entry = word)[1], type) as entry,
        kind,
        label,
        word,
        type,
        status,
        effect,
        (effect_high - effect_low) / (2 * 1.959963984540054) as effect_se
    from main.run_verdicts
    where
        run_id = $run_id
        and (list_contains($words::varchar[], word) or list_contains($types::varchar[], type))
)

select
    entry,
    kind,
    label,
    word,
    type,
    status,
    effect,
    if(
        effect_se > 0 and effect > 0,
        least(normal_p(effect / effect_se) / 2 * count(*) over (partition by entry), 1),
        if(effect_se is null, null, 1.0)
    ) as p_value,
    coalesce(p_value <= 0.025, false) and status != 'negligible' as is_used
from asked
order by is_used desc, p_value nulls last, entry, kind, word, label
