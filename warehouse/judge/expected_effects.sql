-- expected_effects: what words of similar meaning predict of a word's effect.
-- One row per candidate (label, word); fragments have none.
--
-- Predicted from the effects of all other candidates, by their embeddings (tasks/trials/expected.py). Of a word that a
-- model uses for what it means much is predicted; of one that it has learned by itself, as a planted one, next to
-- nothing. Embeddings that no one has trained on language predict nothing: they count only if they predict the
-- direction of significantly more than three in five effects, where guessing has one half.
--
-- param   expected_effects  the predictions, JSON: label, word, expected
-- param   min_effect        smallest mean effect that counts  [log-odds]
-- column  label            label the word pushes towards
-- column  word             lower-case word
-- column  effect           mean effect over the operators  [log-odds]
-- column  expected         effect that is predicted; null where embeddings predict nothing  [log-odds]
-- column  residual         effect less what is predicted  [log-odds]
-- column  expected_se      robust standard deviation of the residuals  [log-odds]
-- column  predicted_share  expected as a share of effect; null without either
-- unique  label, word
with

predictions as (
    select unnest(
        from_json($expected_effects::json, '[{"label": "varchar", "word": "varchar", "expected": "double"}]'),
        recursive := true
    )
),

measured as (
    select
        predictions.label,
        predictions.word,
        predictions.expected,
        evidence.effect
    from predictions
    inner join evidence using (label, word)
    where evidence.kind = 'word'
),

directions as (
    select wilson_low(count(*) filter (where expected > 0), count(*)) > 0.6 as are_known
    from measured
    where effect >= $min_effect
)

select
    measured.label,
    measured.word,
    measured.effect,
    if(directions.are_known, measured.expected, null) as expected,
    measured.effect - if(directions.are_known, measured.expected, 0) as residual,
    1.4826 * mad(residual) over () as expected_se,
    if(directions.are_known, measured.expected, null) / nullif(measured.effect, 0) as predicted_share
from measured
cross join directions
order by measured.label, measured.word
