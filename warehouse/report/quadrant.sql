-- quadrant: what the labels say about a word against what the model does with it.
-- One row per (label, word); the spurious words last, so that they are drawn on top.
--
-- param   labels       labels to show
-- param   mirrored     a score towards one label is minus the score towards the other
-- param   max_points   most words per label, the strongest by either figure
-- column  label               label of both axes
-- column  word                lower-case word
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

joined as (
    select
        importance.label,
        importance.word,
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
                verdicts.kind = 'word'
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
    inner join label_association as association using (label, word)
    inner join word_types as types on types.kind = 'word' and importance.word = types.word
    inner join type_rules as rules on types.type = rules.type
    where importance.kind = 'word' and importance.label in (select unnest($labels::varchar[]))
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
                spurious or score_rank <= 4 or outlier_rank <= 8,
                floor(2 * log_odds),
                floor(6 * mean_score / nullif(largest_score, 0))
            order by spurious desc, impact_rank, word
        ) as neighbour
    from measured
)

select
    label,
    word,
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
        when score_rank <= 4 or outlier_rank <= 8 then word
        else ''
    end as caption
from captioned
qualify spurious or row_number() over (
    partition by label order by least(impact_rank, score_rank, label_rank), word
) <= $max_points
order by spurious, label, document_frequency desc, word
