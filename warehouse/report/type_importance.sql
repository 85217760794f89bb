-- type_importance: how the scores are shared out among the types of words.
-- One row per type.
--
-- column  type         type of the word
-- column  n_words      different words
-- column  text_share   share of all words of the texts             [0..1]
-- column  score_share  share of all |scores| on words              [0..1]
-- unique  type
select
    types.type,
    count(distinct scores.word) as n_words,
    sum(scores.n_occurrences) / sum(sum(scores.n_occurrences)) over () as text_share,
    sum(abs(scores.score)) / nullif(sum(sum(abs(scores.score))) over (), 0) as score_share
from word_scores as scores
inner join word_types as types using (kind, word)
where scores.kind = 'word'
group by types.type
order by score_share desc, types.type
