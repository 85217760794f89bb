-- unknown_characters: the characters that stand in unknown tokens, and how often they are read elsewhere.
-- One row per character that stands in an unknown token.
--
-- param   token_parts    Parquet files of attribution, one row per token
-- param   unknown_id     id of the unknown token; null for a tokenizer without one
-- column  character      the character
-- column  script         its script
-- column  n_characters   times it stands in a word of the explained texts
-- column  n_unknown      of these, in an unknown token
-- column  unknown_share  n_unknown / n_characters                                            [0..1]
-- column  words          words with it in an unknown token, the three most frequent first
-- unique  character
with

inside as (
    select
        words.word,
        unnest(string_split(
            substring(
                words.surface,
                greatest(tokens.token_start - words.word_start, 0)::bigint + 1,
                (tokens.token_end - greatest(tokens.token_start, words.word_start))::bigint
            ),
            ''
        )) as character
    from read_parquet($token_parts) as tokens
    inner join word_occurrences as words
        on tokens.example_id = words.example_id and tokens.word_start = words.word_start
    where tokens.token_id = $unknown_id
),

by_word as (
    select
        character,
        word,
        count(*) as n
    from inside
    where character != ''
    group by character, word
),

unknown as (
    select
        character,
        sum(n)::bigint as n_unknown,
        list(word order by n desc, word)[1:3] as words
    from by_word
    group by character
),

surfaces as (
    select
        surface,
        count(*) as n
    from word_occurrences
    group by surface
),

every as (
    select
        character,
        sum(n)::bigint as n_characters
    from (
        select
            n,
            unnest(string_split(surface, '')) as character
        from surfaces
    )
    group by character
)

select
    unknown.character,
    script_of(unknown.character) as script,
    every.n_characters,
    unknown.n_unknown,
    unknown.n_unknown / every.n_characters as unknown_share,
    unknown.words
from unknown
inner join every using (character)
order by unknown.n_unknown desc, unknown.character
