-- corpus_facts: how many texts of a corpus were read, and how well.
-- One row.
--
-- param   corpus         name of the corpus: data or compare
-- column  corpus         name of the corpus
-- column  n_examples     explained examples
-- column  accuracy       share of them read as they are labelled          [0..1]
-- column  accuracy_low   95 % interval of accuracy (Wilson 1927)          [0..1]
-- column  accuracy_high  95 % interval of accuracy (Wilson 1927)          [0..1]
-- column  mean_size      mean |change of the explained score| from the baseline [unit of the scalar]
-- column  n_words        whole words in enough examples to have figures
-- unique  corpus
select
    $corpus::varchar as corpus,
    count(*) as n_examples,
    count(*) filter (where correct) / nullif(count(*), 0) as accuracy,
    wilson_low(count(*) filter (where correct), count(*)) as accuracy_low,
    wilson_high(count(*) filter (where correct), count(*)) as accuracy_high,
    avg(abs(change)) as mean_size,
    (select count(distinct word) from word_importance where kind = 'word') as n_words
from examples
where converged
