-- scripts: into how many tokens the words of each script are cut, and how many of these are unknown.
-- One row per script.
--
-- param   token_parts     Parquet files of attribution, one row per token
-- param   unknown_id      id of the unknown token; null for a tokenizer without one
-- column  script          script of the words, by their first letter; digits and marks have none
-- column  n_words         words of the explained texts
-- column  n_split         of these, those in several tokens
-- column  n_tokens        their tokens
-- column  fertility       tokens per word
-- column  n_unknown       unknown tokens
-- column  unknown_share   n_unknown / n_tokens                                               [0..1]
-- unique  script
with

unknown as (
    select
        example_id,
        word_start,
        count(*) as n_unknown
    from read_parquet($token_parts)
    where token_id = $unknown_id and word_start is not null
    group by example_id, word_start
)

select
    script_of(words.word) as script,
    count(*) as n_words,
    count(*) filter (where words.n_pieces > 1) as n_split,
    sum(words.n_pieces)::bigint as n_tokens,
    avg(words.n_pieces) as fertility,
    coalesce(sum(unknown.n_unknown), 0)::bigint as n_unknown,
    coalesce(sum(unknown.n_unknown), 0) / sum(words.n_pieces) as unknown_share
from word_occurrences as words
left join unknown using (example_id, word_start)
group by all
order by n_words desc, script
