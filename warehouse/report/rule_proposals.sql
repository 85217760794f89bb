-- rule_proposals: changes to the labelling rules.
-- One row per change.
--
-- column  rank    1 for the first
-- column  action  drop, narrow or add
-- column  rule    rule that is changed
-- column  term    keyword
-- column  label   label that the rule gives
-- column  word    word of the audit
-- column  phrase  phrase that the keyword is kept in; null but for such a one
-- column  reason  the rule behind it: rule, figures, words
-- unique  rank
select
    rank,
    action,
    rule,
    term,
    label,
    word,
    phrase,
    reason
from rule_proposals
order by rank
