-- rule_files: the labelling rules as they are and as the audit would change them.
-- One row per file of rules; none without rules, or with a table of votes.
--
-- column  rules    YAML of the rules
-- column  changed  YAML of the changed rules
-- unique  rules
select
    rules,
    changed
from changed_rules
