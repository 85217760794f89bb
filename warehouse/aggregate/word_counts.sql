-- word_counts: the examples that hold a word, batch by batch.
-- One row per (batch, word).
--
-- batch   word_occurrences
-- column  example_id  an example of the batch, which identifies the batch
-- column  word        lower-case word
-- column  n_examples  examples of the batch with the word
-- unique  example_id, word
with

words_in_texts as (
    select distinct
        example_id,
        word
    from word_occurrences
)

select
    min(min(example_id)) over () as example_id,
    word,
    count(*) as n_examples
from words_in_texts
group by word
order by example_id, word
