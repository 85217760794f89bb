-- power: whether each word that the model uses stands in enough texts for an effect of seen_effect to be seen.
-- One row per word or piece that the model uses, in one direction or in either.
--
-- Texts needed: ((z_97.5 + z_power) * sd / seen_effect)^2, for a 95 % interval above 0; never fewer than five, of which
-- all must push the same way. The standard deviation is that of the word's own effects in eight texts or more, else
-- the median of those of all words.
--
-- param   max_documents  most texts for an operator
-- param   seen_effect    effect that should be seen  [log-odds]
-- param   power_z        z_97.5 + z_power: sum of the normal quantiles of the test and of its power
-- column  kind        word or piece
-- column  label       label it pushes towards
-- column  word        lower-case word; a piece with · where the word goes on
-- column  n_texts     texts with it that can be tried
-- column  sd          standard deviation of the effects of its removal; null if nothing was tried  [log-odds]
-- column  n_needed    texts needed
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
        sd
    from effects
    where operator != 'insert' and n_texts >= 8
),

needs as (
    select
        used_words.*,
        coalesce(spread.sd, typical.sd) as known_sd,
        greatest(ceil(($power_z * known_sd / $seen_effect) ** 2), 5)::bigint as n_needed,
        candidates.word is not null as is_tried
    from used_words
    cross join (select median(sd) as sd from spread) as typical
    left join spread using (kind, label, word)
    left join candidates using (kind, label, word)
)

select
    kind,
    label,
    word,
    n_texts,
    known_sd as sd,
    if(known_sd is null, null, n_needed) as n_needed,
    known_sd is not null and n_texts >= n_needed as is_powered,
    is_tried
from needs
order by kind desc, label, word
