-- word_effects: the mean effects of the words that were tried.
-- One row per (label, word).
--
-- column  label   label the word pushes towards
-- column  word    lower-case word
-- column  effect  mean effect over the operators  [log-odds]
-- unique  label, word
select
    label,
    word,
    effect
from evidence
where kind = 'word' and effect is not null
order by label, word
