-- rate_card: which prices are loaded?
-- grain:   one row per (channel, unit, market, category, date_from, tier_from)
-- reads:   rate_card (a file replaces its channels and dates, so nothing to deduplicate)
-- params:  channel String =
-- returns: channel String, unit String, market String, category String, date_from Date, tier_from UInt64, price Decimal(18, 9), currency String
-- units:   price of one unit in currency; tier_from counts units charged in the month before; * is any without a row of its own; an empty
--          channel asks for every one
SELECT
    channel,
    unit,
    market,
    category,
    date_from,
    tier_from,
    price,
    currency
FROM rate_card
WHERE {channel:String} = '' OR channel = {channel:String}
ORDER BY channel, unit, market, category, date_from, tier_from
