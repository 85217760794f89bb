-- method_ranks: where the planted words rank among the words of their text, by each attribution method.
-- One row per (shortcut, strength, method, baseline).
--
-- A word's score is the sum of its pieces (of a norm, the norm over them), its rank goes by size; special tokens are
-- no words. Equal scores count against the planted word.
--
-- param   planted_rows    file: the planted copy
-- param   shards          files: the probes
-- param   token_parts     files: the scores of their tokens
-- param   baseline        baseline of integrated gradients in these parts
-- column  shortcut        kind of shortcut
-- column  strength        share of the planted rows that obey it             [0..1]
-- column  method          attribution method
-- column  baseline        baseline; none for methods that need none
-- column  k               planted words in a text
-- column  n_texts         probes
-- column  precision_at_k  mean share of planted words among the k top words  [0..1]
-- column  mean_rank       mean rank of the last planted word to come; k at best
-- unique  shortcut, strength, method, baseline
with

texts as (
    select
        shards.example_id,
        shards.text,
        planted.shortcut,
        planted.strength,
        planted.planted,
        len(planted.planted) as k
    from read_parquet($shards::varchar[]) as shards
    inner join read_parquet($planted_rows) as planted on shards.source_id = planted.id
),

tokens as (
    select
        example_id,
        word_start,
        word_end,
        unnest([
            struct_pack(method := 'integrated_gradients', score := integrated_gradients),
            struct_pack(method := 'gradient_x_input', score := gradient_x_input),
            struct_pack(method := 'relevance', score := relevance),
            struct_pack(method := 'gradient_norm', score := gradient_norm),
            struct_pack(method := 'embedding_gradient_norm', score := embedding_gradient_norm)
        ], recursive := true)
    from read_parquet($token_parts::varchar[])
    where word_start is not null
),

words as (
    select
        tokens.example_id,
        tokens.method,
        tokens.word_start,
        if(
            tokens.method like '%norm', sqrt(sum(tokens.score::double ** 2)), abs(sum(tokens.score::double))
        ) as size,
        any_value(
            list_contains(
                texts.planted,
                folded(substring(texts.text, tokens.word_start + 1, tokens.word_end - tokens.word_start))
            )
        ) as is_planted
    from tokens
    inner join texts using (example_id)
    where tokens.score is not null
    group by tokens.example_id, tokens.method, tokens.word_start
),

ranked as (
    select
        *,
        row_number() over (partition by example_id, method order by size desc, is_planted, word_start) as rank
    from words
),

found as (
    select
        ranked.example_id,
        ranked.method,
        count(*) filter (where ranked.is_planted and ranked.rank <= texts.k) / any_value(texts.k) as precision_at_k,
        max(ranked.rank) filter (where ranked.is_planted) as last_rank
    from ranked
    inner join texts using (example_id)
    group by ranked.example_id, ranked.method
)

select
    texts.shortcut,
    texts.strength,
    found.method,
    if(found.method = 'integrated_gradients', $baseline, 'none') as baseline,
    max(texts.k) as k,
    count(*) as n_texts,
    avg(found.precision_at_k) as precision_at_k,
    avg(found.last_rank) as mean_rank
from found
inner join texts using (example_id)
group by texts.shortcut, texts.strength, found.method
order by texts.shortcut, texts.strength, found.method
