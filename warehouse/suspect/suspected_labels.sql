-- suspected_labels: texts whose label is probably wrong, by confident learning without the words of the findings.
-- One row per text.
--
-- param   text_parts      Parquet files of the stage suspect, one row per text
-- param   labels          labels of the run, in their order
-- param   max_queue       longest list
-- column  rank            1 for the least probable label
-- column  example_id      0-based place in the dataset
-- column  source_id       the dataset's own id
-- column  label           label that it has now
-- column  likely          most probable label
-- column  own_share       probability of its label, by models that were fitted without the text  [0..1]
-- column  own_share_read  the same with the words of the findings in the texts                   [0..1]
-- column  misled_by       spurious word in the text that hid it: it pushes towards the label, which is not suspected
--                         where the words are in the texts; null for none
-- unique  example_id
with

suspected as (
    select
        *,
        row_number() over (order by own_share, example_id) as rank
    from read_parquet($text_parts)
    where is_suspected
),

toward as (
    select
        word,
        label,
        max(per_1000) as per_1000
    from verdicts
    where kind = 'word' and status in ('spurious', 'part')
    group by word, label
),

misled as (
    select
        texts.example_id,
        arg_max(toward.word, (coalesce(toward.per_1000, 0), toward.word)) as word
    from (select example_id, label_id, unnest(words) as word from suspected where not is_suspected_read) as texts
    inner join toward on texts.word = toward.word and $labels[texts.label_id + 1] = toward.label
    group by texts.example_id
)

select
    suspected.rank,
    suspected.example_id,
    suspected.source_id,
    $labels[suspected.label_id + 1] as label,
    $labels[suspected.likely_id + 1] as likely,
    suspected.own_share,
    suspected.own_share_read,
    misled.word as misled_by
from suspected
left join misled using (example_id)
where suspected.rank <= $max_queue
order by suspected.rank
