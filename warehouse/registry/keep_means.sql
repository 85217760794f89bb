-- keep_means: the mean scores of words, pieces and pairs.
insert into main.run_means
select
    $run_id,
    kind,
    label,
    word,
    n_examples,
    mean_score,
    std_error
from word_importance
order by kind, label, word
