-- unstable: words that mean something else to the model in the other corpus, the most significant first.
-- One row per (label, word).
--
-- param   labels        labels to show
-- param   fdr           largest q-value of a difference
-- column  label         label the scores push towards
-- column  word          lower-case word
-- column  type          type of the word
-- column  n_examples    examples in the audited corpus
-- column  n_elsewhere   examples in the other
-- column  mean_score    mean score in the audited corpus       [unit of the scalar]
-- column  elsewhere     mean score in the other                [unit of the scalar]
-- column  q_value       false discovery rate of the difference
-- column  sign_flip     it significantly pushes towards the label in one and away from it in the other
-- column  verdict       what the trials showed; null for a word that was not tried
-- unique  label, word
select
    stability.label,
    stability.word,
    types.type,
    stability.n_examples[1] as n_examples,
    stability.n_examples[2] as n_elsewhere,
    stability.mean_scores[1] as mean_score,
    stability.mean_scores[2] as elsewhere,
    stability.q_value,
    stability.sign_flip,
    verdicts.verdict
from stability
inner join word_types as types using (kind, word)
left join verdicts using (kind, label, word)
where
    stability.kind = 'word'
    and stability.q_value <= $fdr
    and stability.label in (select unnest($labels::varchar[]))
order by stability.q_value, stability.label, stability.word
limit 20
