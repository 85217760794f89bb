-- total: what all findings of an audit do together, what it could have seen, and the state that follows.
-- One row.
--
-- All findings are taken out of a text at once; a prediction that changes counts, less one that changes when as many
-- other words are taken out. Interval: paired difference of two shares (Agresti and Min 2005), which is sound where no
-- prediction changes. Without a finding nothing is taken out, and the total of what was found is 0.
--
-- In this order:
--   Act                the lower end is act_from or more; or a name, identity term, type, pattern or pair has act_alone
--   Too little data    the used words that stand in enough texts have less than min_powered of the occurrences of all
--   No shortcut found  the upper end is below none_below
--   Minor              all else
--
-- param   removed_parts  Parquet files of the texts without the findings
-- param   texts_with     texts that hold a finding
-- param   seen_effect    effect that should be seen  [log-odds]
-- param   none_below     no shortcut below this  [predictions per 1,000 texts]
-- param   act_from       act from this on  [predictions per 1,000 texts]
-- param   act_alone      act from this on for one name, identity term or pattern  [predictions per 1,000 texts]
-- param   min_powered    least share of the occurrences of used words that is of those in enough texts  [0..1]
-- column  state              Act, Too little data, No shortcut found or Minor
-- column  could_be_more      it is Minor, and the upper end is act_from or more
-- column  per_1000           predictions per 1,000 texts that change without the findings, less those of the control
-- column  per_1000_low       95 % interval of per_1000
-- column  per_1000_high      95 % interval of per_1000
-- column  n_findings         spurious words, pieces, pairs, types and patterns that are no part of another
-- column  n_alone            of these, names, identity terms, types, patterns and pairs that change act_alone or more
-- column  n_texts            texts audited
-- column  n_texts_with       texts that hold a finding
-- column  n_removed          of these, texts the findings were taken out of
-- column  n_changed          of these, texts whose prediction changes
-- column  n_control_changed  texts whose prediction changes without as many other words
-- column  n_short            texts with fewer other words than findings
-- column  n_used             words and pieces that the model uses
-- column  n_tried            of these, tried
-- column  n_powered          of these, in enough texts for seen_effect to be seen
-- column  powered_share      of the occurrences of used words, those of the words in enough texts; a text with the word
--                            counts once  [0..1]
-- column  n_needed           texts that a word of the median standard deviation needs; null if nothing was tried,
--                            or if insertions vary too much for any number of texts
-- column  seen_effect        effect that should be seen  [log-odds]
-- unique  n_texts
with

tried as (
    select
        count(*) as n_removed,
        count(*) filter (where predicted_without != predicted) as n_changed,
        count(*) filter (where predicted_control != predicted) as n_control_changed,
        count(*) filter (where predicted_without != predicted and predicted_control = predicted) as n_only_without,
        count(*) filter (where predicted_without = predicted and predicted_control != predicted) as n_only_control,
        count(*) filter (where n_controls < n_edits) as n_short
    from read_parquet($removed_parts)
),

found as (
    select
        count(*) as n_findings,
        count(*) filter (
            where per_1000 >= $act_alone and (kind in ('type', 'pattern', 'pair') or types.is_personal)
        ) as n_alone
    from verdicts
    inner join type_rules as types using (type)
    where status = 'spurious'
),

seen as (
    select
        count(*) as n_used,
        count(*) filter (where is_tried) as n_tried,
        count(*) filter (where is_powered) as n_powered,
        coalesce(sum(n_examples) filter (where is_powered) / sum(n_examples), 0) as powered_share
    from power
),

-- Of the typical used word; a billion is more than any number of texts.
needed as (
    select nullif(quantile_disc(coalesce(n_needed, 1000000000), 0.5), 1000000000) as n_needed
    from power
),

audited as (
    select count(*) as n_texts
    from examples
    where converged
),

sizes as (
    select
        tried.*,
        found.*,
        seen.*,
        needed.n_needed,
        audited.n_texts,
        n_only_without - n_only_control as difference,
        1000 * $texts_with::bigint / nullif(audited.n_texts, 0) as scale,
        -- Half a text in each of the four cells: two texts more.
        n_removed + 2 as n_plus,
        difference / n_plus as centre,
        1.959963984540054 * sqrt(n_only_without + n_only_control + 1 - difference ** 2 / n_plus) / n_plus as half
    from tried
    cross join found
    cross join seen
    cross join needed
    cross join audited
),

measured as (
    select
        *,
        if(n_findings = 0, 0, scale * difference / nullif(n_removed, 0)) as per_1000,
        if(n_findings = 0, 0, if(n_removed = 0, null, scale * (centre - half))) as per_1000_low,
        if(n_findings = 0, 0, if(n_removed = 0, null, scale * (centre + half))) as per_1000_high
    from sizes
),

stated as (
    select
        *,
        case
            when per_1000_low >= $act_from or n_alone > 0 then 'Act'
            when n_used = 0 or powered_share < $min_powered then 'Too little data'
            when per_1000_high < $none_below then 'No shortcut found'
            else 'Minor'
        end as state
    from measured
)

select
    state,
    coalesce(state = 'Minor' and per_1000_high >= $act_from, false) as could_be_more,
    per_1000,
    per_1000_low,
    per_1000_high,
    n_findings,
    n_alone,
    n_texts,
    $texts_with::bigint as n_texts_with,
    n_removed,
    n_changed,
    n_control_changed,
    n_short,
    n_used,
    n_tried,
    n_powered,
    powered_share,
    n_needed,
    $seen_effect::double as seen_effect
from stated
order by state
