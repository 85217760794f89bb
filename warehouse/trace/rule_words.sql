-- rule_words: the words that were tried or that mean a label, in the texts that rules may label.
-- One row per (corpus, text, word).
--
-- param   rule_word_parts  Parquet files of this stage, one row per (corpus, text, word)
-- column  corpus      audited or trained
-- column  example_id  0-based place in the dataset
-- column  word        lower-case word; what is left of a piece without the dot
-- unique  corpus, example_id, word
select
    corpus,
    example_id,
    word
from read_parquet($rule_word_parts)
order by corpus, example_id, word
