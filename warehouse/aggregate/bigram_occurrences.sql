-- bigram_occurrences: neighbouring words that stand together far more often than chance: names, titles, set phrases.
-- One row per (example, place in the text) of such a pair.
--
-- Association: pointwise mutual information over examples (Church and Hanks 1990). Words are neighbours if nothing but
-- spaces stands between them; a mark, a tag or the end of a sentence is a word of its own, so no pair crosses one.
-- The score of a pair is the sum of its words' scores: rows of their own, never added to those of the words.
--
-- param   min_examples     fewest examples a pair must stand in
-- param   min_pmi          smallest pmi                                                      [nats]
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

-- Only words that are frequent enough by themselves can be half of a frequent pair.
frequent as (
    select
        word,
        count(distinct example_id) as n_examples
    from word_occurrences
    where regexp_matches(word, '^[\p{L}\p{N}]')
    group by word
    having count(distinct example_id) >= $min_examples
),

neighbours as (
    select
        example_id,
        word_start,
        word_end,
        word as second_word,
        n_pieces,
        score,
        gradient_x_input,
        gradient_norm,
        contrast,
        starts_sentence,
        lag(word_start) over in_text as first_start,
        lag(word_end) over in_text as first_end,
        lag(word) over in_text as first_word,
        lag(n_pieces) over in_text as first_pieces,
        lag(score) over in_text as first_score,
        lag(gradient_x_input) over in_text as first_product,
        lag(gradient_norm) over in_text as first_norm,
        lag(contrast) over in_text as first_contrast
    from word_occurrences
    window in_text as (partition by example_id order by word_start)
),

pairs as materialized (
    select neighbours.*
    from neighbours
    inner join frequent as firsts on neighbours.first_word = firsts.word
    inner join frequent as seconds on neighbours.second_word = seconds.word
    inner join examples using (example_id)
    where
        not neighbours.starts_sentence
        -- joiners and soft hyphens between words are no spaces
        and regexp_full_match(
            substring(examples.text, neighbours.first_end + 1, neighbours.word_start - neighbours.first_end),
            '\s+'
        )
),

counts as (
    select
        first_word,
        second_word,
        count(distinct example_id) as n_pair
    from pairs
    group by first_word, second_word
    having count(distinct example_id) >= $min_examples
),

associated as (
    select
        counts.*,
        ln(
            counts.n_pair * (select count(*) from examples where converged)
            / (firsts.n_examples * seconds.n_examples)
        ) as pmi
    from counts
    inner join frequent as firsts on counts.first_word = firsts.word
    inner join frequent as seconds on counts.second_word = seconds.word
)

select
    pairs.example_id,
    pairs.first_start as word_start,
    concat(pairs.first_word, ' ', pairs.second_word) as word,
    pairs.first_pieces + pairs.n_pieces as n_pieces,
    pairs.first_score + pairs.score as score,
    pairs.first_product + pairs.gradient_x_input as gradient_x_input,
    sqrt(pairs.first_norm ** 2 + pairs.gradient_norm ** 2) as gradient_norm,
    pairs.first_contrast + pairs.contrast as contrast,
    associated.n_pair,
    associated.pmi
from pairs
inner join associated using (first_word, second_word)
where associated.pmi >= $min_pmi
order by pairs.example_id, word_start
