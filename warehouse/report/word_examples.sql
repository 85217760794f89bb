-- word_examples: the examples in which a word pushes hardest towards its label.
-- One row per (kind, label, word, rank). The three lists are read side by side.
--
-- param   kinds          word or piece
-- param   labels         label the score should push towards; empty for either direction
-- param   words          lower-case words
-- param   mirrored       a score towards one label is minus the score towards the other
-- param   max_sentences  most examples per word
-- column  kind           word or piece
-- column  label          as asked for
-- column  word           as asked for
-- column  rank           1 for the strongest
-- column  example_id     example
-- unique  kind, label, word, rank
with

wanted as (
    select
        unnest($kinds::varchar[]) as kind,
        unnest($labels::varchar[]) as label,
        unnest($words::varchar[]) as word
),

scored as (
    select
        wanted.kind,
        wanted.label,
        wanted.word,
        scores.example_id,
        case
            when wanted.label = '' then abs(scores.score)
            when wanted.label = examples.target_label then scores.score
            else -scores.score
        end as score
    from wanted
    inner join word_scores as scores using (kind, word)
    inner join examples on scores.example_id = examples.example_id
    where wanted.label = '' or wanted.label = examples.target_label or $mirrored
)

select
    kind,
    label,
    word,
    row_number() over (partition by kind, label, word order by score desc, example_id) as rank,
    example_id
from scored
qualify rank <= $max_sentences
order by kind, label, word, rank
