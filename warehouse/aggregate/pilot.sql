-- pilot: the texts on which the plan of the attribution was fitted and verified.
-- One row per text.
--
-- param   pilot_parts  Parquet files of the plan, one row per pilot text
-- column  example_id   example
-- column  n_tokens     its length                                                               [tokens]
-- column  role         fitted, or held out: the plan was made without it
-- column  error        error of its scores by the plan, against a dense reference               [share of |scores|]
-- column  estimate     what the plan estimates that error to be; null in mode corpus            [share of |scores|]
-- column  noise        root mean square of the error over random places; null in mode document  [share of |scores|]
-- unique  example_id
select
    example_id,
    n_tokens,
    role,
    error,
    estimate,
    noise
from read_parquet($pilot_parts)
order by example_id
