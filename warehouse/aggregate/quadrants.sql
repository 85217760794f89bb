-- quadrants: what the labels correlate with, what the model uses, and what hurts, side by side.
-- One row per (kind, label, word); whole words and bigrams.
--
-- param   fdr           a figure counts if its false discovery rate is at most this
-- column  kind          word or bigram
-- column  label         label the figures are about
-- column  word          lower-case word; both words of a bigram
-- column  n_examples    examples with the word
-- column  log_odds      label association                                               [log-odds]
-- column  label_q       false discovery rate of the association
-- column  mean_score    mean score towards the label; null where it has too few examples [unit of the scalar]
-- column  lower_bound   how far it significantly is from the score of the typical word  [unit of the scalar]
-- column  importance_q  false discovery rate of the importance
-- column  gap           error rate with the word minus without it, where the label is wrong; null without such examples
-- column  gap_q         false discovery rate of the gap
-- column  n_harmed      mistakes beyond the rate without the word
-- column  correlated    the labels correlate with the word
-- column  used          the model relies on the word for the label
-- column  hurts         the word pushes examples of other labels towards the label
-- column  quadrant      used and correlated, used only, correlated only, or neither
-- unique  kind, label, word
with

importance as (
    select *
    from word_importance
    where kind in ('word', 'bigram')
),

joined as (
    select
        kind,
        label,
        word,
        coalesce(association.n_examples, importance.n_examples) as n_examples,
        association.log_odds,
        association.q_value as label_q,
        importance.mean_score,
        importance.lower_bound,
        importance.q_value as importance_q,
        gaps.gap,
        gaps.q_value as gap_q,
        coalesce(gaps.n_harmed, 0) as n_harmed,
        coalesce(association.z > 0 and association.q_value <= $fdr, false) as correlated,
        coalesce(
            importance.mean_score > importance.typical_score and importance.q_value <= $fdr, false
        ) as used,
        coalesce(gaps.gap > 0 and gaps.q_value <= $fdr, false) as hurts
    from label_association as association
    full outer join importance using (kind, label, word)
    left join minority_gap as gaps using (kind, label, word)
)

select
    *,
    case
        when used and correlated then 'used and correlated'
        when used then 'used only'
        when correlated then 'correlated only'
        else 'neither'
    end as quadrant
from joined
order by label, kind desc, hurts desc, used desc, correlated desc, abs(lower_bound) desc, word
