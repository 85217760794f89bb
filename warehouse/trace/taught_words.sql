-- taught_words: the rule that taught the model a word: the one on which the label of texts with the word hung.
-- One row per (kind, label, word): every word and piece that was tried and that some rule taught.
--
-- Where the classifier was trained on labels of the rules, its training texts are looked at, else the audited ones. A
-- keyword that is the word itself goes before a term that only stands beside it; the latter must decide the labels of
-- five texts with the word, and of them at least twice as often as of all texts and in one of twenty, shown by Wilson's
-- interval.
--
-- param   rule_word_parts  Parquet files of this stage, one row per (corpus, text, word)
-- column  kind          word or piece
-- column  label         label that it pushes towards
-- column  word          lower-case word; a piece with · where the word goes on
-- column  rule_id       rule
-- column  term_id       term; -1 for a column of votes
-- column  rule          name of the rule
-- column  term          keyword, phrase or pattern; null for a column of votes
-- column  how           is it (the word is the keyword, or stands in what the term matches), piece of it (the piece is
--                       the keyword), beside it (the term stands in the same texts)
-- column  corpus        trained or audited: where this was counted
-- column  n_with        texts with the word
-- column  n_matched     of them, texts that the term matches; all texts that it matches for piece of it
-- column  n_labelled    of n_matched, texts that got the label
-- column  n_decided     of n_matched, texts that have the label by this term alone
-- column  base_share    share of all texts that have the label by this term alone  [0..1]
-- column  reason        the same as a rule that fired: rule, figures, words
-- unique  kind, label, word
with

looked_at as (
    select if(count(*) filter (where corpus = 'trained') > 0, 'trained', 'audited') as corpus
    from rule_texts
),

texts as (
    select
        example_id,
        given_label
    from rule_texts
    where corpus = (select corpus from looked_at)
),

-- Votes have no terms: there the whole rule is the term.
matches as (
    select rule_matches.* exclude (corpus)
    from rule_matches
    inner join rule_terms as terms using (rule_id, term_id)
    where
        rule_matches.corpus = (select corpus from looked_at)
        and (terms.term is not null or terms.label is null)
),

tried as (
    select
        kind,
        label,
        word,
        rtrim(ltrim(word, '·'), '·') as bare
    from verdicts
    where kind in ('word', 'piece')
),

words as (
    select
        example_id,
        word
    from read_parquet($rule_word_parts)
    where corpus = (select corpus from looked_at)
),

word_counts as (
    select
        word,
        count(*) as n_with
    from words
    group by word
),

-- What the terms of a label do in all texts.
base as (
    select
        rule_id,
        term_id,
        label,
        count(*) as n_matched,
        count(*) filter (where matches.decides) as n_decided,
        count(*) filter (where texts.given_label = label) as n_labelled,
        n_decided / (select count(*) from texts) as base_share
    from matches
    inner join texts using (example_id)
    group by all
),

-- What they do in the texts with a word.
together as (
    select
        words.word as bare,
        matches.rule_id,
        matches.term_id,
        matches.label,
        count(*) as n_matched,
        count(*) filter (where matches.decides) as n_decided,
        count(*) filter (where texts.given_label = matches.label) as n_labelled,
        count(*) filter (
            where folded(matches.surface) = words.word
            or list_contains(regexp_split_to_array(folded(matches.surface), '[^\p{L}\p{M}\p{N}_''-]+'), words.word)
        ) as n_itself
    from words
    inner join matches using (example_id)
    inner join texts using (example_id)
    group by all
),

found as (
    select
        tried.kind,
        tried.label,
        tried.word,
        together.rule_id,
        together.term_id,
        if(2 * together.n_itself > together.n_matched, 'is it', 'beside it') as how,
        counts.n_with,
        together.n_matched,
        together.n_labelled,
        together.n_decided,
        base.base_share
    from tried
    inner join together on tried.bare = together.bare and tried.label = together.label and tried.kind = 'word'
    inner join word_counts as counts on tried.bare = counts.word
    inner join base
        on together.rule_id = base.rule_id and together.term_id = base.term_id and together.label = base.label
    union all
    select
        tried.kind,
        tried.label,
        tried.word,
        base.rule_id,
        base.term_id,
        'piece of it' as how,
        coalesce(counts.n_with, 0) as n_with,
        base.n_matched,
        base.n_labelled,
        base.n_decided,
        base.base_share
    from tried
    inner join rule_terms as terms
        on tried.kind = 'piece' and terms.kind = 'keyword' and tried.bare = folded(terms.term)
    inner join base on terms.rule_id = base.rule_id and terms.term_id = base.term_id and tried.label = base.label
    left join word_counts as counts on tried.bare = counts.word
),

taught as (
    select *
    from found
    where
        n_decided > 0
        and (
            how != 'beside it'
            or (n_decided >= 5 and wilson_low(n_decided, n_with) > greatest(2 * base_share, 0.05))
        )
    qualify row_number() over (
        partition by kind, label, word order by how = 'beside it', n_decided desc, rule_id, term_id
    ) = 1
)

select
    taught.kind,
    taught.label,
    taught.word,
    taught.rule_id,
    taught.term_id,
    terms.rule,
    terms.term,
    taught.how,
    looked_at.corpus,
    taught.n_with,
    taught.n_matched,
    taught.n_labelled,
    taught.n_decided,
    taught.base_share,
    {
        'rule': case
            when terms.term is null then 'labelling.vote'
            when taught.how = 'is it' then 'labelling.keyword'
            when taught.how = 'piece of it' then 'labelling.piece'
            else 'labelling.beside'
        end,
        'figures': map {
            'n_with': taught.n_with::double, 'n_matched': taught.n_matched::double,
            'n_labelled': taught.n_labelled::double, 'n_decided': taught.n_decided::double,
            'base_share': taught.base_share
        },
        'words': map {
            'term': terms.term, 'label': taught.label, 'corpus': if(corpus = 'trained', 'training', 'audit'),
            'of_rule': terms.rule
        }
    } as reason
from taught
inner join rule_terms as terms using (rule_id, term_id)
cross join looked_at
order by taught.kind, taught.label, taught.word
