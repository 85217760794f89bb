-- tried: what an audit says of everything that it tried.
-- One row per (kind, label, word).
--
-- column  kind       word, piece, pair, type or pattern
-- column  label      label it pushes towards
-- column  word       what was tried
-- column  type       its type
-- column  status     spurious, part, waived, context-dependent, genuine, negligible or unclear
-- column  effect     mean effect, less the placebo  [log-odds]
-- column  per_1000   predictions per 1,000 texts that change when it is taken out
-- unique  kind, label, word
select
    kind,
    label,
    word,
    type,
    status,
    effect,
    per_1000
from verdicts
order by kind, label, word
