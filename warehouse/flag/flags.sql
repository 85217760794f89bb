-- flags: the words that are suspect, worst first: used by the model, and more likely than not for a wrong reason.
-- One row per (kind, label, word).
--
-- column  place         1 for the flag with the largest impact
-- column  label         label the word speaks for
-- column  word          lower-case word; a piece with · where the word goes on
-- column  kind          word or piece
-- column  type          fragment, affix, markup, number, punctuation, symbol, function word, name or content word
-- column  n_examples    examples with the word
-- column  mean_score    mean score towards the label           [unit of the scalar]
-- column  ci_low        95 % interval of mean_score            [unit of the scalar]
-- column  ci_high       95 % interval of mean_score            [unit of the scalar]
-- column  q_value       false discovery rate of the importance
-- column  impact        mean_score * share of examples with it [unit of the scalar]
-- column  label_rate    share of its examples with the label   [0..1]
-- column  spuriousness  0..1
-- column  why           the reasons in words
-- unique  kind, label, word
select
    row_number() over (order by impact desc, kind desc, label, word) as place,
    label,
    word,
    kind,
    type,
    n_examples,
    mean_score,
    ci_low,
    ci_high,
    q_value,
    impact,
    label_rate,
    spuriousness,
    array_to_string([concat(reason.reason, ': ', reason.detail) for reason in reasons], '; ') as why
from words
where flagged
order by place
