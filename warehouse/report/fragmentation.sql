-- fragmentation: how much the model relies on a word, by the number of pieces the tokenizer cuts it into.
-- One row per number of pieces; five and more are one row.
--
-- column  pieces         1, 2, 3, 4 or 5+
-- column  n_occurrences  words of the texts
-- column  n_words        different words
-- column  text_share     share of all words of the texts              [0..1]
-- column  mean_size      mean |score| of a word                       [unit of the scalar]
-- column  ci_low         95 % interval of mean_size                   [unit of the scalar]
-- column  ci_high        95 % interval of mean_size                   [unit of the scalar]
-- unique  pieces
with

sizes as (
    select
        if(n_pieces >= 5, '5+', n_pieces::varchar) as pieces,
        word,
        abs(score) as size
    from word_occurrences
),

means as (
    select
        pieces,
        count(*) as n_occurrences,
        count(distinct word) as n_words,
        avg(size) as mean_size,
        coalesce(stddev_samp(size), 0) / sqrt(count(*)) as std_error
    from sizes
    group by pieces
)

select
    pieces,
    n_occurrences,
    n_words,
    n_occurrences / sum(n_occurrences) over () as text_share,
    mean_size,
    greatest(mean_size - 1.96 * std_error, 0) as ci_low,
    mean_size + 1.96 * std_error as ci_high
from means
order by pieces
