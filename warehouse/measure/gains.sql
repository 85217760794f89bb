-- gains: what each arm of a retraining gains in accuracy over the classifier as it is, on texts of several kinds.
-- One row per (arm, texts).
--
-- Texts: all; those with a finding (a spurious word); those against one, whose gold label is another than a spurious
-- word in them pushes towards; and those with each spurious word, and against it.
--
-- A gain is the mean over texts and seeds of right after less right before. Texts and seeds both vary: its variance is
-- that between texts (of the mean over seeds) over their number, plus that between seeds (of the mean over texts) over
-- theirs, with Satterthwaite's degrees of freedom. Counting what varies with both twice, it is rather too large.
-- The p-value is that of McNemar's exact test on what most seeds say, by Holm's procedure over the arms.
--
-- param   labels        labels of the run, in their order
-- param   base          arm that is compared with
-- column  arm           what was changed
-- column  texts         all, with a finding, against a finding, with WORD, against WORD
-- column  word          spurious word; null for texts of any
-- column  n_texts       texts of this kind
-- column  before        accuracy as it is                              [0..1]
-- column  after         accuracy with the change                       [0..1]
-- column  gain          after - before
-- column  gain_low      95 % interval of gain
-- column  gain_high     95 % interval of gain
-- column  n_better      texts that most seeds read rightly only after
-- column  n_worse       texts that most seeds read rightly only before
-- column  p_value       of McNemar's exact test
-- column  p_holm        the same, adjusted for the number of arms
-- column  forecast      gain that the last layer alone forecast; null where it forecast nothing
-- unique  arm, texts
with

toward as (
    select
        word,
        list(distinct label) as labels
    from verdicts
    where kind = 'word' and status in ('spurious', 'part')
    group by word
),

held as (
    select
        texts.row_number,
        toward.word,
        not list_contains(toward.labels, $labels[texts.label + 1]) as is_against
    from (select distinct row_number, label, unnest(words) as word from arm_texts) as texts
    inner join toward using (word)
),

kinds as (
    select distinct
        'all' as texts,
        null as word,
        row_number
    from arm_texts
    union all
    select distinct 'with a finding', null, row_number from held
    union all
    select distinct 'against a finding', null, row_number from held where is_against
    union all
    select concat('with ', word), word, row_number from held
    union all
    select concat('against ', word), word, row_number from held where is_against
),

paired as (
    select
        own.arm,
        own.figure,
        kinds.texts,
        kinds.word,
        own.row_number,
        base.share_right as before,
        own.share_right as after,
        own.share_right - base.share_right as gain,
        own.is_right and not base.is_right as is_better,
        base.is_right and not own.is_right as is_worse,
        list_transform(range(1, len(own.rights) + 1), lambda i: own.rights[i]::int - base.rights[i]::int) as by_seed
    from arm_texts as own
    inner join arm_texts as base
        on own.row_number = base.row_number and base.arm = $base and own.figure = base.figure
    inner join kinds on own.row_number = kinds.row_number
),

seeds as (
    select
        arm,
        figure,
        texts,
        var_samp(gain) as variance,
        count(*) as n_seeds
    from (
        select
            arm,
            figure,
            texts,
            seed,
            avg(by_seed[seed]) as gain
        from (select *, unnest(range(1, len(by_seed) + 1)) as seed from paired)
        group by arm, figure, texts, seed
    )
    group by arm, figure, texts
),

summed as (
    select
        paired.arm,
        paired.figure,
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
    inner join seeds
        on paired.arm = seeds.arm and paired.figure = seeds.figure and paired.texts = seeds.texts
    group by paired.arm, paired.figure, paired.texts, paired.word
),

tested as (
    select
        * exclude (text_variance, seed_variance),
        sqrt(text_variance + seed_variance) as error,
        satterthwaite(text_variance, n_texts, seed_variance, n_seeds) as freedom,
        mcnemar(n_better, n_worse) as p_value
    from summed
),

measured as (
    select
        *,
        (count(*) over (partition by texts) - row_number() over (partition by texts order by p_value, arm) + 1)
        * p_value as stepped
    from tested
    where figure = 'measured' and arm != $base
)

select
    measured.arm,
    measured.texts,
    measured.word,
    measured.n_texts,
    measured.before,
    measured.after,
    measured.gain,
    measured.gain - coalesce(t_975(measured.freedom) * measured.error, 0) as gain_low,
    measured.gain + coalesce(t_975(measured.freedom) * measured.error, 0) as gain_high,
    measured.n_better,
    measured.n_worse,
    measured.p_value,
    least(1, max(measured.stepped) over (partition by measured.texts order by measured.p_value, measured.arm))
        as p_holm,
    forecasts.gain as forecast
from measured
left join tested as forecasts
    on forecasts.figure = 'forecast' and measured.arm = forecasts.arm and measured.texts = forecasts.texts
order by measured.texts, measured.arm
