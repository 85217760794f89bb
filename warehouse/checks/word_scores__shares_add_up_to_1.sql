-- An example whose word shares do not add up to 1.
-- batch  word_scores
select example_id, sum(share) as shares
from word_scores
where kind = 'word'
group by example_id
having abs(shares - 1) > 1e-9
