-- corpus_means: the figures of word_importance that are compared with those of another corpus.
-- One row per (kind, label, word).
--
-- param   corpus      name of the corpus: data or compare
-- column  corpus      name of the corpus
-- column  kind        word, piece or bigram
-- column  label       label the score pushes towards
-- column  word        lower-case word
-- column  n_examples  examples behind the mean
-- column  distance    mean_score minus typical_score                   [unit of the scalar]
-- column  std_error   standard error of distance                       [unit of the scalar]
-- column  low         95 % interval of distance                        [unit of the scalar]
-- column  high        95 % interval of distance                        [unit of the scalar]
-- unique  kind, label, word
select
    $corpus::varchar as corpus,
    kind,
    label,
    word,
    n_examples,
    mean_score - typical_score as distance,
    std_error,
    ci_low - typical_score as low,
    ci_high - typical_score as high
from word_importance
order by kind, label, word
