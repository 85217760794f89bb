-- evidence: what a candidate does where it stands, and where it is inserted, each less its placebo; and both combined.
-- One row per (kind, label, word).
--
-- The two arms have texts of their own, so they are independent. Their mean has the degrees of freedom of Welch 1947
-- and Satterthwaite 1946. An arm of fewer than three texts has no standard error and stays out.
--
-- column  kind              word or piece
-- column  label             label the word pushes towards
-- column  word              lower-case word; a piece with · where the word goes on
-- column  estimand          within type: compared with other words of its type; against nothing: with no word
-- column  removal_effect    mean effect in texts that hold the word  [log-odds]
-- column  removal_se        its standard error  [log-odds]
-- column  removal_dof       its degrees of freedom
-- column  removal_low       its 95 % interval  [log-odds]
-- column  removal_high      its 95 % interval  [log-odds]
-- column  n_removal         texts
-- column  insertion_effect  mean effect in texts that it was inserted into, less the placebo  [log-odds]
-- column  insertion_se      its standard error  [log-odds]
-- column  insertion_dof     its degrees of freedom
-- column  insertion_low     its 95 % interval  [log-odds]
-- column  insertion_high    its 95 % interval  [log-odds]
-- column  n_insertion       texts
-- column  effect            mean of the two arms, or the one there is  [log-odds]
-- column  effect_se         its standard error; null without an arm of three texts  [log-odds]
-- column  effect_dof        its degrees of freedom
-- column  effect_low        its 95 % interval  [log-odds]
-- column  effect_high       its 95 % interval  [log-odds]
-- column  n_opposite        texts with the word in which it pushes away from the label
-- column  n_signed          texts with the word in which it pushes at all
-- column  n_opposite_all    the same, with the texts that it was inserted into
-- column  n_signed_all      the same, with the texts that it was inserted into
-- column  flip_rate         predictions of texts with the word that differ without it  [0..1]
-- column  flip_low          95 % interval of flip_rate  [0..1]
-- column  flip_high         95 % interval of flip_rate  [0..1]
-- column  n_trials          texts of both arms
-- unique  kind, label, word
with

arms as (
    select
        *,
        if(n_texts < 3, null, sd / sqrt(n_texts)) as se,
        n_texts - 1 as dof
    from effects
),

removals as (
    select * from arms where operator != 'insert'
),

insertions as (
    select * from arms where operator = 'insert'
),

joined as (
    select
        kind,
        label,
        word,
        if(candidates.expectation = 'none', 'within type', 'against nothing') as estimand,
        removals.mean_effect as removal_effect,
        removals.se as removal_se,
        removals.dof as removal_dof,
        removals.effect_low as removal_low,
        removals.effect_high as removal_high,
        coalesce(removals.n_texts, 0) as n_removal,
        insertions.mean_effect as insertion_effect,
        insertions.se as insertion_se,
        insertions.dof as insertion_dof,
        insertions.effect_low as insertion_low,
        insertions.effect_high as insertion_high,
        coalesce(insertions.n_texts, 0) as n_insertion,
        list_filter([
            {'mean': removal_effect, 'variance': removal_se ** 2, 'dof': removal_dof},
            {'mean': insertion_effect, 'variance': insertion_se ** 2, 'dof': insertion_dof}
        ], lambda arm: arm.variance is not null) as measured,
        coalesce(removals.n_opposite, 0) as n_opposite,
        coalesce(removals.n_signed, 0) as n_signed,
        coalesce(removals.n_opposite, 0) + coalesce(insertions.n_opposite, 0) as n_opposite_all,
        coalesce(removals.n_signed, 0) + coalesce(insertions.n_signed, 0) as n_signed_all,
        removals.flip_rate,
        removals.flip_low,
        removals.flip_high
    from removals
    full join insertions using (kind, label, word)
    inner join candidates using (kind, label, word)
),

combined as (
    select
        *,
        list_avg(list_transform(measured, lambda arm: arm.mean)) as effect,
        list_sum(list_transform(measured, lambda arm: arm.variance)) as variances,
        if(len(measured) > 0, sqrt(variances) / len(measured), null) as effect_se,
        coalesce(
            variances ** 2
            / nullif(list_sum(list_transform(measured, lambda arm: arm.variance ** 2 / arm.dof)), 0),
            list_sum(list_transform(measured, lambda arm: arm.dof))
        ) as effect_dof
    from joined
)

select
    kind,
    label,
    word,
    estimand,
    removal_effect,
    removal_se,
    removal_dof,
    removal_low,
    removal_high,
    n_removal,
    insertion_effect,
    insertion_se,
    insertion_dof,
    insertion_low,
    insertion_high,
    n_insertion,
    effect,
    effect_se,
    effect_dof,
    effect - t_975(effect_dof) * effect_se as effect_low,
    effect + t_975(effect_dof) * effect_se as effect_high,
    n_opposite,
    n_signed,
    n_opposite_all,
    n_signed_all,
    flip_rate,
    flip_low,
    flip_high,
    n_removal + n_insertion as n_trials
from combined
order by kind desc, label, word
