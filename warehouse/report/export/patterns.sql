-- patterns: the patterns that were tried, for other programs.
-- One row per pattern. Its columns are those of screen/patterns.sql, with its verdict.
select
    patterns.*,
    verdicts.status,
    verdicts.part_of,
    verdicts.effect,
    verdicts.effect_low,
    verdicts.effect_high,
    verdicts.per_1000,
    carried.part as carried_by
from patterns
left join verdicts on verdicts.kind = 'pattern' and patterns.pattern = verdicts.word and patterns.type = verdicts.type
left join pattern_parts as carried on patterns.type = carried.type and patterns.pattern = carried.pattern
order by patterns.rank
