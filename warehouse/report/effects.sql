-- effects: what spurious words do where they stand, where they are inserted, and both together; and types of words.
-- One row per (rank, arm), in the order of the page. A pair has no arms: its interaction is told by its rule.
--
-- param   max_verdicts  longest list of spurious words
-- column  rank          rank of the verdict
-- column  caption       rank and word; the type
-- column  label         label it pushes towards
-- column  word          lower-case word; a piece with · where the word goes on; a type
-- column  kind          word, piece or type
-- column  arm           taken out or swapped; inserted; both
-- column  n_texts       texts
-- column  effect        mean effect, less the placebo  [log-odds]
-- column  effect_low    95 % interval of effect        [log-odds]
-- column  effect_high   95 % interval of effect        [log-odds]
-- unique  rank, arm
with

arms as (
    select
        kind,
        label,
        word,
        if(estimand = 'within type', 'swapped', 'taken out') as arm,
        n_removal as n_texts,
        removal_effect as effect,
        removal_low as effect_low,
        removal_high as effect_high
    from evidence
    union all
    select
        kind,
        label,
        word,
        'inserted' as arm,
        n_insertion as n_texts,
        insertion_effect as effect,
        insertion_low as effect_low,
        insertion_high as effect_high
    from evidence
    union all
    select
        'type' as kind,
        label,
        type as word,
        'taken out' as arm,
        n_removal as n_texts,
        removal_effect as effect,
        effect - t_975(n_texts - 1) * removal_se as effect_low,
        effect + t_975(n_texts - 1) * removal_se as effect_high
    from type_effects
    union all
    select
        'type' as kind,
        label,
        type as word,
        'inserted' as arm,
        n_insertion as n_texts,
        insertion_effect as effect,
        effect - t_975(n_texts - 1) * insertion_se as effect_low,
        effect + t_975(n_texts - 1) * insertion_se as effect_high
    from type_effects
),

combined as (
    select
        arms.kind,
        arms.label,
        arms.word,
        'both' as arm,
        sum(arms.n_texts) as n_texts,
        any_value(verdicts.effect) as effect,
        any_value(verdicts.effect_low) as effect_low,
        any_value(verdicts.effect_high) as effect_high
    from arms
    inner join verdicts using (kind, label, word)
    group by arms.kind, arms.label, arms.word
)

select
    verdicts.rank,
    if(verdicts.kind = 'type', verdicts.word, concat(verdicts.rank, '. ', verdicts.word)) as caption,
    verdicts.label,
    verdicts.word,
    verdicts.kind,
    shown.arm,
    shown.n_texts::bigint as n_texts,
    shown.effect,
    shown.effect_low,
    shown.effect_high
from (select * from arms union all select * from combined) as shown
inner join verdicts using (kind, label, word)
where
    shown.effect is not null
    and (verdicts.kind = 'type' or (verdicts.status = 'spurious' and verdicts.rank <= $max_verdicts))
order by verdicts.rank, list_position(['taken out', 'swapped', 'inserted', 'both'], shown.arm)
