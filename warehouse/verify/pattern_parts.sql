-- pattern_parts: the part of a pattern that has nearly the effect of the whole, found by halving.
-- One row per pattern that has such a part.
--
-- param   pattern_parts  Parquet files of the parts
-- column  type           type of the pattern
-- column  pattern        what its texts have in common
-- column  label          label it pushes towards
-- column  part           the part
-- column  effect         mean effect of the part, inserted, less neutral words  [log-odds]
-- column  whole_effect   that of the whole                                      [log-odds]
-- column  n_texts        texts
-- unique  type, pattern
select
    type,
    pattern,
    label,
    part,
    effect,
    whole_effect,
    n_texts
from read_parquet($pattern_parts)
order by type, pattern
