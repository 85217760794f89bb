-- candidates: the words that are put to the test, those of most weight and those most suspect first.
-- One row per (kind, label, word) that the model uses, up to max_candidates; a pair of words is tried by its words.
--
-- Three lists take turns: by impact; by spuriousness and then impact; and, of the words that speak now for one label
-- and now for another, by what they move in either direction. Words of every type are there, since that a word is
-- right needs proof as well.
--
-- param   max_candidates  longest list
-- column  place         1 for the first
-- column  n_used        words and pieces that the model uses, tried or not
-- column  label         label the word speaks for
-- column  word          lower-case word; a piece with · where the word goes on
-- column  kind          word or piece
-- column  type          type of the word
-- column  n_examples    examples with the word
-- column  mean_score    mean score towards the label                      [unit of the scalar]
-- column  ci_low        95 % interval of mean_score                       [unit of the scalar]
-- column  q_value       false discovery rate of the importance
-- column  reach         share of the explained examples with the word     [0..1]
-- column  impact        mean_score * reach                                [unit of the scalar]
-- column  spuriousness  0..1, before any test
-- unique  kind, label, word
with

ranked as (
    select
        *,
        count(*) over () as n_used,
        row_number() over (order by used desc, impact desc, kind desc, label, word) as impact_place,
        row_number() over (
            order by used desc, spuriousness desc, impact desc, kind desc, label, word
        ) as suspicion_place,
        row_number() over (order by either_way desc, size * reach desc, label, word) as either_place
    from words
    where (used or either_way) and kind != 'bigram'
    -- A word of either direction is tried once, for the label it speaks for a little more.
    qualify used or row_number() over (partition by word, used order by mean_score desc, label) = 1
),

merged as (
    select
        *,
        row_number() over (
            order by least(impact_place, suspicion_place, if(either_way, either_place, null)), suspicion_place
        ) as place
    from ranked
)

select
    place,
    n_used,
    label,
    word,
    kind,
    type,
    n_examples,
    mean_score,
    ci_low,
    q_value,
    reach,
    impact,
    spuriousness
from merged
where place <= $max_candidates
order by place
