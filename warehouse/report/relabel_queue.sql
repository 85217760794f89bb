-- relabel_queue: texts whose labels should be read by a person, with their texts.
-- One row per text.
--
-- param   rule_text_parts  Parquet files of the stage trace, one row per text
-- column  rank         1 for the first to be read
-- column  example_id   0-based place in the dataset
-- column  source_id    the dataset's own id
-- column  text         raw text
-- column  label        label that it has now, by the rules
-- column  rule         rule that gave it
-- column  term         keyword that it hangs on
-- column  match_start  first character of the keyword  [code points]
-- column  match_end    end of it, exclusive            [code points]
-- column  score        severity of the finding: predictions per 1,000 texts that change without the word
-- unique  example_id
select
    queue.rank,
    queue.example_id,
    queue.source_id,
    texts.text,
    queue.label,
    queue.rule,
    queue.term,
    queue.match_start,
    queue.match_end,
    queue.score
from relabel_queue as queue
inner join read_parquet($rule_text_parts) as texts
    on texts.corpus = 'trained' and queue.example_id = texts.example_id
order by queue.rank
