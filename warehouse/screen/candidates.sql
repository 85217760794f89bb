-- candidates: the words that are put to the test, those of most weight and those most suspect first.
-- One row per (kind, label, word), up to max_candidates; a pair of words is tried by its words.
--
-- Three lists take turns: of what the model uses, by impact, and by impact with the types first that should not decide;
-- and, of the words that push now towards one label and now towards another, and of such types, by what they move in
-- either direction.
-- Words of every type are there, since that a word is right needs proof as well. What room is left goes to the other
-- words: scores are told from a baseline, and where that is read as one label already, a shortcut to it shows none.
--
-- param   max_candidates  longest list
-- column  rank                1 for the first
-- column  n_used              words and pieces that the model uses, in one direction or in either, tried or not
-- column  is_used             it is one of them
-- column  label               label the word pushes towards
-- column  word                lower-case word; a piece with · where the word goes on
-- column  kind                word or piece
-- column  type                type of the word
-- column  n_examples          examples with the word
-- column  mean_score          mean score towards the label  [unit of the scalar]
-- column  ci_low              95 % interval of mean_score  [unit of the scalar]
-- column  q_value             false discovery rate of the importance
-- column  document_frequency  share of the explained examples with the word  [0..1]
-- column  impact              mean_score * document_frequency  [unit of the scalar]
-- column  expectation         none, meaning, exempt or unknown: whether it should decide
-- unique  kind, label, word
with

ranked as (
    select
        *,
        used or either_way as is_used,
        count(*) filter (where is_used) over () as n_used,
        expectation = 'none' as is_suspect,
        is_used or is_suspect as takes_turns,
        row_number() over (order by used desc, impact desc, kind desc, label, word) as impact_rank,
        row_number() over (
            order by used desc, is_suspect desc, impact desc, kind desc, label, word
        ) as suspicion_rank,
        row_number() over (
            order by takes_turns and not used desc, rms * document_frequency desc, label, word
        ) as either_rank
    from words
    where kind != 'bigram' and (used or kind = 'word')
    -- A word of either direction is tried once, for the label it pushes towards a little more.
    qualify
        used
        or row_number() over (partition by kind, word, used order by mean_score desc, label) = 1
        and (either_way or not bool_or(used) over (partition by kind, word))
),

merged as (
    select
        *,
        row_number() over (
            order by
                takes_turns desc,
                if(used, least(impact_rank, suspicion_rank), either_rank),
                suspicion_rank
        ) as rank
    from ranked
)

select
    rank,
    n_used,
    is_used,
    label,
    word,
    kind,
    type,
    n_examples,
    mean_score,
    ci_low,
    q_value,
    document_frequency,
    impact,
    expectation
from merged
where rank <= $max_candidates
order by rank
