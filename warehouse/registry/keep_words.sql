-- keep_words: in how many texts each word stands, and its global importance.
insert into main.run_words
select
    $run_id,
    word,
    count(*),
    sum(abs(score)) / (select count(*) from examples where converged)
from word_scores
where kind = 'word'
group by word
order by word
