-- power: whether each word that the model uses stands in enough texts for an effect of seen_effect to be seen.
-- One row per word or piece that the model uses, in one direction or in either.
--
-- A word is shown to move predictions by the mean of its two arms, so the variance of that mean has to be
-- (seen_effect / power_z)^2: a quarter of sd^2 / texts with the word + insertion_sd^2 / max_documents. Texts needed are
-- what that leaves to the texts with the word; never fewer than five, of which all must push the same way. The standard
-- deviations are those of the word's own effects in eight texts or more, else the median of those of all words.
--
-- param   max_documents  most texts for an operator
-- param   seen_effect    effect that should be seen  [log-odds]
-- param   power_z        z_97.5 + z_power: sum of the normal quantiles of the test and of its power
-- column  kind        word or piece
-- column  label       label it pushes towards
-- column  word        lower-case word; a piece with · where the word goes on
-- column  n_examples  texts with it
-- column  n_texts     of these, texts that can be tried
-- column  sd          standard deviation of the effects of its removal; null if nothing was tried  [log-odds]
-- column  n_needed    texts needed; null if nothing was tried, or if insertions vary too much for any number of texts
-- column  is_powered  it stands in as many
-- column  is_tried    it was a candidate
-- unique  kind, label, word
with

-- A word of either direction counts once.
used_words as (
    select
        kind,
        label,
        word,
        n_examples,
        least(n_examples, $max_documents) as n_texts
    from words
    where kind != 'bigram' and (used or either_way)
    qualify used or row_number() over (partition by kind, word order by used desc, mean_score desc, label) = 1
),

spread as (
    select
        kind,
        label,
        word,
        max(sd) filter (where operator != 'insert') as sd,
        max(sd) filter (where operator = 'insert') as insertion_sd
    from effects
    where n_texts >= 8
    group by kind, label, word
),

needs as (
    select
        used_words.*,
        coalesce(spread.sd, typical.sd) as known_sd,
        coalesce(spread.insertion_sd, typical.insertion_sd) as known_insertion_sd,
        -- Without insertions the removal is all there is.
        coalesce(4 * variance_wanted - known_insertion_sd ** 2 / $max_documents, variance_wanted) as variance_left,
        if(variance_left > 0, greatest(ceil(known_sd ** 2 / variance_left), 5), null)::bigint as n_needed,
        candidates.word is not null as is_tried
    from used_words
    cross join (select ($seen_effect / $power_z) ** 2 as variance_wanted)
    cross join (select median(sd) as sd, median(insertion_sd) as insertion_sd from spread) as typical
    left join spread using (kind, label, word)
    left join candidates using (kind, label, word)
)

select
    kind,
    label,
    word,
    n_examples,
    n_texts,
    known_sd as sd,
    n_needed,
    coalesce(n_texts >= n_needed, false) as is_powered,
    is_tried
from needs
order by kind desc, label, word
