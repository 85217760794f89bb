-- group_patterns: the patterns most of whose texts hold a group of words that was planted as one.
-- One row per (group, pattern).
--
-- param   planted_words  file: what was planted
-- column  word           what the group is called
-- column  pattern        what the texts of the pattern have in common
-- unique  word, pattern
with

planted as (
    select * from read_parquet($planted_words)
),

held as (
    select distinct
        whole.word,
        occurrences.example_id
    from planted as whole
    inner join planted as members on whole.shortcut = members.shortcut and members.role = 'member'
    inner join word_occurrences as occurrences on members.word = occurrences.word
    where whole.group_type is not null
),

texts as (
    select distinct
        pattern,
        example_id
    from pattern_spans
),

sizes as (
    select
        pattern,
        count(*) as n_examples
    from texts
    group by pattern
)

select
    held.word,
    texts.pattern
from held
inner join texts using (example_id)
inner join sizes using (pattern)
group by held.word, texts.pattern, sizes.n_examples
having count(*) > 0.5 * sizes.n_examples
order by held.word, texts.pattern
