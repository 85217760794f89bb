-- script_rows: how many tokens the words of each script take.
-- One row per script. Its columns are those of scripts.
--
-- unique  script
select *
from scripts
order by n_words desc, script
