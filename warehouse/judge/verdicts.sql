-- verdicts: spurious, context-dependent, genuine, negligible or unclear, with the rules that fired and their figures.
-- One row per (kind, label, word): every word and piece that was tried, pairs of words that interact, types of words,
-- patterns.
--
-- Its questions are asked in judge/tested.sql and answered in judge/judged.sql; tasks/pages/rules.csv has the words.
--
-- first   judge/tested, judge/judged, judge/belongs, judge/fired
-- column  rank                1 for the most severe of its status; spurious first
-- column  label               label it pushes towards
-- column  word                word in lower case; piece with · where the word goes on; pair; type; pattern
-- column  kind                word, piece, pair, type or pattern
-- column  type                type of the word; of the first word of a pair
-- column  verdict             spurious, context-dependent, genuine, negligible or unclear
-- column  status              the verdict; waived; or part, of a spurious pattern or type
-- column  part_of             that pattern or type; null for all others
-- column  effect              mean effect, less the placebo  [log-odds]
-- column  effect_low          95 % interval of effect  [log-odds]
-- column  effect_high         95 % interval of effect  [log-odds]
-- column  expected            effect that its meaning or its type explains; null where nothing is known  [log-odds]
-- column  excess              effect - expected  [log-odds]
-- column  p_value             of spurious; null where it is not judged
-- column  q_value             smallest false discovery rate at which it is spurious; null where it is not judged
-- column  per_1000            severity: predictions per 1,000 texts that change when it is taken out
-- column  per_1000_low        95 % interval of per_1000
-- column  per_1000_high       95 % interval of per_1000
-- column  probability_shift   what it adds to the label's probability in a text at one half  [-0.5..0.5]
-- column  document_frequency  share of the explained examples with it  [0..1]
-- column  grade               large where it is likely spurious; null for pairs and types  [0..1]
-- column  rules               what fired: rule, figures (numbers by their names), words (texts by their names)
-- column  waived_by           owner of the waiver that is honoured
-- column  waiver_reason       its reason
-- column  waiver_expires      its last day; also of one that has expired
-- unique  kind, label, word
with

known as (
    select
        tested.*,
        fired.* exclude (kind, label, word)
    from tested
    inner join fired using (kind, label, word)
),

-- A waiver for the label itself goes before one for every label; one that holds before one that has expired.
waived as (
    select
        known.kind,
        known.label,
        known.word,
        waivers.* exclude (label, word)
    from known
    inner join waivers on known.word = waivers.word and waivers.label in ('', known.label)
    qualify row_number() over (
        partition by known.kind, known.label, known.word order by waivers.expired, waivers.label desc
    ) = 1
)

select
    row_number() over (
        order by
            list_position(
                ['spurious', 'waived', 'part', 'context-dependent', 'unclear', 'genuine', 'negligible'],
                if(not waived.expired, 'waived', if(known.part_of is not null, 'part', known.verdict))
            ),
            1000 * known.document_frequency * known.flip_rate desc,
            -- Of words that change no prediction here, first those whose cause is known and can be mended.
            named.word is not null desc,
            abs(known.effect) * known.document_frequency desc,
            known.kind,
            known.word,
            known.label
    ) as rank,
    known.label,
    known.word,
    known.kind,
    known.type,
    known.verdict,
    if(not waived.expired, 'waived', if(known.part_of is not null, 'part', known.verdict)) as status,
    known.part_of,
    known.effect,
    known.effect_low,
    known.effect_high,
    known.expected,
    known.excess,
    known.p_value,
    known.q_value,
    1000 * known.document_frequency * known.flip_rate as per_1000,
    1000 * known.document_frequency * known.flip_low as per_1000_low,
    1000 * known.document_frequency * known.flip_high as per_1000_high,
    1 / (1 + exp(-known.effect)) - 0.5 as probability_shift,
    known.document_frequency,
    known.grade,
    known.rules,
    if(not waived.expired, waived.owner, null) as waived_by,
    if(not waived.expired, waived.reason, null) as waiver_reason,
    waived.expires as waiver_expires
from known
left join waived using (kind, label, word)
left join named_words as named on known.kind = 'word' and known.label = named.label and known.word = named.word
order by rank
