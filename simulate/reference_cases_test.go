package simulate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// told writes a case down: where it begins, who began it, its messages, nudges, the minutes to the first responses by anybody, a human
// and a bot, and what else became of it.
func (c Case) told() string {
	minutes := func(at time.Time) string {
		if at.IsZero() {
			return "-"
		}
		return fmt.Sprint(at.Sub(c.Began).Minutes())
	}
	marks := []string{c.Began.Format("02T15:04"), "business"}
	if c.ByContact {
		marks[1] = "contact"
	}
	marks = append(marks, fmt.Sprintf("%d+%d/%d", c.Inbound, c.Outbound, c.Turns), minutes(c.Answered), minutes(c.ByHuman), minutes(c.ByBot))
	if c.Nudges > 0 {
		marks = append(marks, fmt.Sprintf("nudges=%d", c.Nudges))
	}
	if !c.Expired.IsZero() {
		marks = append(marks, "expired="+c.Expired.Format("02T15:04"))
	}
	if c.Later > 0 {
		marks = append(marks, fmt.Sprintf("later=%d", c.Later))
	}
	if c.RepeatKnown {
		marks = append(marks, "known")
	}
	if !c.Repeated.IsZero() {
		marks = append(marks, "repeated")
	}
	return strings.Join(marks, " ")
}

const muchLater = "\n2025-05-01T00:00:00Z reply zero later"

func TestCases(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, c := range measure(t, text+muchLater).Conversations.Cases {
			if c.Address == "a" {
				got = append(got, c.told())
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("cases are\n%s\nwant\n%s\nof%s", strings.Join(got, "\n"), strings.Join(want, "\n"), text)
		}
	}
	// A bot, then a human; the contact says goodbye, whose window ends later.
	f(`
		2025-03-03T10:00:00Z reply a q1
		2025-03-03T10:01:00Z send a m1 by=bot
		2025-03-03T10:05:00Z reply a q2
		2025-03-03T10:30:00Z send a m2 by=human
		2025-03-03T10:40:00Z reply a q3`, "03T10:00 contact 3+2/5 1 30 1 later=1")
	// Acknowledgements, broadcasts and what failed answer nothing; a delivery contradicts a failure. Nudges come more than 10 minutes after the first.
	f(`
		2025-03-03T10:00:00Z reply a q1
		2025-03-03T10:00:02Z send a m1 by=bot tag=auto_acknowledgement
		2025-03-03T10:05:00Z send a m2 campaign=sale
		2025-03-03T10:10:00Z reply a q2
		2025-03-03T10:11:00Z reply a q3
		2025-03-03T11:00:00Z send a m3 by=human
		2025-03-03T11:00:01Z failed a m3
		2025-03-03T12:00:00Z send a m4 by=human
		2025-03-03T12:00:01Z failed a m4
		2025-03-03T12:00:02Z delivered a m4`, "03T10:00 contact 3+1/2 120 120 - nudges=1 known")
	// Who is told by nobody: an answer by anybody. A purpose that is not told is a response without marks.
	f(`
		2025-03-03T10:00:00Z reply a q1
		2025-03-03T11:00:00Z send a m1 purpose=
		2025-03-03T12:00:00Z send a m2 purpose= category=utility`, "03T10:00 contact 1+1/2 60 - - known")
	// 24 hours after the last message a case is over, to the second; a second before it is not. The next one within 72 h is a repeat,
	// unless it answers a message of ours, or an unanswered turn keeps the case open.
	const asked = `
		2025-03-03T10:00:00Z reply a q1
		2025-03-03T11:00:00Z send a m1 by=human
		`
	f(asked+"2025-03-04T10:59:59Z reply a q2", "03T10:00 contact 2+1/3 60 60 - later=1")
	f(asked+"2025-03-04T11:00:00Z reply a q2", "03T10:00 contact 1+1/2 60 60 - known repeated", "04T11:00 contact 1+0/1 - - - expired=05T11:00")
	f(asked+"2025-03-06T11:00:00Z reply a q2", "03T10:00 contact 1+1/2 60 60 - known", "06T11:00 contact 1+0/1 - - - expired=07T11:00")
	f(asked+"2025-03-05T09:00:00Z send a m2\n2025-03-05T10:00:00Z reply a q2", "03T10:00 contact 1+1/2 60 60 - known", "05T10:00 business 1+0/1 - - - expired=06T10:00")
	f(asked+"2025-03-05T10:00:00Z reply a q2 quotes=m1", "03T10:00 contact 1+1/2 60 60 - known repeated", "05T10:00 contact 1+0/1 - - - expired=06T10:00")
	// An unanswered turn keeps its case open for 7 days from its first message, however often the contact writes again; what comes then is no response.
	f(`
		2025-03-03T10:00:00Z reply a q1
		2025-03-08T10:00:00Z reply a q2
		2025-03-10T09:59:59Z reply a q3
		2025-03-10T10:00:00Z send a m1 by=human`, "03T10:00 contact 3+1/2 - - - nudges=2 expired=04T10:00 known")
	f(`
		2025-03-03T10:00:00Z reply a q1
		2025-03-10T10:00:00Z reply a q2`, "03T10:00 contact 1+0/1 - - - expired=04T10:00", "10T10:00 contact 1+0/1 - - - expired=11T10:00")
	// STOP asks nothing.
	f(`
		2025-03-03T10:00:00Z reply a q1
		2025-03-03T10:00:59Z opt_out a - reason=keyword
		2025-03-04T10:00:00Z reply a q2
		2025-03-04T10:01:00Z opt_out a - reason=keyword`, "04T10:00 contact 1+0/1 - - - expired=05T10:00")
}

func TestPains(t *testing.T) {
	f := func(want, text string) {
		t.Helper()
		var got []string
		for _, w := range measure(t, text+muchLater).Conversations.Weeks {
			if w.Address != "a" {
				continue
			}
			for pain, n := range w.AtRisk {
				if n > 0 {
					got = append(got, fmt.Sprintf("%s:%s=%d/%d", w.Week.Format("02"), Pains[pain], w.Hits[pain], n))
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("pains are %s\nwant %s of%s", strings.Join(got, " "), want, text)
		}
	}
	// Slow: more than an hour, within a day. The week is that in which the day is over.
	f("03:no_reply=0/1 03:slow_reply=1/1 03:nudged=0/1 03:window_expired=0/1 03:failed_delivery=0/1 10:repeat_contact=0/1", `
		2025-03-08T10:00:00Z reply a q1
		2025-03-08T11:00:01Z send a m1 by=human`)
	f("03:failed_delivery=0/1 10:no_reply=0/1 10:slow_reply=0/1 10:repeat_contact=0/1 10:nudged=0/1 10:window_expired=0/1", `
		2025-03-09T10:00:00Z reply a q1
		2025-03-09T11:00:00Z send a m1 by=bot`)
	// None within the day is no reply, whatever comes then; the expiry has a week of its own.
	f("03:no_reply=1/1 03:slow_reply=0/1 03:nudged=1/1 10:repeat_contact=0/1 10:window_expired=1/1 10:failed_delivery=0/1", `
		2025-03-08T10:00:00Z reply a q1
		2025-03-09T01:00:00Z reply a q2
		2025-03-10T10:00:00Z send a m1 by=human`)
	// Three in a local day are too many by the third, six in a local week by the sixth; Manila is 8 hours ahead.
	f("24:failed_delivery=0/1 24:too_many_messages=0/1 24:night_message=0/1 24:message_after_opt_out=0/1 03:failed_delivery=0/6 03:too_many_messages=2/6 03:night_message=1/6 03:message_after_opt_out=0/6", `
		2025-03-02T12:00:00Z send a m0
		2025-03-03T01:00:00Z send a m1
		2025-03-03T02:00:00Z send a m2
		2025-03-03T03:00:00Z send a m3
		2025-03-04T02:00:00Z send a m4
		2025-03-05T13:00:00Z send a m5
		2025-03-07T02:00:00Z send a m6`)
	// After an opt-out only marketing is wrong, and only until the next opt-in. An instant later is later.
	f("03:failed_delivery=0/4 03:too_many_messages=0/4 03:night_message=0/4 03:message_after_opt_out=1/3", `
		2025-03-03T02:00:00Z opt_out a -
		2025-03-03T02:00:00Z send a m1
		2025-03-04T02:00:00Z send a m2
		2025-03-05T02:00:00Z send a m3 category=utility
		2025-03-06T02:00:00Z opt_in a -
		2025-03-06T02:00:00Z send a m4`)
	// Ten that were not opened, where opens are told; the eleventh is too many. Failures count once they are known, and count for nothing else.
	var sends strings.Builder
	for day := 3; day <= 24; day += 2 {
		fmt.Fprintf(&sends, "2025-03-%02dT02:00:00Z send a m%d\n", day, day)
	}
	const marks = ":failed_delivery=0/%d %s:too_many_messages=%d/%d %s:night_message=0/%d %s:message_after_opt_out=0/%d"
	week := func(monday string, n, tooMany int) string {
		return monday + fmt.Sprintf(marks, n, monday, tooMany, n, monday, n, monday, n)
	}
	quiet := strings.Join([]string{week("03", 4, 0), week("10", 3, 0), week("17", 4, 1)}, " ")
	f(quiet, sends.String()+"2025-03-01T02:00:00Z send b m1\n2025-03-01T02:00:01Z open b m1")
	f(strings.Replace(quiet, "17:too_many_messages=1", "17:too_many_messages=0", 1), sends.String())
	f("03:failed_delivery=1/1", "2025-03-03T02:00:00Z send a m1\n2025-03-03T02:00:01Z failed a m1")
	// Irrelevant: an opt-out within an hour after the open, no other message between, and no answer before.
	const opened = `
		2025-03-03T02:00:00Z send a m1
		2025-03-04T02:00:00Z open a m1
		`
	g := func(hits int, text string) {
		t.Helper()
		for _, w := range measure(t, opened+text+muchLater).Conversations.Weeks {
			if w.Address == "a" && w.AtRisk[painIrrelevant] > 0 && w.Hits[painIrrelevant] != hits {
				t.Errorf("irrelevant: %d hits, want %d of%s", w.Hits[painIrrelevant], hits, text)
			}
		}
	}
	g(1, "2025-03-04T03:00:00Z opt_out a -")
	g(0, "2025-03-04T03:00:01Z opt_out a -")
	g(0, "2025-03-04T01:59:59Z opt_out a -")
	g(0, "2025-03-04T02:01:00Z reply a r1 quotes=m1\n2025-03-04T02:30:00Z opt_out a -")
	g(0, "2025-03-03T02:01:00Z reply a r1\n2025-03-04T02:30:00Z opt_out a -")
	g(1, "2025-03-03T02:01:00Z reply a r1 quotes=m0\n2025-03-04T02:30:00Z opt_out a -")
	g(0, "2025-03-04T02:10:00Z send a m2\n2025-03-04T02:30:00Z opt_out a -")
}

func TestFrequency(t *testing.T) {
	f := func(want, text string) {
		t.Helper()
		var got []string
		for _, n := range measure(t, "2025-03-01T02:00:00Z send a m1\n"+text+"\n2025-04-30T12:00:00Z reply zero later").Conversations.Frequency {
			if n.Market == "all" && n.Category != "monthly" {
				got = append(got, fmt.Sprintf("%s=%d", n.Category, n.Contacts))
			}
		}
		// The account's first contact has written, but not lately.
		if strings.Join(got, " ") != want {
			t.Errorf("contacts are %s, want %s of\n%s", strings.Join(got, " "), want, text)
		}
	}
	days := func(n, times int) string {
		var text strings.Builder
		for day := range n {
			for k := range times {
				fmt.Fprintf(&text, "2025-04-%02dT%02d:00:00Z reply a q%d-%d\n", 3+day, 4+k, day, k)
			}
		}
		return text.String()
	}
	f("less often=1 never=1", "")
	f("less often=2", "2025-03-10T02:00:00Z reply a q1")
	f("every 2-3 weeks=1 less often=1", days(2, 3))
	f("less often=1 weekly=1", days(3, 1))
	f("less often=1 several times a week=1", days(6, 1))
	f("daily=1 less often=1", days(20, 1))
	f("less often=1 several times a day=1", days(20, 2))
	// What answers a message of ours does not count, nor what lies outside the 28 days; local midnight parts two days.
	f("less often=1 never=1", "2025-04-10T02:00:00Z send a m2\n2025-04-10T03:00:00Z reply a q1")
	f("every 2-3 weeks=1 less often=1", "2025-04-10T15:59:59Z reply a q1\n2025-04-10T16:00:00Z reply a q2")
	f("less often=2", "2025-04-01T23:59:59Z reply a q1\n2025-04-30T00:00:00Z reply a q2")
}
