-- quadrant: what the labels say about a word against what the model does with it.
-- One row per (label, word); the spurious words last, so that they are drawn on top.
--
-- param   labels       labels to show
-- param   mirrored     a score towards one label is minus the score towards the other
-- param   prior_examples  examples at the overall share that are added to those of a fragment
-- param   max_points   most words per label, the strongest by either figure
-- column  label               label of both axes
-- column  word                lower-case word; fragment that was tried, with · where the word goes on
-- column  kind                word or piece
-- column  type                type of the word
-- column  expectation         what is expected of the type: none, meaning, exempt or unknown
-- column  log_odds            label association  [log-odds]
-- column  mean_score          mean score towards the label  [unit of the scalar]
-- column  ci_low              95 % interval of mean_score  [unit of the scalar]
-- column  ci_high             95 % interval of mean_score  [unit of the scalar]
-- column  label_rate          share of its examples with the label  [0..1]
-- column  n_examples          examples with the word
-- column  document_frequency  share of the explained examples with the word  [0..1]
-- column  verdict             spurious or not spurious
-- column  caption             what is written beside its point: the word of the strongest, of those farthest from the
--                             diagonal and of spurious ones, or nothing
-- unique  label, word
with

audited as (
    select
        example_id,
        gold_label
    from examples
    where converged
),

-- A fragment has the association of the texts that hold it, with as many texts at the overall share as a word has.
fragments as (
    select
        labels.label,
        counts.word,
        counts.n_label / counts.n_examples as label_rate,
        (counts.n_label + $prior_examples * labels.label_share) / (counts.n_examples + $prior_examples) as rate,
        ln(rate / (1 - rate)) - ln(labels.label_share / (1 - labels.label_share)) as log_odds,
        (label_rate - labels.label_share)
        / sqrt(labels.label_share * (1 - labels.label_share) / counts.n_examples) as z
    from (
        select
            given.label,
            (select count_if(gold_label = given.label) / count(*) from audited) as label_share
        from (select unnest($labels::varchar[]) as label) as given
    ) as labels
    cross join lateral (
        select
            scores.word,
            count(*) as n_examples,
            count_if(audited.gold_label = labels.label) as n_label
        from word_scores as scores
        inner join audited using (example_id)
        where scores.kind = 'piece' and scores.word in (select word from verdicts where kind = 'piece')
        group by scores.word
    ) as counts
    where labels.label_share > 0 and labels.label_share < 1
),

associations as (
    select
        'word' as kind,
        label,
        word,
        label_rate,
        log_odds,
        z
    from label_association
    where kind = 'word'
    union all by name
    select
        'piece' as kind,
        label,
        word,
        label_rate,
        log_odds,
        z
    from fragments
),

joined as (
    select
        importance.label,
        importance.word,
        importance.kind,
        types.type,
        rules.expectation,
        round(association.log_odds, 3) as log_odds,
        round(importance.mean_score, 3) as mean_score,
        round(importance.ci_low, 3) as ci_low,
        round(importance.ci_high, 3) as ci_high,
        round(association.label_rate, 3) as label_rate,
        importance.n_examples,
        round(importance.document_frequency, 4) as document_frequency,
        max(abs(importance.mean_score)) over (partition by importance.label) as largest_score,
        max(abs(association.log_odds)) over (partition by importance.label) as largest_log_odds,
        exists (
            select 1
            from verdicts
            where
                verdicts.kind = importance.kind
                and verdicts.status in ('spurious', 'part')
                and verdicts.word = importance.word
                and (verdicts.label = importance.label or $mirrored)
        ) as spurious,
        row_number() over (
            partition by importance.label order by abs(importance.impact) desc, importance.word
        ) as impact_rank,
        row_number() over (
            partition by importance.label order by abs(importance.mean_score) desc, importance.word
        ) as score_rank,
        row_number() over (
            partition by importance.label order by abs(association.z) desc, importance.word
        ) as label_rank
    from word_importance as importance
    inner join associations as association using (kind, label, word)
    inner join word_types as types on importance.kind = types.kind and importance.word = types.word
    inner join type_rules as rules on types.type = rules.type
    where importance.label in (select unnest($labels::varchar[]))
),

measured as (
    select
        *,
        row_number() over (
            partition by label
            order by
                abs(mean_score / nullif(largest_score, 0) - log_odds / nullif(largest_log_odds, 0)) desc, word
        ) as outlier_rank
    from joined
),

-- One caption to a neighbourhood, so that they do not lie on top of each other.
captioned as (
    select
        *,
        row_number() over (
            partition by
                label,
                spurious or score_rank <= 10 or outlier_rank <= 12,
                floor(2 * log_odds),
                floor(6 * mean_score / nullif(largest_score, 0))
            order by spurious desc, impact_rank, word
        ) as neighbour
    from measured
)

select
    label,
    word,
    kind,
    type,
    expectation,
    log_odds,
    mean_score,
    ci_low,
    ci_high,
    label_rate,
    n_examples,
    document_frequency,
    if(spurious, 'spurious', 'not spurious') as verdict,
    case
        when neighbour > 1 then ''
        when spurious then concat('“', word, '”')
        when score_rank <= 10 or outlier_rank <= 12 then word
        else ''
    end as caption
from captioned
qualify row_number() over (
    partition by label order by spurious desc, least(impact_rank, score_rank, label_rank), word
) <= $max_points
order by spurious, label, document_frequency desc, word
