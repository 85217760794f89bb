-- companions: words that nearly always stand in the same texts, so that each says what the others say.
-- One row per (pattern, place in a text).
--
-- Where a model reads one of them, taking another out changes little: they are tried as one. Of the words that may be
-- tried, each stands in four of five texts with the other. Words of more than a quarter of the texts do so by chance.
-- Which do is seen in 20,000 texts; the pairs of words in a text are many.
--
-- column  type        companions
-- column  pattern     the words, in the order of the alphabet
-- column  example_id  explained example with two of them or more
-- column  span_start  first character of one of them  [code points]
-- column  span_end    end, exclusive                  [code points]
-- unique  pattern, example_id, span_start
with

seen as (
    select example_id
    from examples
    where converged
    order by md5(concat('companions ', example_id))
    limit 20000
),

many as (
    select
        greatest(8, 0.01 * count(*)) as fewest,
        count(*) / 4 as most
    from seen
),

own as (
    select distinct
        occurrences.word,
        occurrences.example_id
    from word_occurrences as occurrences
    inner join seen using (example_id)
    inner join (select distinct word, type from candidates where kind = 'word') as tried using (word)
    inner join type_rules as rules on tried.type = rules.type
    where not rules.is_mark
),

frequent as (
    select
        word,
        count(*) as n_texts
    from own
    cross join many
    group by word, many.fewest, many.most
    having n_texts between many.fewest and many.most
),

pairs as (
    select
        own.word,
        other.word as companion
    from own
    inner join frequent using (word)
    inner join own as other on own.example_id = other.example_id and own.word != other.word
    inner join frequent as often on other.word = often.word
    group by own.word, other.word, frequent.n_texts, often.n_texts
    having count(*) >= 0.8 * greatest(frequent.n_texts, often.n_texts)
),

-- Three that stand together are one row.
groups as (
    select distinct list_sort(list_append(list(companion), word)) as words
    from pairs
    group by word
),

members as (
    select
        array_to_string(words, ' & ') as pattern,
        unnest(words) as word
    from groups
)

select
    'companions' as type,
    members.pattern,
    occurrences.example_id,
    occurrences.word_start as span_start,
    occurrences.word_end as span_end
from members
inner join word_occurrences as occurrences using (word)
window text as (partition by members.pattern, occurrences.example_id)
qualify min(occurrences.word) over text != max(occurrences.word) over text
order by members.pattern, occurrences.example_id, span_start
