-- contact_cells: of each contact, how often its messages are in each cell and with what outcome, as arrays. What follows `-- shared: contact_cells` in a model,
-- behind `placed`: messages of `told` with contact, numbers, rates, and cells, an array of numbers below 65536, as many times as the message is counted.
--
-- A message of one number and cell is a code: the number, the cell, the byte of `rates`. Of a contact's codes in order those of one number and cell stand
-- together, and their counts are differences of running ones. This takes a quarter of the time of a group for each contact, number and cell, and no disk.
-- own_places are the codes without that byte. Counts stand side by side in one number, 16 bits each: of the bases of the four outcomes, and of the outcomes.
-- Should a contact ever have 65535 codes, it is two from there on, rather than one whose counts run into each other.
arrayMap(bits -> arraySum(o -> bitShiftLeft(toUInt128(bitTest(bits, o)), 16 * o), range(8)), range(256)) AS side_by_side,
(counts, o) -> toUInt64(bitAnd(bitShiftRight(counts, 16 * o), 65535))                                  AS one_of,
by_contact AS
(
    SELECT
        arraySort(groupArrayArray(arrayFlatten(arrayMap(number -> arrayMap(cell -> bitShiftLeft(toUInt128(number), 64) + 256 * toUInt64(cell) + rates, cells), numbers)))) AS codes,
        arrayMap(code -> bitShiftRight(code, 8), codes) AS places,
        arrayMap((place, next, i) -> place != next OR i % 65535 = 0, places, arrayPushBack(arrayPopFront(places), 0), arrayEnumerate(places)) AS is_last,
        arrayFilter((place, last) -> last, places, is_last) AS own_places,
        arrayFilter((count, last) -> last, arrayCumSum(arrayMap(code -> side_by_side[1 + toUInt8(code)], codes)), is_last) AS up_to,
        arrayMap((n, before) -> n - before, up_to, arrayPushFront(arrayPopBack(up_to), 0)) AS own_counts
    FROM placed
    WHERE rates > 0
    GROUP BY contact
),
