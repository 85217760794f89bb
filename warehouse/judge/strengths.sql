-- strengths: the mean effects of the words that were tried.
-- One row per (label, word).
--
-- column  label     label the word pushes towards
-- column  word      lower-case word
-- column  strength  mean effect over the operators  [log-odds]
-- unique  label, word
select
    label,
    word,
    strength
from evidence
where kind = 'word' and strength is not null
order by label, word
