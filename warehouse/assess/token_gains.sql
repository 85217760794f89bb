-- token_gains: what each arm of a vocabulary review gains in accuracy over the tokenizer as it is.
-- One row per (arm, texts).
--
-- Texts: all; affected, which hold a word that this arm makes one token; other; and, for the arm of the candidates,
-- those with each of its words.
-- A gain is the mean over texts and seeds of right after less right before. Texts and seeds both vary: its variance is
-- that between texts (of the mean over seeds) over their number, plus that between seeds (of the mean over texts) over
-- theirs, with Satterthwaite's degrees of freedom. Counting what varies with both twice, it is rather too large.
-- The p-value is that of McNemar's exact test on what most seeds say, by Holm's procedure over the arms or, of words,
-- over those in enough texts.
--
-- param   base         arm that is compared with
-- param   tried        arm whose words are looked at one by one
-- param   arm_parts    Parquet file with the words of each arm
-- param   least_texts  fewest texts of a word that is tested
-- column  arm          which words are one token
-- column  texts        all, affected, other or with WORD
-- column  word         a word of the arm; null for texts of any
-- column  n_texts      texts of this kind
-- column  before       accuracy as it is                                         [0..1]
-- column  after        accuracy with the words as one token                      [0..1]
-- column  gain         after - before
-- column  gain_low     95 % interval of gain
-- column  gain_high    95 % interval of gain
-- column  n_better     texts that most seeds read rightly only after
-- column  n_worse      texts that most seeds read rightly only before
-- column  p_value      of McNemar's exact test
-- column  p_holm       the same, adjusted; null for a word in too few texts
-- column  verdict      accept, reject or no evidence; null for texts of any word
-- unique  arm, texts
with

words as (
    select word
    from read_parquet($arm_parts)
    where arm = $tried
),

kinds as (
    select
        arm,
        row_number,
        'all' as texts,
        null as word
    from token_texts
    union all
    select arm, row_number, if(n_held > 0, 'affected', 'other'), null from token_texts
    union all
    select held.arm, held.row_number, concat('with ', held.word), held.word
    from (select arm, row_number, unnest(words) as word from token_texts where arm = $tried) as held
    where held.word in (select word from words)
),

paired as (
    select
        own.arm,
        kinds.texts,
        kinds.word,
        own.row_number,
        base.share_right as before,
        own.share_right as after,
        own.share_right - base.share_right as gain,
        own.is_right and not base.is_right as is_better,
        base.is_right and not own.is_right as is_worse,
        list_transform(range(1, len(own.rights) + 1), lambda i: own.rights[i]::int - base.rights[i]::int) as by_seed
    from token_texts as own
    inner join token_texts as base on own.row_number = base.row_number and base.arm = $base
    inner join kinds on own.arm = kinds.arm and own.row_number = kinds.row_number
    where own.arm != $base
),

seeds as (
    select
        arm,
        texts,
        var_samp(gain) as variance,
        count(*) as n_seeds
    from (
        select
            arm,
            texts,
            seed,
            avg(by_seed[seed]) as gain
        from (select *, unnest(range(1, len(by_seed) + 1)) as seed from paired)
        group by arm, texts, seed
    )
    group by arm, texts
),

summed as (
    select
        paired.arm,
        paired.texts,
        paired.word,
        count(*) as n_texts,
        avg(paired.before) as before,
        avg(paired.after) as after,
        avg(paired.gain) as gain,
        coalesce(var_samp(paired.gain), 0) / count(*) as text_variance,
        coalesce(any_value(seeds.variance) / any_value(seeds.n_seeds), 0) as seed_variance,
        any_value(seeds.n_seeds) as n_seeds,
        count(*) filter (where paired.is_better) as n_better,
        count(*) filter (where paired.is_worse) as n_worse
    from paired
    inner join seeds on paired.arm = seeds.arm and paired.texts = seeds.texts
    group by paired.arm, paired.texts, paired.word
),

tested as (
    select
        * exclude (text_variance, seed_variance),
        sqrt(text_variance + seed_variance) as error,
        satterthwaite(text_variance, n_texts, seed_variance, n_seeds) as freedom,
        mcnemar(n_better, n_worse) as p_value,
        word is null or n_texts >= $least_texts as is_tested,
        if(word is null, texts, 'with a word') as family
    from summed
),

stepped as (
    select
        *,
        (
            count(*) over (partition by family, is_tested)
            - row_number() over (partition by family, is_tested order by p_value, arm, texts) + 1
        ) * p_value as step
    from tested
),

adjusted as (
    select
        *,
        if(
            is_tested,
            least(1, max(step) over (partition by family, is_tested order by p_value, arm, texts)),
            null
        ) as p_holm
    from stepped
)

select
    arm,
    texts,
    word,
    n_texts,
    before,
    after,
    gain,
    gain - coalesce(t_975(freedom) * error, 0) as gain_low,
    gain + coalesce(t_975(freedom) * error, 0) as gain_high,
    n_better,
    n_worse,
    p_value,
    p_holm,
    case
        when word is null then null
        when coalesce(p_holm > 0.05, true) or n_better = n_worse then 'no evidence'
        when n_better > n_worse then 'accept'
        else 'reject'
    end as verdict
from adjusted
order by arm, texts
