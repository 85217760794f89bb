-- audited_texts: the texts of the audit, as the rules read them.
-- One row per example.
--
-- column  example_id  0-based place in the dataset
-- column  source_id   the dataset's own id
-- column  text        raw text
-- unique  example_id
select
    example_id,
    source_id,
    text
from examples
order by example_id
