-- top_words: the words that push most towards each label, by the lower end of their interval.
-- One row per (label, word).
--
-- param   top_words   longest list per label
-- column  label       label the word pushes towards
-- column  rank        1 for the strongest
-- column  word        lower-case word
-- column  type        type of the word
-- column  n_examples  examples with the word
-- column  mean_score  mean score towards the label              [unit of the scalar]
-- column  ci_low      95 % interval of mean_score               [unit of the scalar]
-- column  ci_high     95 % interval of mean_score               [unit of the scalar]
-- column  label_rate  share of its examples with the label      [0..1]
-- column  verdict     spurious or not spurious
-- unique  label, word
select
    words.label,
    row_number() over (partition by words.label order by words.ci_low desc, words.word) as rank,
    words.word,
    words.type,
    words.n_examples,
    words.mean_score,
    words.ci_low,
    words.ci_high,
    words.label_rate,
    if(verdicts.status in ('spurious', 'part'), 'spurious', 'not spurious') as verdict
from words
left join verdicts using (kind, label, word)
where words.kind = 'word' and words.used
-- Not by its alias: verdicts have a rank too.
qualify row_number() over (partition by words.label order by words.ci_low desc, words.word) <= $top_words
order by words.label, rank
