-- A flag without a reason, or a spuriousness outside 0..1.
select kind, label, word, spuriousness
from words
where
    (flagged and coalesce(len(reasons), 0) = 0)
    or not coalesce(spuriousness between 0 and 1, false)
