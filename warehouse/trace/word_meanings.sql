-- word_meanings: words of the training texts that mean a label to the encoder before fine-tuning.
-- One row per (label, word).
--
-- param   rule_meaning_parts  Parquet files of this stage, one row per (label, word)
-- column  label    label that the word is near to
-- column  word     lower-case word, tried or not
-- column  meaning  how much nearer it is to the name of the label than the other words  [standard deviations]
-- unique  label, word
select
    label,
    word,
    meaning
from read_parquet($rule_meaning_parts)
order by label, word
