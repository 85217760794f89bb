-- rule_proposals: changes to the labelling rules, with their evidence; untried until `token-audit fix` tries them.
-- One row per change.
--
-- drop: the keyword taught the model a spurious word. narrow: it did, but with a capital, as a name, or in a phrase,
-- other rules agree with it significantly more often. add: the model reads texts with the word as the label, and the
-- word moves it so in trials; or the encoder before fine-tuning knows it for the label. No gold label is looked at.
--
-- param   proposals  JSON: action, rule, term, label, word, n_texts, phrase, figures
-- column  rank     1 for the first to be made
-- column  action   drop, narrow or add
-- column  rule     rule that is changed; a new one for keywords that are added
-- column  term     keyword
-- column  label    label that the rule gives
-- column  word     the word of the audit
-- column  n_texts  texts of the training that have the label by the keyword alone; that an added one would give it
-- column  phrase   phrase that a keyword is kept in; null but for such a one
-- column  reason   the rule behind it: rule, figures, words
-- unique  action, rule, term, label
with

looked_at as (
    select if(count(*) filter (where corpus = 'trained') > 0, 'training', 'audit') as corpus
    from rule_texts
)

select
    rank,
    action,
    rule,
    term,
    label,
    word,
    n_texts,
    phrase,
    [{
        'rule': case action
            when 'drop' then 'proposal.drop'
            when 'narrow' then if(phrase is null, 'proposal.narrow', 'proposal.narrow_phrase')
            when 'add' then case
                when figures['meaning'] is null then 'proposal.add'
                when figures['effect'] is null then 'proposal.add_untried'
                else 'proposal.add_meant'
            end
        end,
        'figures': map {
            'n_texts': n_texts::double, 'n_with': figures['n_with'], 'n_labelled': figures['n_labelled'],
            'n_decided': figures['n_decided'], 'effect': figures['effect'], 'q_value': figures['q_value'],
            'per_1000': figures['per_1000'], 'n_name': figures['n_name'], 'n_name_also': figures['n_name_also'],
            'n_word': figures['n_word'], 'n_word_also': figures['n_word_also'], 'n_examples': figures['n_examples'],
            'n_phrase': figures['n_phrase'], 'n_phrase_also': figures['n_phrase_also'],
            'n_else': figures['n_else'], 'n_else_also': figures['n_else_also'],
            'n_read_so': figures['n_read_so'], 'read_rate': figures['read_rate'], 'read_low': figures['read_low'],
            'read_share': figures['read_share'], 'meaning': figures['meaning']
        },
        'words': map {'term': term, 'phrase': phrase, 'label': label, 'corpus': corpus, 'rule': rule}
    }] as reason
from (
    select
        row_number() over () as rank,
        *
    from (
        select unnest(
            from_json(
                $proposals::json,
                '[{"action": "varchar", "rule": "varchar", "term": "varchar", "label": "varchar", "word": "varchar",
                "n_texts": "bigint", "phrase": "varchar", "figures": "map(varchar, double)"}]'
            ),
            recursive := true
        )
    )
)
cross join looked_at
order by rank
