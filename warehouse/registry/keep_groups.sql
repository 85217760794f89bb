-- keep_groups: how often texts with each word that was tried are predicted as labelled, by their gold label.
insert into main.run_groups
select
    $run_id,
    held.word,
    examples.gold_label,
    count(*),
    count(*) filter (where examples.correct)
from examples
inner join (
    select '' as word, example_id from examples
    union all
    select word, example_id from word_scores where kind = 'word' and word in (select word from verdicts)
) as held using (example_id)
where examples.converged and examples.gold_label is not null
group by held.word, examples.gold_label
order by held.word, examples.gold_label
