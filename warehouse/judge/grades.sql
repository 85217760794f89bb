-- grades: how likely it is of every word that the model uses, tried or not, that it should not decide.
-- One row per (kind, label, word) of what is used or tried.
--
-- A grade orders words and is no share of them. How it comes about stands in tasks/trials/grade.py.
--
-- param   grades            the grades, JSON, with these columns
-- column  kind              word or piece
-- column  label             label the word pushes towards
-- column  word              lower-case word; a piece with · where the word goes on
-- column  predicted_effect  effect that its attributions predict, from the words that were tried, it left out; null
--                           where too few were  [log-odds]
-- column  predicted_low     95 % interval of predicted_effect  [log-odds]
-- column  predicted_high    95 % interval of predicted_effect  [log-odds]
-- column  meaning           zero-shot meaning for the label in the encoder before fine-tuning, in standard deviations
--                           between the words; null where it is not known
-- column  grade             large where it is likely spurious  [0..1]
-- column  tried             it was tried
-- unique  kind, label, word
with

told as (
    select unnest(
        from_json(
            $grades::json,
            '[{
                "kind": "varchar", "label": "varchar", "word": "varchar",
                "predicted_effect": "double", "predicted_low": "double", "predicted_high": "double",
                "meaning": "double", "grade": "double", "tried": "boolean"
            }]'
        ),
        recursive := true
    )
)

select *
from told
order by kind, label, word
