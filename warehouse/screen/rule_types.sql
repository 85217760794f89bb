-- rule_types: the type that each rule gives, so that it follows from the rule in one place.
-- One row per rule about a type.
--
-- param   rule_types  CSV file: rule, type
-- column  rule        id of the rule
-- column  type        type of what it fits
-- unique  rule
select
    rule,
    type
from read_csv($rule_types, header = true, all_varchar = true)
order by rule
