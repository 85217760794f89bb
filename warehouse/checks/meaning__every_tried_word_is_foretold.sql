-- Words that were tried and have no row, or have one that does not add up.
select
    evidence.label,
    evidence.word,
    evidence.strength,
    meaning.residual
from evidence
left join meaning using (label, word)
where
    evidence.kind = 'word'
    and evidence.strength is not null
    and (meaning.residual is null or abs(coalesce(meaning.expected, 0) + meaning.residual - evidence.strength) > 1e-9)
