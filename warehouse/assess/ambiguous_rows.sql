-- ambiguous_rows: pieces of unrelated words that push hardest and least alike.
-- One row per piece, fifty at most. Its columns are those of ambiguous_pieces.
--
-- unique  piece
select *
from ambiguous_pieces
where n_stems >= 3
order by disagreement * spread desc, n_stems desc, piece
limit 50
