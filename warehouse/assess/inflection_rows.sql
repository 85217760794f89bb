-- inflection_rows: inflections that are cut, those that weigh most first.
-- One row per stem, fifty at most. Its columns are those of inflections.
--
-- unique  stem
select *
from inflections
order by value desc, stem
limit 50
