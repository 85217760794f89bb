-- decoys: of the words that no label hangs on, how many an audit calls spurious, by their type.
-- One row per decoy_type.
--
-- param   certificate_id       certificate
-- column  decoy_type           type that they were made for; a vocabulary word is any single token
-- column  n_planted            decoys
-- column  n_decoys             of these, in enough texts to be judged
-- column  n_spurious           of these, called spurious
-- column  n_unlisted           judged ones that are in no list of the product
-- column  n_unlisted_spurious  of these, called spurious
-- column  words                those called spurious; null without
-- unique  decoy_type
select
    decoy_type,
    count(*) as n_planted,
    count(*) filter (where has_figures) as n_decoys,
    count(*) filter (where has_figures and verdict = 'spurious') as n_spurious,
    count(*) filter (where has_figures and not listed) as n_unlisted,
    count(*) filter (where has_figures and not listed and verdict = 'spurious') as n_unlisted_spurious,
    string_agg(word, ', ' order by word) filter (where has_figures and verdict = 'spurious') as words
from main.certificate_words
where certificate_id = $certificate_id and role = 'decoy'
group by decoy_type
order by decoy_type
