-- top_words: the words that speak most for each label, by the lower end of their interval.
-- One row per (label, word).
--
-- param   top_words   longest list per label
-- column  label       label the word speaks for
-- column  place       1 for the strongest
-- column  word        lower-case word
-- column  type        type of the word
-- column  n_examples  examples with the word
-- column  mean_score  mean score towards the label              [unit of the scalar]
-- column  ci_low      95 % interval of mean_score               [unit of the scalar]
-- column  ci_high     95 % interval of mean_score               [unit of the scalar]
-- column  label_rate  share of its examples with the label      [0..1]
-- column  verdict     suspect or not flagged
-- unique  label, word
select
    label,
    row_number() over (partition by label order by ci_low desc, word) as place,
    word,
    type,
    n_examples,
    mean_score,
    ci_low,
    ci_high,
    label_rate,
    if(flagged, 'suspect', 'not flagged') as verdict
from words
where kind = 'word' and used
qualify place <= $top_words
order by label, place
