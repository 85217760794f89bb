-- topics: the words that name a class, of those that were tried.
-- One row per (label, word).
--
-- column  label    label
-- column  word     lower-case word
-- column  source   given, name or meaning
-- column  verdict  its verdict
-- column  effect   mean effect, less the placebo  [log-odds]
-- unique  label, word
select
    topics.label,
    topics.word,
    topics.source,
    verdicts.verdict,
    verdicts.effect
from topics
inner join verdicts on verdicts.kind = 'word' and topics.label = verdicts.label and topics.word = verdicts.word
order by topics.label, abs(verdicts.effect) desc nulls last, topics.word
