-- kinds: what the words of a type do that should not decide, whichever word it is; identity terms always.
-- One row per type that should not decide and has words in the texts, and one for identity terms.
--
-- column  type               type of the words
-- column  title              headline of its findings
-- column  n_words            different words in the texts
-- column  n_examples         explained examples with one
-- column  label              label they push towards; null where no text was changed
-- column  n_removal          texts in which all of them were taken out, less as many other words
-- column  removal_effect     mean effect there                                      [log-odds]
-- column  removal_low        95 % interval of removal_effect                        [log-odds]
-- column  removal_high       95 % interval of removal_effect                        [log-odds]
-- column  n_insertion        texts that one was inserted into, less content words at the same places
-- column  insertion_effect   mean effect there                                      [log-odds]
-- column  insertion_low      95 % interval of insertion_effect                      [log-odds]
-- column  insertion_high     95 % interval of insertion_effect                      [log-odds]
-- column  effect             mean of both; null without a verdict                   [log-odds]
-- column  effect_low         95 % interval of effect                                [log-odds]
-- column  effect_high        95 % interval of effect                                [log-odds]
-- column  probability_shift  what it adds to the label's probability in a text at one half  [-0.5..0.5]
-- column  per_1000           predictions per 1,000 texts that change without them, less those without other words
-- column  per_1000_low       95 % interval of per_1000
-- column  per_1000_high      95 % interval of per_1000
-- column  status             the verdict, waived, not judged, or no verdict: too few texts
-- column  n_tried            words and pieces of the type that were tried
-- column  n_spurious         of these, spurious: they do more than their type does
-- column  words              the most severe five of these
-- unique  type
with

types as (
    select
        type,
        title,
        expectation
    from type_rules
    where expectation = 'none' or type = 'identity term'
),

counts as (
    select
        types.type,
        count(distinct occurrences.word) as n_words,
        count(distinct occurrences.example_id) as n_examples
    from word_occurrences as occurrences
    inner join word_types as types on types.kind = 'word' and occurrences.word = types.word
    group by types.type
),

judged as (
    select *
    from verdicts
    where kind = 'type'
),

-- Of a type without a verdict, the label that its words push towards most.
shown as (
    select effects.*
    from type_effects as effects
    left join judged on effects.type = judged.type
    where effects.label = coalesce(judged.label, effects.label)
    qualify row_number() over (
        partition by effects.type
        order by coalesce(effects.insertion_effect, effects.removal_effect) desc, effects.label
    ) = 1
),

tried as (
    select
        type,
        count(*) as n_tried,
        count(*) filter (where status = 'spurious') as n_spurious,
        list(word order by rank) filter (where status = 'spurious') as words
    from verdicts
    where kind in ('word', 'piece')
    group by type
)

select
    types.type,
    types.title,
    coalesce(counts.n_words, 0) as n_words,
    coalesce(counts.n_examples, 0) as n_examples,
    shown.label,
    coalesce(shown.n_removal, 0) as n_removal,
    shown.removal_effect,
    if(n_removal < 3, null, shown.removal_effect - t_975(n_removal - 1) * shown.removal_se) as removal_low,
    if(n_removal < 3, null, shown.removal_effect + t_975(n_removal - 1) * shown.removal_se) as removal_high,
    coalesce(shown.n_insertion, 0) as n_insertion,
    shown.insertion_effect,
    if(n_insertion < 3, null, shown.insertion_effect - t_975(n_insertion - 1) * shown.insertion_se) as insertion_low,
    if(n_insertion < 3, null, shown.insertion_effect + t_975(n_insertion - 1) * shown.insertion_se) as insertion_high,
    judged.effect,
    judged.effect_low,
    judged.effect_high,
    judged.probability_shift,
    judged.per_1000,
    judged.per_1000_low,
    judged.per_1000_high,
    coalesce(judged.status, if(types.expectation = 'exempt', 'not judged', 'no verdict')) as status,
    coalesce(tried.n_tried, 0) as n_tried,
    coalesce(tried.n_spurious, 0) as n_spurious,
    coalesce(tried.words[:5], []) as words
from types
left join counts using (type)
left join shown using (type)
left join judged using (type)
left join tried using (type)
where counts.n_words > 0 or types.type = 'identity term'
order by judged.rank, n_examples desc, types.type
