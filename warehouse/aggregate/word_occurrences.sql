-- word_occurrences: every word of every explained example, its pieces summed.
-- One row per (example, place in the text). The rows of an example follow each other in the order of the text.
--
-- batch   token_parts, examples
-- param   token_parts           Parquet files of attribution, one row per token
-- param   method                the method that is added up
-- column  example_id            example
-- column  word_start            first character of the word in the raw text, 0-based      [code points]
-- column  word_end              end of the word, exclusive                                [code points]
-- column  surface               the word as it stands in the text
-- column  word                  folded surface: lower case, composed, straight apostrophes
-- column  n_pieces              tokens the tokenizer cut the word into
-- column  starts_sentence       first word, or behind a full stop, a quote, a tag, a line break ...
-- column  score                 summed score towards the target label, by the method       [unit of the scalar]
-- column  gradient_x_input      summed score towards the target label                     [unit of the scalar]
-- column  gradient_norm         L2 norm over the pieces
-- column  contrast              its square estimates the variance of the score's quadrature noise; null without
-- unique  example_id, word_start
with

pieces as (
    select
        *,
        summed_score($method, integrated_gradients, gradient_x_input, relevance)::double as score
    from read_parquet($token_parts)
    where word_start is not null
),

words as (
    select
        example_id,
        word_start,
        word_end,
        count(*) as n_pieces,
        sum(score) as score,
        sum(gradient_x_input::double) as gradient_x_input,
        sqrt(sum(gradient_norm::double ** 2)) as gradient_norm,
        sum(contrast::double) as contrast
    from pieces
    group by example_id, word_start, word_end
),

-- Before the text is joined: what is sorted here is narrow.
placed as (
    select
        *,
        lag(word_start) over in_text as previous_start,
        lag(word_end) over in_text as previous_end
    from words
    window in_text as (partition by example_id order by word_start)
),

surfaces as (
    select
        placed.*,
        substring(examples.text, placed.word_start + 1, placed.word_end - placed.word_start) as surface,
        substring(examples.text, placed.previous_start + 1, placed.previous_end - placed.previous_start) as previous,
        substring(examples.text, placed.previous_end + 1, placed.word_start - placed.previous_end) as between_them
    from placed
    inner join examples using (example_id)
    where examples.converged
)

select
    example_id,
    word_start,
    word_end,
    surface,
    folded(surface) as word,
    n_pieces,
    coalesce(
        regexp_matches(previous, '^([.!?:;…"''“”‘’«»()\[\]{}/*_–—-]+|<[^>]*>)$') or contains(between_them, chr(10)),
        true
    ) as starts_sentence,
    score,
    gradient_x_input,
    gradient_norm,
    contrast
from surfaces
order by example_id, word_start
