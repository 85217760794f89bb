-- bigrams: neighbouring words that stand together far more often than chance.
-- One row per pair.
--
-- Words are neighbours if nothing but spaces stands between them; a mark, a tag or the end of a sentence is a word of
-- its own, so no pair crosses one. Association: pointwise mutual information over examples (Church and Hanks 1990).
--
-- Most pairs are rare, and to count their examples needs all of them at once. So occurrences are counted first, which
-- are never fewer: what they rule out is out.
--
-- param   min_examples  fewest examples a pair must stand in
-- param   min_pmi       smallest pmi                                            [nats]
-- column  first_word    first word
-- column  second_word   second word
-- column  n_pair        examples with the pair
-- column  pmi           ln of these over what independent words would give      [nats]
-- unique  first_word, second_word
with

explained as (
    select count(*) as n_explained
    from examples
    where converged
),

-- Only words that are frequent enough by themselves can be half of a frequent pair, and none that stands in so many
-- examples that it meets every word by chance.
frequent as (
    select
        (row_number() over ())::integer as number,
        word_counts.word,
        sum(word_counts.n_examples)::bigint as n_examples
    from word_counts
    cross join explained
    where regexp_matches(word_counts.word, '^[\p{L}\p{N}]')
    group by word_counts.word, explained.n_explained
    having
        sum(word_counts.n_examples) >= $min_examples
        and ln(explained.n_explained / sum(word_counts.n_examples)) >= $min_pmi
),

-- In word_occurrences the words of a text follow each other: no need to sort them.
neighbours as not materialized (
    select
        example_id,
        word_start,
        word as second_word,
        starts_sentence,
        lag(example_id) over () as first_example,
        lag(word_end) over () as first_end,
        lag(word) over () as first_word
    from word_occurrences
),

pairs as not materialized (
    select
        example_id,
        first_end,
        word_start as second_start,
        first_word,
        second_word
    from neighbours
    where example_id = first_example and first_end < word_start and not starts_sentence
),

occurrences as (
    select
        firsts.number as first_number,
        seconds.number as second_number,
        count(*) as n_occurrences
    from pairs
    inner join frequent as firsts on pairs.first_word = firsts.word
    inner join frequent as seconds on pairs.second_word = seconds.word
    group by firsts.number, seconds.number
    having count(*) >= $min_examples
),

possible as (
    select
        firsts.word as first_word,
        seconds.word as second_word,
        firsts.n_examples as n_first,
        seconds.n_examples as n_second
    from occurrences
    inner join frequent as firsts on occurrences.first_number = firsts.number
    inner join frequent as seconds on occurrences.second_number = seconds.number
    cross join explained
    where ln(occurrences.n_occurrences * explained.n_explained / (firsts.n_examples * seconds.n_examples)) >= $min_pmi
),

pairs_in_texts as (
    select distinct
        pairs.example_id,
        pairs.first_word,
        pairs.second_word
    from pairs
    inner join possible using (first_word, second_word)
    inner join examples using (example_id)
    -- joiners and soft hyphens between words are no spaces
    where regexp_full_match(substring(examples.text, pairs.first_end + 1, pairs.second_start - pairs.first_end), '\s+')
),

counts as (
    select
        first_word,
        second_word,
        count(*) as n_pair
    from pairs_in_texts
    group by first_word, second_word
    having count(*) >= $min_examples
)

select
    counts.first_word,
    counts.second_word,
    counts.n_pair,
    ln(counts.n_pair * explained.n_explained / (possible.n_first * possible.n_second)) as pmi
from counts
inner join possible using (first_word, second_word)
cross join explained
where pmi >= $min_pmi
order by counts.first_word, counts.second_word
