-- labelling: the labelling rules as they were read.
-- One row per file of rules; none without.
--
-- param   labelling  JSON: rules, otherwise
-- column  rules      YAML of the rules; null for a table of votes
-- column  otherwise  label of texts that no rule matches; null where they have none
-- unique  rules
select
    rules,
    otherwise
from (select unnest(from_json($labelling::json, '[{"rules": "varchar", "otherwise": "varchar"}]'), recursive := true))
