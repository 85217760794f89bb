-- corpora: the corpora that are compared, side by side; the audited one alone without `compare`.
-- One row per corpus.
--
-- param   facts          tables corpus_facts of the corpora
-- column  corpus         name of the corpus: data or compare
-- column  n_examples     explained examples
-- column  accuracy       share of them read as they are labelled          [0..1]
-- column  accuracy_low   95 % interval of accuracy (Wilson 1927)          [0..1]
-- column  accuracy_high  95 % interval of accuracy (Wilson 1927)          [0..1]
-- column  mean_size      mean |change of the explained score| from the baseline [unit of the scalar]
-- column  n_words        whole words in enough examples to have figures
-- unique  corpus
select *
from query_table($facts)
order by corpus desc
