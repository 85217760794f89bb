-- A keyword that is to be dropped and added.
select word
from labelling_hints
group by word
having count(distinct action) > 1
