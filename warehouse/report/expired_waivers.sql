-- expired_waivers: waivers that are not honoured any more, and those that fit no verdict.
-- One row per (word, label).
--
-- column  word     lower-case word
-- column  label    label; empty for every label
-- column  reason   why it was waived
-- column  owner    who answers for it
-- column  expires  its last day
-- column  expired  that day is over; else the word has no verdict that it could overrule
-- unique  word, label
select
    word,
    label,
    reason,
    owner,
    expires,
    expired
from waivers
where
    expired
    or not exists (
        select 1
        from verdicts
        where verdicts.word = waivers.word and waivers.label in ('', verdicts.label)
    )
order by word, label
