package reports

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"time"
)

// rows is a Source of hand-made rows, for the look of the page; what a warehouse answers is tried
// on a real one in real_test.go.
type rows map[string]any // query -> slice of its rows

func (r rows) Select(_ context.Context, dest any, query string, _ map[string]string) error {
	from, ok := r[query]
	if !ok {
		return fmt.Errorf("no rows were made for %s", query)
	}
	reflect.ValueOf(dest).Elem().Set(reflect.ValueOf(from))
	return nil
}

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

var (
	windowFrom = date("2026-03-01")
	windowTo   = date("2026-05-30")
	cutoff     = date("2026-05-29").Add(23*time.Hour + 58*time.Minute + 12*time.Second)
)

func ptr(v float64) *float64 { return &v }

// interval is a plausible logit interval around rate for n messages.
func interval(rate float64, n uint64) (lower, upper *float64) {
	se := math.Sqrt(1.8*rate*(1-rate)/float64(n)) / (rate * (1 - rate))
	at := func(z float64) *float64 {
		l := math.Log(rate/(1-rate)) + z*se
		return ptr(1 / (1 + math.Exp(-l)))
	}
	return at(-1.96), at(1.96)
}

var exposureBins = [][2]uint16{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 7}, {8, 10}, {11, noUpperEnd}}

func engagementRows(channel, market, outcome string, size float64, rates []float64) []engagementRow {
	var list []engagementRow
	for i, rate := range rates {
		b := exposureBins[i]
		n := uint64(size * []float64{1, .92, .8, .66, .5, .55, .3, .12}[i])
		r := engagementRow{Channel: channel, Market: market, Outcome: outcome, From: b[0], To: b[1],
			Contacts: n/7 + 1, Messages: n, Outcomes: uint64(float64(n) * rate), Cutoff: cutoff}
		if r.Contacts < fewContacts || r.Outcomes < fewEvents {
			r.Suppressed = 1
		} else {
			r.Rate, r.DesignEffect = ptr(rate), ptr(1.8)
			r.Lower, r.Upper = interval(rate, n)
		}
		list = append(list, r)
	}
	return list
}

func optOutRows(market string, size float64, rates []float64) []optOutRow {
	bins := append([][2]uint16{{0, 0}}, exposureBins...)
	var list []optOutRow
	for i, rate := range rates {
		b := bins[i]
		n := uint64(size * []float64{1.2, 1, .9, .75, .6, .5, .5, .3, .1}[i])
		r := optOutRow{Market: market, From: b[0], To: b[1], Contacts: n/20 + 1, PersonDays: n, OptOuts: uint64(float64(n) * rate), Cutoff: cutoff}
		if r.Contacts < fewContacts || r.OptOuts < fewEvents {
			r.Suppressed = 1
		} else {
			r.Rate, r.DesignEffect = ptr(rate), ptr(1.02)
			r.Lower, r.Upper = interval(rate, n)
		}
		list = append(list, r)
	}
	return list
}

// spring is three months of one business: replies fall, opt-outs rise, markets differ in size.
func spring() rows {
	reply := []float64{.124, .121, .114, .106, .097, .088, .079, .071}
	open := []float64{.681, .676, .668, .655, .641, .62, .6, .574}
	leave := []float64{.00061, .00072, .00085, .00107, .00139, .0018, .00251, .0042, .0071}
	var engagement []engagementRow
	var optOut []optOutRow
	for _, channel := range []string{all, "whatsapp"} {
		engagement = append(engagement, engagementRows(channel, all, "click", 21000, []float64{.031, .03, .031, .029, .028, .027, .024, .022})...)
		engagement = append(engagement, engagementRows(channel, all, "open", 21000, open)...)
		engagement = append(engagement, engagementRows(channel, all, "reply", 24000, reply)...)
	}
	optOut = append(optOut, optOutRows(all, 60000, leave)...)
	for i, market := range []string{"AU", "ID", "KR", "PH", "TH", "TW", "VN"} {
		size := []float64{700, 7000, 900, 8200, 3600, 1500, 2800}[i]
		lift := []float64{.7, 1.1, .8, 1.15, .9, .85, 1}[i]
		var r, o []float64
		for k := range reply {
			r = append(r, reply[k]*lift)
		}
		for k := range leave {
			o = append(o, leave[k]/lift)
		}
		engagement = append(engagement, engagementRows(all, market, "reply", size, r)...)
		optOut = append(optOut, optOutRows(market, size*2.6, o)...)
	}
	at := func(day string) time.Time { return date(day).Add(9*time.Hour + 15*time.Minute) }
	return rows{
		"businesses":           []businessRow{{"Northwind Coffee"}},
		"windows":              []windowRow{{"Northwind Coffee", windowFrom, windowTo, cutoff, 200, 80}},
		"frequency_engagement": engagement,
		"frequency_opt_out":    optOut,
		"window_messages":      []messagesRow{{Contacts: 2984, Messages: 118402, Proactive: 103117, Responses: 15285, Failed: 2417, ExposureUnknown: 6120}},
		"arrivals": []arrivalRow{
			{"whatsapp", "delivered", 103310, 100121, 3189, 1402, at("2026-03-01"), at("2026-05-29")},
			{"whatsapp", "open", 71904, 69731, 2173, 998, at("2026-03-01"), at("2026-05-29")},
			{"whatsapp", "opt_out", 402, 391, 11, 3, at("2026-03-04"), at("2026-05-29")},
			{"whatsapp", "reply", 18020, 17534, 486, 211, at("2026-03-01"), at("2026-05-29")},
			{"whatsapp", "send", 121990, 118402, 3588, 1655, at("2026-03-01"), at("2026-05-29")},
		},
		"freshness": []freshnessRow{{"Northwind Coffee", 306179, cutoff, at("2026-06-02"), 0, &cutoff}},
	}
}
