-- token_facts: how the tokenizer reads the explained texts, in short.
-- One row.
--
-- column  n_texts       explained texts
-- column  n_words       their words
-- column  n_tokens      tokens of these words
-- column  n_split       words in several tokens
-- column  n_over        tokens beyond the first of each word
-- column  n_unknown     unknown tokens
-- column  n_truncated   texts with more tokens than the model reads
-- column  n_cut         their tokens behind its limit
-- unique  n_texts
select
    (select count(*) from examples where converged) as n_texts,
    coalesce(sum(scripts.n_words), 0)::bigint as n_words,
    coalesce(sum(scripts.n_tokens), 0)::bigint as n_tokens,
    coalesce(sum(scripts.n_split), 0)::bigint as n_split,
    coalesce(sum(scripts.n_tokens - scripts.n_words), 0)::bigint as n_over,
    coalesce(sum(scripts.n_unknown), 0)::bigint as n_unknown,
    (select count(*) from examples where converged and n_cut > 0) as n_truncated,
    (select coalesce(sum(n_cut), 0)::bigint from examples where converged) as n_cut
from scripts
