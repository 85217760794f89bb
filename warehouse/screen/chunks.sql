-- chunks: what stands between spaces in the texts, by line.
-- One row per place in a text, of those that a pattern may hold: the first and the last six, all of a text of several
-- lines, what is more than letters, and web addresses.
--
-- The shape of a chunk is what is left when one letter stands for a run of letters (A if all are capitals) and zeros
-- for digits (00000+ for five or more); aaa+ is a word with a letter three times in a row. Quotes and the punctuation
-- that ends a sentence are no part of it.
--
-- column  example_id   explained example
-- column  position     1 for the first chunk of the text
-- column  from_end     1 for the last
-- column  line         1 for the first line
-- column  chunk_start  first character                 [code points]
-- column  chunk_end    end, exclusive                  [code points]
-- column  token        lower-case chunk with 0 for each run of digits
-- column  core_start   first character of what has the shape  [code points]
-- column  core         what has the shape
-- column  shape        its shape; empty for a mark alone
-- unique  example_id, position
with

lines as (
    select
        example_id,
        unnest(string_split(text, chr(10))) as content,
        generate_subscripts(string_split(text, chr(10)), 1) as line
    from examples
    where converged
),

placed_lines as (
    select
        *,
        coalesce(sum(length(content) + 1) over (
            partition by example_id order by line rows between unbounded preceding and 1 preceding
        ), 0) as line_start
    from lines
),

split as (
    select
        example_id,
        line,
        line_start,
        unnest(regexp_split_to_array(content, '\s')) as chunk,
        generate_subscripts(regexp_split_to_array(content, '\s'), 1) as place
    from placed_lines
),

placed as (
    select
        * exclude (line_start),
        line_start + coalesce(sum(length(chunk) + 1) over (
            partition by example_id, line order by place rows between unbounded preceding and 1 preceding
        ), 0) as chunk_start
    from split
),

cored as (
    select
        *,
        length(regexp_extract(chunk, '^["“”‘’''«]+')) as n_quotes,
        regexp_replace(chunk[n_quotes + 1:], '[.,!?;:"“”‘’''»…]+$', '') as unquoted,
        starts_with(unquoted, '(') and not contains(unquoted, ')') as opens,
        ends_with(unquoted, ')') and not contains(unquoted, '(') as closes,
        unquoted[if(opens, 2, 1):if(closes, -2, -1)] as core,
        chunk_start + n_quotes + opens::int as core_start
    from placed
    where chunk != ''
)

select
    example_id,
    row_number() over (partition by example_id order by chunk_start) as position,
    row_number() over (partition by example_id order by chunk_start desc) as from_end,
    line,
    chunk_start::bigint as chunk_start,
    chunk_start::bigint + length(chunk) as chunk_end,
    regexp_replace(lower(chunk), '\p{N}+', '0', 'g') as token,
    core_start::bigint as core_start,
    core,
    -- chr(1) and chr(2) hold the place of what the next steps would read as letters and digits.
    case
        when is_drawn_out(core) then 'aaa+'
        when regexp_matches(core, '[\p{L}\p{N}]')
            then translate(
                core.regexp_replace('\p{Lu}{2,}', chr(1), 'g')
                    .regexp_replace('[\p{L}\p{M}]+', 'a', 'g')
                    .regexp_replace('\p{N}{5,}', chr(2), 'g')
                    .regexp_replace('\p{N}', '0', 'g'),
                chr(1), 'A'
            ).replace(chr(2), '00000+')
        else ''
    end as shape
from cored
qualify position <= 6 or from_end <= 6 or max(line) over (partition by example_id) > 1
    or regexp_matches(shape, '[^a''’.-]') or starts_with(lower(core), 'www.')
order by example_id, position
