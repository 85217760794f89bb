-- A word that was tried and has no row.
select
    evidence.label,
    evidence.word,
    evidence.effect
from evidence
anti join expected_effects using (label, word)
where evidence.kind = 'word' and evidence.effect is not null
