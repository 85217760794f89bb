-- word_effects: the effects of the words that were tried.
-- One row per (label, word).
--
-- column  label        label the word pushes towards
-- column  word         lower-case word
-- column  effect       mean effect  [log-odds]
-- column  expectation  none, meaning or exempt: whether it should decide
-- unique  label, word
select
    evidence.label,
    evidence.word,
    evidence.effect,
    candidates.expectation
from evidence
inner join candidates using (kind, label, word)
where evidence.kind = 'word' and evidence.effect is not null
order by evidence.label, evidence.word
