-- one_sided_names: words of types that should not decide, such as names and numbers, whose texts nearly all have one label, and what the model makes of them.
-- One row per word, for the label it is one-sided towards.
--
-- param   max_names    longest list
-- column  rank         1 for the most one-sided
-- column  label        gold label
-- column  word         lower-case word
-- column  type         name, place, number, markup ...
-- column  one          what one word of the type is called
-- column  several      what several of them are called
-- column  n_examples   examples with the word
-- column  n_label      of these, examples with the label
-- column  label_share  share of the label among all examples                      [0..1]
-- column  label_q      false discovery rate of the association
-- column  mean_score   mean score towards the label; null where too few speak     [unit of the scalar]
-- column  ci_low       95 % interval of mean_score                                [unit of the scalar]
-- column  ci_high      95 % interval of mean_score                                [unit of the scalar]
-- column  used         the model relies on it, towards this label
-- unique  word
with

names as (
    select
        association.*,
        types.type,
        rules.one,
        rules.several
    from label_association as association
    inner join word_types as types on types.kind = 'word' and association.word = types.word
    inner join type_rules as rules using (type)
    where types.expectation = 'none' and not rules.is_mark and not rules.in_labelling and association.z >= 2
    qualify row_number() over (partition by association.word order by association.z desc, association.label) = 1
)

select
    row_number() over (order by names.z desc, names.word) as rank,
    names.label,
    names.word,
    names.type,
    names.one,
    names.several,
    names.n_examples,
    names.n_label,
    names.label_share,
    names.q_value as label_q,
    importance.mean_score,
    importance.ci_low,
    importance.ci_high,
    coalesce(words.used, false) as used
from names
left join word_importance as importance
    on importance.kind = 'word' and names.label = importance.label and names.word = importance.word
left join words
    on words.kind = 'word' and names.label = words.label and names.word = words.word
qualify rank <= $max_names
order by rank
