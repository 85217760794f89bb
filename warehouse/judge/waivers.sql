-- waivers: verdicts that a person has overruled.
-- One row per (word, label).
--
-- param   waivers  list of word, label, reason, owner, expires, expired
-- column  word     lower-case word; a piece with · where the word goes on
-- column  label    label; empty for every label
-- column  reason   why
-- column  owner    who answers for it
-- column  expires  last day on which it holds
-- column  expired  whether that day is over: it is not honoured any more
-- unique  word, label
select
    waiver.word,
    waiver.label,
    waiver.reason,
    waiver.owner,
    waiver.expires::date as expires,
    waiver.expired
from (
    select unnest(from_json($waivers::json, '[{
        "word": "varchar", "label": "varchar", "reason": "varchar", "owner": "varchar", "expires": "varchar",
        "expired": "boolean"
    }]')) as waiver
)
order by waiver.word, waiver.label
