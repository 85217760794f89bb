-- expected_patterns: what the words of an opening, an ending, a line or a set of companions are expected to do together.
-- One row per (type, pattern, label).
--
-- A word counts if its expected effect is 1.28 standard errors from 0 (one in ten by chance): the predictions of words
-- that mean nothing would add up with the length of the pattern. What fills a pattern counts by its share of the texts.
--
-- param   expected_effects  the predictions of single words, JSON: label, word, expected, expected_se
-- column  type         opening, ending, line or companions
-- column  pattern      what its texts have in common
-- column  label        label
-- column  expected     sum over its words; null where vectors predict nothing  [log-odds]
-- column  expected_se  standard error of what counts, as if the words erred independently  [log-odds]
-- unique  type, pattern, label
with

predictions as (
    select unnest(
        from_json(
            $expected_effects::json,
            '[{"label": "varchar", "word": "varchar", "expected": "double", "expected_se": "double"}]'
        ),
        recursive := true
    )
),

-- Vectors that predict no word predict no pattern.
known as (
    select coalesce(bool_or(expected is not null), true) as are_known
    from expected_effects
)

select
    parts.type,
    parts.pattern,
    predictions.label,
    if(
        any_value(known.are_known),
        sum(if(abs(predictions.expected) >= 1.28 * predictions.expected_se, parts.share * predictions.expected, 0)),
        null
    ) as expected,
    sqrt(coalesce(sum((parts.share * predictions.expected_se) ** 2) filter (
        where abs(predictions.expected) >= 1.28 * predictions.expected_se
    ), 0)) as expected_se
from pattern_words as parts
inner join predictions using (word)
cross join known
group by parts.type, parts.pattern, predictions.label
order by parts.type, parts.pattern, predictions.label
