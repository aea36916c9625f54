-- failure_causes: what platforms' error codes mean, as two arrays. What follows `-- shared: failure_causes` in a model.
--
-- invalid_address: nobody there; blocked: the contact refuses; window: too late to write; limit: caps, quality, experiments, spam filters;
-- template: the template is wrong or paused; technical: account, payment, media, carrier, or try again.
-- Sources: "Error codes", WhatsApp Business Platform, and "Send API error codes", Messenger Platform, both developers.facebook.com;
-- twilio.com/docs/api/errors; RFC 3463 (enhanced status codes of e-mail).
[
    ('invalid_address', ['131026', '1013', '100/2018001', '21211', '21214', '21614', '30005', '30006', '63003', '63024', '5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10']),
    ('blocked', ['131050', '551', '200/1545041', '200/2018108', '21610', '30004']),
    ('window', ['10/2018278', '2018278', '10/2534022', '2534022', '131047', '470', '63016']),
    ('limit', ['131049', '63049', '130472', '63032', '131048', '130429', '131056', '80007', '131031', '368', '613', '4', '63013', '63018', '30007', '30022']),
    ('template', ['132000', '132001', '132005', '132007', '132012', '132015', '132016', '132068', '132069', '63027', '63028', '63042']),
    ('technical', ['131000', '131005', '131008', '131009', '131016', '131042', '131045', '131051', '131052', '131053', '131057', '100', '190', '2', '1200', '2018300',
        '2018321', '10/1893063', '21408', '30001', '30003', '30008', '4.2.2', '4.4.1', '4.4.2', '4.7.0'])
] AS causes,
arrayFlatten(arrayMap(c -> c.2, causes))                           AS cause_codes,
arrayFlatten(arrayMap(c -> arrayMap(code -> c.1, c.2), causes))    AS cause_names,
