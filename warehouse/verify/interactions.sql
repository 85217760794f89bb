-- interactions: the other word with which a candidate interacts most, by the texts in which the candidate was deleted.
-- One row per candidate (label, word) with such a word; fragments have none.
--
-- Two interactions are tested with each other word of these texts. presence: does the effect differ between texts with
-- and without the word? order: does it differ between texts in which the word comes before and behind the candidate?
-- The interaction that explains most is a row if both groups have four texts, |t| is 5 or more (p = 2e-4 at 16 texts,
-- 2e-5 at 32: for some dozens of tests) and it explains two fifths of the squared distance from the mean.
--
-- column  label         label the word pushes towards
-- column  word          lower-case word
-- column  partner       the other word
-- column  comparison    presence: it is in the text or not; order: it comes before the candidate or behind it
-- column  n_texts       texts in which the partner is (presence), or comes first (order)
-- column  n_others      the other texts
-- column  effect        mean effect of the candidate in the texts of n_texts  [log-odds]
-- column  other_effect  mean effect in the others  [log-odds]
-- column  t             difference over its standard error
-- column  explained     share of the squared distances from the mean that the two groups explain  [0..1]
-- column  p_value       of the difference, times the number of interactions that were tested (Bonferroni)
-- column  flip_rate     predictions of the texts of n_texts that differ without the candidate  [0..1]
-- unique  label, word
with

deleted as (
    select
        label,
        word,
        example_id,
        effect,
        share_flipped,
        count(*) over (partition by label, word) as n_all,
        sum(effect) over (partition by label, word) as all_total,
        sum(effect ** 2) over (partition by label, word) as all_squares
    from trials
    where kind = 'word' and operator != 'insert'
),

positions as (
    select
        example_id,
        word,
        min(word_start) as first_start
    from word_occurrences
    where example_id in (select example_id from deleted)
    group by example_id, word
),

word_pairs as (
    select
        deleted.*,
        other.word as partner,
        other.first_start < own.first_start as comes_first
    from deleted
    inner join positions as own using (example_id, word)
    inner join positions as other on deleted.example_id = other.example_id and deleted.word != other.word
),

contrasts as (
    select
        label,
        word,
        partner,
        'presence' as comparison,
        count(*) as n_texts,
        any_value(n_all) - count(*) as n_others,
        sum(effect) as total,
        avg(share_flipped) as flip_rate,
        any_value(all_total) - sum(effect) as other_total,
        any_value(all_squares) as squares
    from word_pairs
    group by label, word, partner
    union all
    select
        label,
        word,
        partner,
        'order' as comparison,
        count(*) filter (where comes_first) as n_texts,
        count(*) filter (where not comes_first) as n_others,
        sum(effect) filter (where comes_first) as total,
        avg(share_flipped) filter (where comes_first) as flip_rate,
        sum(effect) filter (where not comes_first) as other_total,
        sum(effect ** 2) as squares
    from word_pairs
    group by label, word, partner
),

interactions as (
    select
        label,
        word,
        partner,
        comparison,
        n_texts,
        n_others,
        flip_rate,
        total / n_texts as effect,
        other_total / n_others as other_effect,
        n_texts * n_others / (n_texts + n_others) * (total / n_texts - other_total / n_others) ** 2 as between_squares,
        -- Rounding must not make it negative.
        greatest(squares - total ** 2 / n_texts - other_total ** 2 / n_others, 1e-12) as within_squares,
        sign(total / n_texts - other_total / n_others)
        * sqrt(between_squares / (within_squares / (n_texts + n_others - 2))) as t,
        between_squares / (between_squares + within_squares) as explained
    from contrasts
    where n_texts >= 4 and n_others >= 4
),

tests as (
    select
        *,
        count(*) over (partition by label, word) as n_tests
    from interactions
)

select
    label,
    word,
    partner,
    comparison,
    n_texts,
    n_others,
    effect,
    other_effect,
    t,
    explained,
    least(n_tests * student_p(t, 1, n_texts + n_others - 2), 1) as p_value,
    flip_rate
from tests
where abs(t) >= 5 and explained >= 0.4
qualify row_number() over (partition by label, word order by explained desc, comparison desc, partner) = 1
order by label, word
