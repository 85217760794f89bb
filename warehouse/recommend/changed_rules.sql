-- changed_rules: the labelling rules with all proposals.
-- One row per file of rules; none without rules, or with a table of votes.
--
-- param   changed_rules  YAML of the changed rules; null where there are none
-- column  rules    YAML of the rules as they were read
-- column  changed  YAML of the changed rules
-- unique  rules
select
    rules,
    $changed_rules::varchar as changed
from labelling
where rules is not null and $changed_rules::varchar is not null
