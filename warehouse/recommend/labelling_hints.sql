-- labelling_hints: keywords that a labelling rule should stop matching on, and keywords it could use.
-- One row per (action, label, word).
--
-- drop: spurious words, which a keyword rule would turn into labels that only repeat the shortcut.
-- add: genuine words, of a type that may be proposed, whose label rate is significantly above the share of the label.
--
-- param   max_hints          longest list per action and label
-- param   min_hint_examples  fewest examples of a keyword
-- param   min_hint_lift      how far the lower bound of the label rate must exceed the share of the label   [0..1]
-- column  action             drop or add
-- column  rank               1 for the most useful hint of its action and label
-- column  label              label the keyword stands for
-- column  word               keyword
-- column  type               type of the word
-- column  n_examples         examples a rule on this keyword would label
-- column  label_rate         share of them it would label rightly                                  [0..1]
-- column  rate_low           95 % interval of label_rate                                           [0..1]
-- column  label_share        share of the label among all examples                                 [0..1]
-- column  mean_score         mean score towards the label                                          [unit of the scalar]
-- column  reason             the rules behind it: rule, figures, words
-- unique  action, label, word
with

joined as (
    select
        words.* replace (association.n_examples as n_examples),
        association.label_share,
        association.rate_low,
        verdicts.status,
        verdicts.per_1000,
        if(taught.reason is null, verdicts.rules, list_append(verdicts.rules, taught.reason)) as rules
    from words
    inner join verdicts using (kind, label, word)
    inner join label_association as association using (label, word)
    left join taught_words as taught using (kind, label, word)
    where words.kind = 'word'
),

drops as (
    select
        'drop' as action,
        *,
        per_1000 as usefulness,
        rules as reason
    from joined
    where status in ('spurious', 'part')
),

adds as (
    select
        'add' as action,
        *,
        n_examples * (rate_low - label_share) as usefulness,
        [{
            'rule': 'hint.reliable',
            'figures': map {'label_rate': label_rate, 'n_examples': n_examples, 'rate_low': rate_low}
        }] as reason
    from joined
    where
        status = 'genuine'
        and type in (select type from type_rules where in_labelling)
        -- spurious for no label: with three or more it may be for another one
        and word not in (select word from drops)
        and n_examples >= $min_hint_examples
        and rate_low >= label_share + $min_hint_lift
),

hints as (
    select * from drops
    union all
    select * from adds
)

select
    action,
    row_number() over (partition by action, label order by usefulness desc, word) as rank,
    label,
    word,
    type,
    n_examples,
    label_rate,
    rate_low,
    label_share,
    mean_score,
    reason
from hints
qualify rank <= $max_hints
order by action desc, label, rank
