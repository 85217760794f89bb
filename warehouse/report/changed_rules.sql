-- changed_rules: the labelling rules with all proposals.
-- One row per file of rules; none without.
--
-- column  changed  YAML of the changed rules
-- unique  changed
select changed
from changed_rules
