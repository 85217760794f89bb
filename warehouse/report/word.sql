-- word: everything known about one word.
-- One row per (kind, label) the word speaks for.
--
-- param   word          lower-case word, or a piece with · where the word goes on
-- column  label         label the word speaks for
-- column  word          the word
-- column  kind          word or piece
-- column  type          type of the word
-- column  n_examples    examples with the word
-- column  mean_score    mean score towards the label            [unit of the scalar]
-- column  ci_low        95 % interval of mean_score             [unit of the scalar]
-- column  ci_high       95 % interval of mean_score             [unit of the scalar]
-- column  q_value       false discovery rate of the importance
-- column  label_rate    share of its examples with the label    [0..1]
-- column  reasons       what speaks for spurious
-- column  spuriousness  0..1
-- column  flagged       on the list of flags
select
    label,
    word,
    kind,
    type,
    n_examples,
    mean_score,
    ci_low,
    ci_high,
    q_value,
    label_rate,
    reasons,
    spuriousness,
    flagged
from words
where word = $word
order by kind desc, mean_score desc, label
