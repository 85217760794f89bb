-- A word that is cut without an answer to: should it be one token? Or a new token for a word that is not proposed.
select
    split_words.word,
    token_words.answer
from split_words
left join token_words using (word)
where token_words.answer is null or (token_words.token is not null and token_words.answer != 'token.candidate')
