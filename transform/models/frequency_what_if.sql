-- frequency_what_if: what a cap on the weekly dose would have changed, as sums over contacts that Go turns into expectations.
-- grain:   one row per (business_id, market, channel, promised frequency or all of them, group of contacts)
-- reads:   contact_doses (one row per contact), and in Go frequency_curves
-- params:  from, to DateTime64(3, 'UTC'); the window of contact_doses, whole UTC days
-- returns: business_id String, cutoff DateTime64(3, 'UTC'), market String, channel String, is_promised UInt8, promise String,
--          contact_group UInt8, sums Array(UInt64)
-- units:   groups split the contacts of a business into 200 by a hash; sums are those of shared part `sums_by_group`, in its order
WITH
-- shared: sums_by_group
SELECT business_id, cutoff, market, channel, is_promised, promise, contact_group, sums
FROM sums_by_group
ORDER BY business_id, market, channel, is_promised, promise, contact_group
-- statement
-- shared: propensities
