-- ambiguous_pieces: pieces that stand in unrelated words, and whether they push the same way in all of them.
-- One row per piece in words of two stems or more.
--
-- A word pushes by the mean score of the piece in it, towards each label by itself; where scores are mirrored, towards
-- the last label. Its words are weighed alike.
--
-- param   labels          the model's labels
-- param   mirrored        two classes and a scalar that changes sign with the class
-- column  piece           lower-case piece, with · where the word goes on
-- column  n_stems         unrelated words: different stems
-- column  n_words         different words
-- column  n_examples      texts with the piece
-- column  words           words that it stands in, the most frequent first, six at most
-- column  disagreement    share of the words in which it pushes the other way than in most of them  [0..0.5]
-- column  spread          mean absolute score of the piece                                    [unit of the scalar]
-- unique  piece
with

stems as (
    select distinct
        word,
        stem
    from cut_words
),

oriented as (
    select
        pieces.piece,
        pieces.source_word as word,
        pieces.example_id,
        if($mirrored, $labels[-1], examples.target_label) as label,
        if($mirrored and examples.target_label != $labels[-1], -pieces.score, pieces.score) as score
    from piece_occurrences as pieces
    inner join examples using (example_id)
),

by_word as (
    select
        piece,
        label,
        word,
        avg(score) as mean_score
    from oriented
    group by piece, label, word
),

by_label as (
    select
        piece,
        label,
        count(*) as n,
        least(count(*) filter (where mean_score > 0), count(*) filter (where mean_score < 0)) as n_other
    from by_word
    group by piece, label
),

signs as (
    select
        piece,
        sum(n_other) / sum(n) as disagreement
    from by_label
    group by piece
),

counted as (
    select
        oriented.piece,
        oriented.word,
        coalesce(any_value(stems.stem), oriented.word) as stem,
        count(distinct oriented.example_id) as n_texts
    from oriented
    left join stems on oriented.word = stems.word
    group by oriented.piece, oriented.word
),

totals as (
    select
        piece,
        count(distinct example_id) as n_examples,
        avg(abs(score)) as spread
    from oriented
    group by piece
)

select
    counted.piece,
    count(distinct counted.stem) as n_stems,
    count(*) as n_words,
    any_value(totals.n_examples) as n_examples,
    list(counted.word order by counted.n_texts desc, counted.word)[1:6] as words,
    any_value(signs.disagreement) as disagreement,
    any_value(totals.spread) as spread
from counted
inner join totals using (piece)
inner join signs using (piece)
group by counted.piece
having count(distinct counted.stem) > 1
order by n_stems desc, counted.piece
