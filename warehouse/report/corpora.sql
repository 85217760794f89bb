-- corpora: the compared corpora, and how many of their common words mean something else there.
-- One row per corpus.
--
-- param   fdr            largest q-value of a difference
-- column  corpus         data or compare
-- column  n_examples     examples
-- column  accuracy       share read as labelled                              [0..1]
-- column  accuracy_low   95 % interval                                       [0..1]
-- column  accuracy_high  95 % interval                                       [0..1]
-- column  mean_size      mean |change| from the baseline                     [unit of the scalar]
-- column  n_words        words with figures
-- column  n_shared       words with figures in both corpora
-- column  n_unstable     of these, with another mean score there
-- unique  corpus
select
    corpora.*,
    (select count(distinct word) from stability where kind = 'word') as n_shared,
    (select count(distinct word) from stability where kind = 'word' and q_value <= $fdr) as n_unstable
from corpora
order by corpora.corpus desc
