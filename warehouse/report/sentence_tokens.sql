-- sentence_tokens: the scored tokens of the examples to show, in the order of the text.
-- One row per token that stands for characters of the text.
--
-- param   token_parts  Parquet files of attribution, one row per token
-- param   example_ids  examples
-- column  example_id   example
-- column  position     place in the model's input, 0-based
-- column  token_start  first character in the raw text, 0-based            [code points]
-- column  token_end    end, exclusive                                      [code points]
-- column  score        score towards the target label, by the method       [unit of the scalar]
-- column  word         lower-case word it belongs to; null for none
-- column  piece        lower-case piece of a word in several pieces; null for a whole word
-- unique  example_id, position
with

tokens as (
    select *
    from read_parquet($token_parts)
    where example_id in (select unnest($example_ids::bigint[]))
    union all by name
    -- Parts of earlier versions have no such column.
    select null::float as relevance
    where false
)

select
    tokens.example_id,
    tokens.position,
    tokens.token_start,
    tokens.token_end,
    summed_score(
        (select method from attribution_quality), tokens.integrated_gradients, tokens.gradient_x_input, tokens.relevance
    )::double as score,
    words.word,
    pieces.piece
from tokens
left join word_occurrences as words
    on tokens.example_id = words.example_id and tokens.word_start = words.word_start
left join piece_occurrences as pieces
    on tokens.example_id = pieces.example_id and tokens.position = pieces.position
where tokens.token_end > tokens.token_start
order by tokens.example_id, tokens.token_start, tokens.position
