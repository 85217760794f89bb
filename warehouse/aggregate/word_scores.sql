-- word_scores: what a word adds to an example's score. The unit of all statistics.
-- One row per (kind, example, word); pieces of words that the tokenizer cut and pairs of words that belong together
-- have rows of their own. Whatever adds up over an example takes the rows of kind `word` alone.
--
-- batch   word_occurrences, piece_occurrences, bigram_occurrences
-- column  kind                  word, piece of a word in several pieces, or bigram
-- column  example_id            example
-- column  word                  lower-case word; a piece with · where the word goes on; both words of a bigram
-- column  n_occurrences         times it stands in the example
-- column  n_pieces              tokens of all its occurrences
-- column  share                 |score| over the sum of |score| of its whole: of the words of the example; of their
--                               tokens, for a piece; of their places, for a bigram          [0..1]
-- column  score                 summed score towards the target label                         [unit of the scalar]
-- column  gradient_x_input      summed score towards the target label                         [unit of the scalar]
-- column  gradient_norm         L2 norm over the occurrences
-- column  contrast              its square estimates the variance of the score's quadrature noise; null without
-- unique  kind, example_id, word
with

units as (
    select
        'word' as kind,
        example_id,
        word,
        n_pieces,
        score,
        gradient_x_input,
        gradient_norm,
        contrast
    from word_occurrences
    union all
    select
        'piece' as kind,
        example_id,
        piece as word,
        1 as n_pieces,
        score,
        gradient_x_input,
        gradient_norm,
        contrast
    from piece_occurrences
    union all
    select
        'bigram' as kind,
        example_id,
        word,
        n_pieces,
        score,
        gradient_x_input,
        gradient_norm,
        contrast
    from bigram_occurrences
),

summed as (
    select
        kind,
        example_id,
        word,
        count(*) as n_occurrences,
        sum(n_pieces)::bigint as n_pieces,
        sum(score) as score,
        sum(gradient_x_input) as gradient_x_input,
        sqrt(sum(gradient_norm ** 2)) as gradient_norm,
        sum(contrast) as contrast
    from units
    group by kind, example_id, word
),

-- What holds a word, a piece or a pair: scores of opposite signs cancel in a word, so its pieces can be more than it.
totals as (
    select
        kind,
        example_id,
        sum(abs(score)) as total
    from summed
    where kind = 'word'
    group by kind, example_id
    union all
    select
        'bigram' as kind,
        example_id,
        sum(abs(score)) as total
    from word_occurrences
    group by example_id
    union all
    select
        'piece' as kind,
        example_id,
        sum(abs(score)) as total
    from (
        select
            example_id,
            score
        from word_occurrences
        where n_pieces = 1
        union all
        select
            example_id,
            score
        from piece_occurrences
    )
    group by example_id
)

select
    summed.kind,
    summed.example_id,
    summed.word,
    summed.n_occurrences,
    summed.n_pieces,
    -- An example whose scores are all zero has no shares, not NaN shares. Sums in another order may differ in a digit.
    if(totals.total = 0, null, least(abs(summed.score) / totals.total, 1)) as share,
    summed.score,
    summed.gradient_x_input,
    summed.gradient_norm,
    summed.contrast
from summed
inner join totals using (kind, example_id)
order by summed.kind, summed.example_id, summed.word
