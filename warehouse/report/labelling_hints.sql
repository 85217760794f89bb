-- labelling_hints: keywords a labelling rule should stop matching on, and keywords it could use.
-- One row per (action, label, word).
--
-- column  action       drop or add
-- column  rank         1 for the most useful hint of its action and label
-- column  label        label the keyword stands for
-- column  word         keyword
-- column  type         type of the word
-- column  n_examples   examples a rule on this keyword would label
-- column  label_rate   share of them it would label rightly        [0..1]
-- column  rate_low     95 % interval of label_rate                 [0..1]
-- column  label_share  share of the label among all examples       [0..1]
-- column  reason       the rules behind it: rule, figures, words
-- unique  action, label, word
select
    action,
    rank,
    label,
    word,
    type,
    n_examples,
    label_rate,
    rate_low,
    label_share,
    reason
from labelling_hints
order by action, label, rank
