-- vocabulary_candidates: words worth a piece of their own in the tokenizer.
-- One row per word.
--
-- Only words that the model uses, and never a spurious one: one piece would only make the shortcut easier to learn.
--
-- param   max_vocabulary   longest list
-- column  rank             1 for the best candidate
-- column  word             lower-case word
-- column  type             type of the word
-- column  n_examples       examples with the word
-- column  n_occurrences    times it stands in the explained texts
-- column  pieces_per_word  tokens per occurrence today
-- column  tokens_saved     tokens of the explained texts that one piece would save
-- column  label            label it pushes towards
-- column  mean_score       mean score towards that label                   [unit of the scalar]
-- column  value            tokens_saved * mean_score: the order of the list
-- unique  word
with

occurrences as (
    select
        word,
        count(distinct example_id) as n_examples,
        count(*) as n_occurrences,
        avg(n_pieces) as pieces_per_word,
        sum(n_pieces - 1)::bigint as tokens_saved
    from word_occurrences
    group by word
),

spurious as (
    select word
    from verdicts
    where kind = 'word' and status in ('spurious', 'part')
),

candidates as (
    select
        words.word,
        words.type,
        words.label,
        words.mean_score,
        occurrences.* exclude (word),
        occurrences.tokens_saved * words.mean_score as value
    from words
    inner join occurrences using (word)
    where
        words.kind = 'word'
        and words.used
        and words.type in (select type from type_rules where in_vocabulary)
        and occurrences.pieces_per_word >= 2
        and words.word not in (select word from spurious)
    -- Three classes or more: a word has a row for each label it pushes towards; the strongest one counts.
    qualify row_number() over (partition by words.word order by words.mean_score desc, words.label) = 1
)

select
    row_number() over (order by value desc, word) as rank,
    word,
    type,
    n_examples,
    n_occurrences,
    pieces_per_word,
    tokens_saved,
    label,
    mean_score,
    value
from candidates
qualify rank <= $max_vocabulary
order by rank
