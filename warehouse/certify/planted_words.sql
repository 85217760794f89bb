-- planted_words: how the audit of the planted copy judged each planted word, and why it did not find it.
-- One row per word, and per group of words that was planted as one.
--
-- A word is found by a verdict on itself or on a pair that names it. Of a group, numbers are found by a verdict on
-- their type or if half of those with figures are spurious, a line by one on its type or on any of its words, and both
-- by one on a pattern most of whose texts hold the group. A decoy is convicted, too, by a piece cut mostly from it.
--
-- first   certify/group_patterns
-- param   planted_words       file: what was planted
-- param   min_examples        texts that a word must be in to have figures
-- param   min_effect          effect that a word must exceed                              [log-odds]
-- param   fdr                 false discovery rate of the verdicts                        [0..1]
-- column  role                shortcut, context, control, decoy or member of a group
-- column  shortcut            kind of shortcut; null for controls and decoys
-- column  strength            share of the planted rows that obey it                      [0..1]
-- column  word                lower-case word; of a group, what it is called
-- column  label               label it was tied to
-- column  decoy_type          type that a decoy was made for; null for all others
-- column  listed              whether a list of the product holds the decoy; null for all others
-- column  group_type          type that an audit should report; null for single words
-- column  n_examples          audited texts with it
-- column  has_figures         in enough texts to be judged
-- column  type                type that the audit found
-- column  verdict             the gravest of its verdicts; null where it was no candidate
-- column  reason              why it is not spurious; null if it is
-- column  group_verdict       verdict on the type of the group; null for single words, and where it was no candidate
-- column  n_members           words of the group with figures; null for single words
-- column  n_members_spurious  of these, called spurious; null for single words
-- unique  word
with

planted as (
    select * from read_parquet($planted_words)
),

-- Each planted word by its own name, and by that of its group.
named as (
    select word, word as held from planted where group_type is null
    union all
    select
        whole.word,
        members.word
    from planted as whole
    inner join planted as members on whole.shortcut = members.shortcut and members.role = 'member'
    where whole.group_type is not null
),

occurrences as (
    select
        named.word,
        count(distinct occurrences.example_id) as n_examples
    from named
    inner join word_occurrences as occurrences on named.held = occurrences.word
    group by named.word
),

figures as (
    select distinct word
    from word_importance
    where kind = 'word'
),

sources as (
    select
        piece,
        source_word,
        count(*) as n,
        source_word in (select planted.word from planted where planted.role = 'decoy') as is_decoy
    from piece_occurrences
    group by piece, source_word
),

decoy_pieces as (
    select
        piece,
        arg_max(source_word, (n, source_word)) filter (where is_decoy) as word
    from sources
    group by piece
    having sum(n) filter (where is_decoy) > 0.5 * sum(n)
),

-- The verdicts that may find each word; `found` is the word of the verdict.
candidates_of as (
    select
        'word' as kind,
        named.word,
        named.held as found
    from named
    left join planted using (word)
    where planted.group_type is distinct from 'number'
    union all
    select 'piece', word, piece from decoy_pieces
    union all
    select
        'pair',
        planted.word,
        pairs.word
    from planted
    inner join (select distinct word from verdicts where kind = 'pair') as pairs
        on list_contains(string_split(pairs.word, ' … '), planted.word)
    union all
    select 'type', word, group_type from planted where group_type is not null
    union all
    select 'pattern', word, pattern from group_patterns
),

-- The order of the alphabet is not that of gravity.
judged as (
    select
        own.word,
        verdicts.verdict,
        verdicts.p_value,
        verdicts.q_value,
        least(verdicts.effect_low, evidence.removal_low, evidence.insertion_low) as lowest
    from candidates_of as own
    inner join planted on own.word = planted.word
    inner join verdicts on own.kind = verdicts.kind and own.found = verdicts.word
    left join evidence
        on verdicts.kind = evidence.kind and verdicts.label = evidence.label and verdicts.word = evidence.word
    where own.kind not in ('type', 'pattern') or verdicts.label = planted.label
    qualify row_number() over (
        partition by own.word
        order by
            list_position(['spurious', 'context-dependent', 'unclear', 'genuine', 'negligible'], verdicts.verdict),
            verdicts.p_value,
            verdicts.label
    ) = 1
),

members as (
    select
        named.word,
        count(*) as n_members,
        count(*) filter (
            where named.held in (select word from verdicts where kind = 'word' and verdict = 'spurious')
        ) as n_members_spurious
    from named
    inner join figures on named.held = figures.word
    group by named.word
),

found as (
    select
        planted.*,
        coalesce(occurrences.n_examples, 0) as n_examples,
        if(
            planted.group_type is null, figures.word is not null, coalesce(occurrences.n_examples, 0) >= $min_examples
        ) as has_figures,
        coalesce(types.type, planted.group_type) as type,
        if(
            planted.group_type = 'number' and members.n_members_spurious >= 0.5 * members.n_members,
            'spurious',
            judged.verdict
        ) as verdict,
        judged.p_value,
        judged.q_value,
        judged.lowest,
        whole.verdict as group_verdict,
        if(planted.group_type is not null, coalesce(members.n_members, 0), null) as n_members,
        if(planted.group_type is not null, coalesce(members.n_members_spurious, 0), null) as n_members_spurious
    from planted
    left join occurrences using (word)
    left join figures using (word)
    left join judged using (word)
    left join members using (word)
    left join word_types as types on planted.word = types.word and types.kind = 'word'
    left join verdicts as whole
        on whole.kind = 'type' and planted.group_type = whole.word and planted.label = whole.label
)

select
    role,
    shortcut,
    strength,
    word,
    label,
    decoy_type,
    listed,
    group_type,
    n_examples,
    has_figures,
    type,
    verdict,
    case
        when verdict = 'spurious' then null
        when not has_figures then 'too few texts'
        when verdict is null then 'not tried'
        when verdict = 'context-dependent' then 'not consistent'
        when verdict = 'genuine' then 'explained'
        when verdict = 'negligible' or coalesce(lowest <= $min_effect, true) then 'not shown'
        when q_value <= $fdr then 'not consistent'
        when p_value <= $fdr then 'does not pass the control of false discoveries'
        else 'explained'
    end as reason,
    group_verdict,
    n_members,
    n_members_spurious
from found
order by role desc, shortcut, strength, word
