-- A word or piece of the importance table without a type.
select importance.kind, importance.word
from word_importance as importance
left join word_types as types using (kind, word)
where types.type is null and importance.kind != 'bigram'
