-- patterns: the patterns that were tried, what they do whatever fills them, and what is a part of them.
-- One row per pattern with a verdict.
--
-- column  rank               of its verdict
-- column  type               shape, opening, ending, line, element, address, companions, capitals, length or marks
-- column  title              headline of the findings of this type
-- column  pattern            what its texts have in common; * where they differ
-- column  place              where it mostly stands: start, end, first line, last line, inside or whole
-- column  surfaces           how it is filled most often, at most five
-- column  n_surfaces         ways in which it is filled
-- column  n_examples         explained examples with it
-- column  label              label it pushes towards
-- column  n_label            of its examples, read as that label
-- column  label_share        share of that label among all predictions  [0..1]
-- column  removal_effect     mean effect where it stands, less neutral words in its place  [log-odds]
-- column  removal_low        95 % interval of removal_effect                        [log-odds]
-- column  removal_high       95 % interval of removal_effect                        [log-odds]
-- column  n_removal          texts
-- column  insertion_effect   mean effect where it is put, less neutral words there  [log-odds]
-- column  insertion_low      95 % interval of insertion_effect                      [log-odds]
-- column  insertion_high     95 % interval of insertion_effect                      [log-odds]
-- column  n_insertion        texts
-- column  effect             mean of both                                           [log-odds]
-- column  effect_low         95 % interval of effect                                [log-odds]
-- column  effect_high        95 % interval of effect                                [log-odds]
-- column  expected           what its words are expected to do                      [log-odds]
-- column  probability_shift  what it adds to the label's probability in a text at one half  [-0.5..0.5]
-- column  per_1000           predictions per 1,000 texts that change without it
-- column  per_1000_low       95 % interval of per_1000
-- column  per_1000_high      95 % interval of per_1000
-- column  status             the verdict, waived, or part of another pattern or type
-- column  part_of            that pattern or type
-- column  carried_by         its part that has nearly the whole effect; null for none
-- column  parts              spurious words, pieces, pairs and patterns that are a part of it, at most five
-- column  n_parts            how many there are
-- unique  pattern
with

parts as (
    select
        part_of,
        list(word order by rank) as parts
    from verdicts
    where part_of is not null
    group by part_of
),

read_as as (
    select
        predicted_label as label,
        count(*)::double / sum(count(*)) over ()::double as label_share
    from examples
    where converged
    group by predicted_label
),

held as (
    select
        spans.pattern,
        examples.predicted_label as label,
        count(distinct example_id) as n_label
    from pattern_spans as spans
    inner join examples using (example_id)
    where spans.pattern in (select word from verdicts where kind = 'pattern')
    group by spans.pattern, examples.predicted_label
)

select
    verdicts.rank,
    patterns.type,
    rules.title,
    patterns.pattern,
    patterns.place,
    if(patterns.place = 'whole', [], patterns.surfaces) as surfaces,
    patterns.n_surfaces,
    patterns.n_examples,
    verdicts.label,
    coalesce(held.n_label, 0) as n_label,
    coalesce(read_as.label_share, 0) as label_share,
    effects.removal_effect,
    effects.removal_effect - t_975(effects.n_removal - 1) * effects.removal_se as removal_low,
    effects.removal_effect + t_975(effects.n_removal - 1) * effects.removal_se as removal_high,
    effects.n_removal,
    effects.insertion_effect,
    effects.insertion_effect - t_975(effects.n_insertion - 1) * effects.insertion_se as insertion_low,
    effects.insertion_effect + t_975(effects.n_insertion - 1) * effects.insertion_se as insertion_high,
    effects.n_insertion,
    verdicts.effect,
    verdicts.effect_low,
    verdicts.effect_high,
    verdicts.expected,
    verdicts.probability_shift,
    verdicts.per_1000,
    verdicts.per_1000_low,
    verdicts.per_1000_high,
    verdicts.status,
    verdicts.part_of,
    carried.part as carried_by,
    coalesce(parts.parts[:5], []) as parts,
    coalesce(len(parts.parts), 0) as n_parts
from verdicts
inner join patterns on verdicts.type = patterns.type and verdicts.word = patterns.pattern
inner join type_rules as rules on patterns.type = rules.type
inner join pattern_effects as effects
    on patterns.type = effects.type and patterns.pattern = effects.pattern and verdicts.label = effects.label
left join pattern_parts as carried
    on patterns.type = carried.type and patterns.pattern = carried.pattern and verdicts.label = carried.label
left join held on patterns.pattern = held.pattern and verdicts.label = held.label
left join read_as on verdicts.label = read_as.label
left join parts on patterns.pattern = parts.part_of
where verdicts.kind = 'pattern'
order by verdicts.rank
