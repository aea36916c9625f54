-- five_counts: counts of the five outcomes of a unit side by side in one number, so that one sum does for all. What follows `-- shared: five_counts` in a
-- model; side_by_side[1 + bits] is one of each outcome whose bit is set, from the lowest open, click, reply, any, opt_out; one_of takes out that of bit o.
--
-- Each has 25 bits, which 33554431 = 2^25 - 1 masks: a pass has fewer units than these can count.
arrayMap(bits -> arraySum(o -> bitShiftLeft(toUInt128(bitTest(bits, o)), 25 * o), range(5)), range(32)) AS side_by_side,
(counts, o) -> toUInt64(bitAnd(bitShiftRight(counts, 25 * o), 33554431))                                AS one_of,
