-- contact_classes: which contacts get too few, enough or too many messages for what the data of their segment support?
-- grain:   one row per contact_id at risk at as_of
-- reads:   contact_classes (a run replaces its window, so nothing to deduplicate)
-- params:  business String = <only business>
--          from Date = <latest window>
--          to Date = <latest window>
--          class String =
--          market String =
-- returns: contact_id UUID, class String, messages_28_days UInt16, plausible_from Nullable(UInt32), plausible_to Nullable(UInt32),
--          dimension String, segment String, identification String, market String, channel String, late_messages UInt16,
--          late_engaged UInt16, early_messages UInt16, early_engaged UInt16, decline_p Nullable(Float64), as_of DateTime64(3, 'UTC'),
--          cutoff DateTime64(3, 'UTC')
-- units:   messages in 28 days; plausible_from, plausible_to NULL beside an identification: nothing smaller, greater was compared and found worse; decline_p is adjusted for all contacts tested, NULL where
--          not tested; an empty class or market asks for every one. contact_id is a pseudonym
SELECT
    contact_id,
    class,
    messages_28_days,
    plausible_from,
    plausible_to,
    dimension,
    segment,
    identification,
    market,
    channel,
    late_messages,
    late_engaged,
    early_messages,
    early_engaged,
    decline_p,
    as_of,
    cutoff
FROM contact_classes
WHERE business_id = {business:String}
  AND window_from = {from:Date}
  AND window_to = {to:Date}
  AND ({class:String} = '' OR class = {class:String})
  AND ({market:String} = '' OR market = {market:String})
ORDER BY contact_id
