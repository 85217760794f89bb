-- bigram_occurrences: neighbouring words that stand together far more often than chance: names, titles, set phrases.
-- One row per (example, place in the text) of such a pair.
--
-- The score of a pair is the sum of its words' scores: rows of their own, never added to those of the words.
--
-- first   aggregate/word_counts, aggregate/bigrams
-- batch   word_occurrences, examples
-- column  example_id       example
-- column  word_start       first character of the pair in the raw text, 0-based              [code points]
-- column  word             both words in lower case, a space between
-- column  n_pieces         tokens of both words
-- column  score            summed score towards the target label                             [unit of the scalar]
-- column  gradient_x_input summed score towards the target label                             [unit of the scalar]
-- column  gradient_norm    L2 norm over both words
-- column  contrast         its square estimates the variance of the score's quadrature noise; null without
-- column  n_pair           examples with the pair
-- column  pmi              ln of these over what independent words would give                [nats]
-- unique  example_id, word_start
with

-- In word_occurrences the words of a text follow each other: no need to sort them.
neighbours as (
    select
        *,
        lag(example_id) over () as first_example,
        lag(word_start) over () as first_start,
        lag(word_end) over () as first_end,
        lag(word) over () as first_word,
        lag(n_pieces) over () as first_pieces,
        lag(score) over () as first_score,
        lag(gradient_x_input) over () as first_product,
        lag(gradient_norm) over () as first_norm,
        lag(contrast) over () as first_contrast
    from word_occurrences
)

select
    neighbours.example_id,
    neighbours.first_start as word_start,
    concat(bigrams.first_word, ' ', bigrams.second_word) as word,
    neighbours.first_pieces + neighbours.n_pieces as n_pieces,
    neighbours.first_score + neighbours.score as score,
    neighbours.first_product + neighbours.gradient_x_input as gradient_x_input,
    sqrt(neighbours.first_norm ** 2 + neighbours.gradient_norm ** 2) as gradient_norm,
    neighbours.first_contrast + neighbours.contrast as contrast,
    bigrams.n_pair,
    bigrams.pmi
from neighbours
inner join bigrams on neighbours.first_word = bigrams.first_word and neighbours.word = bigrams.second_word
inner join examples on neighbours.example_id = examples.example_id
where
    neighbours.example_id = neighbours.first_example
    and not neighbours.starts_sentence
    -- joiners and soft hyphens between words are no spaces
    and regexp_full_match(
        substring(examples.text, neighbours.first_end + 1, neighbours.word_start - neighbours.first_end),
        '\s+'
    )
order by neighbours.example_id, neighbours.first_start
