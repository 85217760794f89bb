-- audited_again: what was spurious before the retraining, and what is after it.
-- One row per (kind, label, word) that is spurious in either audit.
--
-- param   tried_parts      Parquet file of what the second audit tried
-- column  kind             word, piece, pair, type or pattern
-- column  label            label it pushes towards
-- column  word             what was found
-- column  type             its type
-- column  status_before    verdict of the first audit; null where it was not tried
-- column  status_after     verdict of the second; null where it was not tried, since the model hardly uses it
-- column  effect_before    mean effect, less the placebo  [log-odds]
-- column  effect_after     mean effect, less the placebo  [log-odds]
-- column  per_1000_before  predictions per 1,000 texts that change when it is taken out
-- column  per_1000_after   predictions per 1,000 texts that change when it is taken out
-- column  change           gone, stays or new
-- unique  kind, label, word
with

again as (
    select * from read_parquet($tried_parts)
)

select
    kind,
    label,
    word,
    coalesce(verdicts.type, again.type) as type,
    verdicts.status as status_before,
    again.status as status_after,
    verdicts.effect as effect_before,
    again.effect as effect_after,
    verdicts.per_1000 as per_1000_before,
    again.per_1000 as per_1000_after,
    case
        when coalesce(again.status not in ('spurious', 'part'), true) then 'gone'
        when coalesce(verdicts.status in ('spurious', 'part'), false) then 'stays'
        else 'new'
    end as change
from verdicts
full join again using (kind, label, word)
where verdicts.status in ('spurious', 'part') or again.status in ('spurious', 'part')
order by change, coalesce(verdicts.per_1000, again.per_1000) desc, kind, word, label
