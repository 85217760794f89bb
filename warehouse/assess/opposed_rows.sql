-- opposed_rows: pieces that push away from the label of their word, the strongest first.
-- One row per (word, piece), fifty at most. Its columns are those of opposed_pieces.
--
-- unique  word, piece
select *
from opposed_pieces
order by piece_score, word, piece
limit 50
