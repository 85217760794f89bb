-- fact_row: how the tokenizer reads the explained texts, in short.
-- One row.
-- Its columns are those of token_facts.
--
-- unique  n_texts
select *
from token_facts
