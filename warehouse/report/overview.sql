-- overview: the audit in one line of figures.
-- One row.
--
-- column  n_examples         explained and quarantined examples
-- column  n_correct          examples whose prediction is the gold label
-- column  accuracy           n_correct / examples with a prediction                           [0..1]
-- column  accuracy_low       95 % interval of accuracy (Wilson 1927)                          [0..1]
-- column  accuracy_high      95 % interval of accuracy (Wilson 1927)                          [0..1]
-- column  n_quarantined      examples without scores to rely on, left out of every figure on words
-- column  n_retried          examples that needed more than the fewest gradients
-- column  median_gap         median relative completeness gap                                 [share of the change]
-- column  worst_gap          largest gap of an explained example                              [share of the change]
-- column  special_share      |scores| on special tokens over all |scores|                     [0..1]
-- column  n_near             examples whose prediction is within 2 log-odds of another label
-- column  n_truncated        texts longer than the limit
-- column  n_tokens           tokens of all texts
-- column  n_cut              tokens beyond the limit, not seen by the model
-- column  n_words            different words and fragments with enough examples
-- column  n_used             of these, the model relies on
-- column  n_spurious         of these, spurious
-- column  n_dependent        of these, context-dependent
-- column  n_genuine          of these, genuine
-- column  n_negligible       of these, negligible
-- column  n_unclear          of these, unclear
-- column  n_tried            words and fragments that were tried
-- column  n_pairs            pairs of words that interact
-- column  n_spurious_pairs   of these, spurious
-- column  n_types            types of words with a verdict
-- column  n_spurious_types   of these, spurious
-- column  n_patterns         patterns with a verdict
-- column  n_spurious_patterns  of these, spurious and no part of another
-- column  n_parts            words and fragments that are spurious as a part of a pattern or a type
-- column  n_waived           of these, with a verdict that a person has overruled
-- column  capitalised_share  words inside a sentence that start with a capital                [0..1]
-- column  caseless           capitals tell nothing, so names are found by lists alone
-- unique  n_examples
with

judged as (
    select
        count(distinct (kind, word)) as n_words,
        count(distinct (kind, word)) filter (where used) as n_used
    from words
),

by_status as (
    select
        count(*) filter (where is_word and status = 'spurious') as n_spurious,
        count(*) filter (where is_word and status = 'context-dependent') as n_dependent,
        count(*) filter (where is_word and status = 'genuine') as n_genuine,
        count(*) filter (where is_word and status = 'negligible') as n_negligible,
        count(*) filter (where is_word and status = 'unclear') as n_unclear,
        count(*) filter (where is_word and status = 'waived') as n_waived,
        count(*) filter (where is_word) as n_tried,
        count(*) filter (where kind = 'pair') as n_pairs,
        count(*) filter (where kind = 'pair' and status = 'spurious') as n_spurious_pairs,
        count(*) filter (where kind = 'type') as n_types,
        count(*) filter (where kind = 'type' and status = 'spurious') as n_spurious_types,
        count(*) filter (where kind = 'pattern') as n_patterns,
        count(*) filter (where kind = 'pattern' and status = 'spurious') as n_spurious_patterns,
        count(*) filter (where is_word and status = 'part') as n_parts
    from (select *, kind in ('word', 'piece') as is_word from verdicts)
),

totals as (
    select sum(abs(score)) as total
    from word_scores
    where kind = 'word'
),

casing as (
    select
        count(*) filter (where regexp_matches(surface, '^\p{Lu}'))
        / nullif(count(*) filter (where regexp_matches(surface, '^\p{L}')), 0) as capitalised_share
    from word_occurrences
    where not starts_sentence
),

-- Names by a list and none by their capitals: casing was found to say nothing.
-- A script without capitals has no listed names.
rules as (
    select
        coalesce(bool_or(rule = 'name.list'), false)
        and not coalesce(bool_or(starts_with(rule, 'name.casing')), false) as by_list
    from word_types
),

errors as (
    select
        count(*) as n_examples,
        count(*) filter (where correct) as n_correct,
        count(correct) as n_predicted,
        count(*) filter (where not converged) as n_quarantined,
        (select count(*) from examples where gradients > (select min(gradients) from examples)) as n_retried,
        median(relative_gap) as median_gap,
        max(relative_gap) filter (where converged) as worst_gap,
        coalesce(sum(abs(special_score)), 0) as special,
        count(*) filter (where abs(log_odds(confidence)) <= 2) as n_near,
        count(*) filter (where n_cut > 0) as n_truncated,
        coalesce(sum(n_tokens), 0)::bigint as n_tokens,
        coalesce(sum(n_cut), 0)::bigint as n_cut
    from examples
)

select
    errors.n_examples,
    errors.n_correct,
    errors.n_correct / nullif(errors.n_predicted, 0) as accuracy,
    wilson_low(errors.n_correct, errors.n_predicted) as accuracy_low,
    wilson_high(errors.n_correct, errors.n_predicted) as accuracy_high,
    errors.n_quarantined,
    errors.n_retried,
    errors.median_gap,
    errors.worst_gap,
    errors.special / nullif(errors.special + totals.total, 0) as special_share,
    errors.n_near,
    errors.n_truncated,
    errors.n_tokens,
    errors.n_cut,
    judged.n_words,
    judged.n_used,
    by_status.n_spurious,
    by_status.n_dependent,
    by_status.n_genuine,
    by_status.n_negligible,
    by_status.n_unclear,
    by_status.n_tried,
    by_status.n_pairs,
    by_status.n_spurious_pairs,
    by_status.n_types,
    by_status.n_spurious_types,
    by_status.n_patterns,
    by_status.n_spurious_patterns,
    by_status.n_parts,
    by_status.n_waived,
    casing.capitalised_share,
    rules.by_list or coalesce(casing.capitalised_share, 0) = 0 as caseless
from errors
cross join totals
cross join judged
cross join by_status
cross join casing
cross join rules
order by errors.n_examples
