-- Words that were tried and have no row, or have one that does not add up.
select
    evidence.label,
    evidence.word,
    evidence.effect,
    expected_effects.residual
from evidence
left join expected_effects using (label, word)
where
    evidence.kind = 'word'
    and evidence.effect is not null
    and (
        expected_effects.residual is null
        or abs(coalesce(expected_effects.expected, 0) + expected_effects.residual - evidence.effect) > 1e-9
    )
