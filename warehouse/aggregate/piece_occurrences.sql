-- piece_occurrences: the pieces of the words that the tokenizer cut.
-- One row per (example, token of a word in several pieces).
--
-- batch   token_parts, examples, word_occurrences
-- param   token_parts           Parquet files of attribution, one row per token
-- param   method                the method that is added up
-- column  example_id            example
-- column  position              place of the token in the model's input, 0-based
-- column  piece                 lower-case piece, with · where the word goes on
-- column  source_word           lower-case word it was cut from
-- column  score                 score towards the target label, by the method   [unit of the scalar]
-- column  gradient_x_input      score towards the target label   [unit of the scalar]
-- column  gradient_norm         norm of the gradient to the one-hot input
-- column  contrast              its square estimates the variance of the score's quadrature noise
-- unique  example_id, position
with

-- A small part of the words: the tokens meet these alone, and their texts with them.
cut as materialized (
    select
        words.example_id,
        words.word_start,
        words.word_end,
        words.word,
        examples.text
    from word_occurrences as words
    inner join examples using (example_id)
    where words.n_pieces > 1
)

select
    tokens.example_id,
    tokens.position,
    concat(
        case when tokens.token_start > cut.word_start then '·' end,
        folded(trim(substring(
            cut.text,
            tokens.token_start + 1,
            tokens.token_end - tokens.token_start
        ))),
        case when tokens.token_end < cut.word_end then '·' end
    ) as piece,
    cut.word as source_word,
    summed_score(
        $method, tokens.integrated_gradients, tokens.gradient_x_input, tokens.relevance
    )::double as score,
    tokens.gradient_x_input::double as gradient_x_input,
    tokens.gradient_norm::double as gradient_norm,
    tokens.contrast::double as contrast
from read_parquet($token_parts) as tokens
inner join cut on tokens.example_id = cut.example_id and tokens.word_start = cut.word_start
order by tokens.example_id, tokens.position
