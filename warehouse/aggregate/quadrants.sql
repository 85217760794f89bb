-- quadrants: what the labels correlate with, what the model uses, and what hurts, side by side.
-- One row per (kind, label, word); whole words and bigrams.
--
-- Labels and model have three states each, from 95 % intervals of the word by itself: it clearly goes with the label or
-- is used, it clearly does not or is not, and neither is shown.
--
-- param   fdr           a gap counts if its false discovery rate is at most this
-- param   min_rate      a label rate that is surely less than this above the label's share is no association [0..1]
-- param   min_score     a score that is surely less than this above the typical word's is no use [unit of the scalar]
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
-- column  hurts         the word pushes examples of other labels towards the label
-- column  labels        the label goes with the word: clearly, not shown or clearly not
-- column  model         the model uses the word for the label: clearly, not shown or clearly not
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
        coalesce(gaps.gap > 0 and gaps.q_value <= $fdr, false) as hurts,
        case
            when association.rate_low > association.label_share then 'clearly'
            when association.rate_high < association.label_share + $min_rate then 'clearly not'
            else 'not shown'
        end as labels,
        case
            when importance.ci_low > importance.typical_score then 'clearly'
            when importance.ci_high < importance.typical_score + $min_score then 'clearly not'
            else 'not shown'
        end as model
    from label_association as association
    full outer join importance using (kind, label, word)
    left join minority_gap as gaps using (kind, label, word)
)

select *
from joined
order by label, kind desc, hurts desc, model, labels, abs(lower_bound) desc, word
