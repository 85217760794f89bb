-- word_counts: the examples that hold a word, batch by batch.
-- One row per (batch, word).
--
-- batch   word_occurrences
-- column  example_id  an example of the batch, by which it is told from others
-- column  word        lower-case word
-- column  n_examples  examples of the batch with the word
-- unique  example_id, word
with

held as (
    select distinct
        example_id,
        word
    from word_occurrences
)

select
    min(min(example_id)) over () as example_id,
    word,
    count(*) as n_examples
from held
group by word
order by example_id, word
