-- expected_effects: what is expected of a word's effect.
-- One row per candidate (label, word) that was tried; fragments have none.
--
-- Nothing is expected of a word whose type should not decide. Of any other word, what the effects of all others of
-- these predict, by vectors that know no training label (tasks/trials/expected.py). Of a word that a model uses for
-- what it means much is predicted; of one that it has learned by itself, as a planted one, next to nothing. Vectors
-- that no one has trained on language predict nothing: they count only if they predict the direction of significantly
-- more than three in five effects, where guessing has one half.
--
-- param   expected_effects  the predictions, JSON: label, word, expected, expected_se
-- param   min_effect        smallest mean effect that counts  [log-odds]
-- column  label            label the word pushes towards
-- column  word             lower-case word
-- column  effect           mean effect over the operators  [log-odds]
-- column  expected         effect that is expected; null where vectors predict nothing  [log-odds]
-- column  expected_se      its standard error; null without it  [log-odds]
-- column  predicted_share  expected as a share of effect; null without either
-- unique  label, word
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

measured as (
    select
        predictions.label,
        predictions.word,
        predictions.expected,
        predictions.expected_se,
        evidence.effect,
        candidates.expectation = 'none' as is_nothing
    from predictions
    inner join evidence using (label, word)
    inner join candidates using (kind, label, word)
    where evidence.kind = 'word'
),

directions as (
    select wilson_low(count(*) filter (where expected > 0), count(*)) > 0.6 as are_known
    from measured
    where not is_nothing and effect >= $min_effect
),

known as (
    select
        label,
        word,
        effect,
        if(is_nothing or are_known, expected, null) as expected,
        if(is_nothing or are_known, expected_se, null) as expected_se
    from measured
    cross join directions
)

select
    label,
    word,
    effect,
    expected,
    expected_se,
    expected / nullif(effect, 0) as predicted_share
from known
order by label, word
