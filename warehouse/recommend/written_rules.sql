-- written_rules: the labelling rules, if there is a file of them.
-- One row per file of rules.
--
-- column  rules  YAML of the rules
-- unique  rules
select rules
from labelling
where rules is not null
