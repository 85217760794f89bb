-- boilerplate: words in what is quoted, in headers, and in lines that many texts have in common.
-- One row per word that stands there.
--
-- column  word              lower-case word
-- column  boilerplate_rule  where it stands most often: markup.quote, markup.header or markup.repeated_line
-- column  n_in_boilerplate  occurrences there
-- unique  word
with

lines as (
    select
        example_id,
        line,
        coalesce(
            sum(length(line) + 1) over (
                partition by example_id order by line_number rows between unbounded preceding and 1 preceding
            ),
            0
        ) as line_start,
        folded(regexp_extract(line, '^\s*(?:>\s*)*(\p{L}[\p{L}\p{N}-]{1,30}):(?:\s|$)', 1)) as header
    from (
        select
            example_id,
            unnest(string_split(text, chr(10))) as line,
            generate_subscripts(string_split(text, chr(10)), 1) as line_number
        from examples
        where contains(text, chr(10))
    )
),

many as (
    select greatest(5, 0.01 * count(*)) as n_texts from examples
),

common_headers as (
    select header
    from lines
    where header != ''
    group by header
    having count(distinct example_id) >= (select n_texts from many)
),

common_lines as (
    select trim(line) as line
    from lines
    where regexp_matches(line, '\p{L}')
    group by trim(line)
    having count(distinct example_id) >= (select n_texts from many)
),

spans as (
    select
        example_id,
        'markup.quote' as rule,
        line_start as span_start,
        line_start + length(regexp_extract(line, '^[\s>]*')) as span_end
    from lines
    where regexp_matches(line, '^\s*>')
    union all
    select example_id, 'markup.header', line_start, line_start + strpos(line, ':')
    from lines
    where header in (select header from common_headers)
    union all
    select example_id, 'markup.repeated_line', line_start, line_start + length(line)
    from lines
    where trim(line) in (select line from common_lines)
)

select
    occurrences.word,
    spans.rule as boilerplate_rule,
    count(*) as n_in_boilerplate
from word_occurrences as occurrences
inner join spans
    on occurrences.example_id = spans.example_id
    and occurrences.word_start >= spans.span_start
    and occurrences.word_end <= spans.span_end
group by occurrences.word, spans.rule
qualify row_number() over (partition by occurrences.word order by count(*) desc, spans.rule) = 1
order by word
