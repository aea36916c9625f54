package simulate

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"drumbeat/ingest/canonical"
)

// script reads events, one a line: time, type, contact, message, and words of the kind key=value.
// The account's data begins on 1 January with an inbound message of nobody else.
func script(t *testing.T, text string) []canonical.Line {
	t.Helper()
	var lines []canonical.Line
	for row := range strings.Lines("2025-01-01T00:00:00Z reply zero hello\n" + text) {
		words := strings.Fields(row)
		if len(words) == 0 {
			continue
		}
		at, err := time.Parse(time.RFC3339, words[0])
		if err != nil {
			t.Fatal(err)
		}
		l := canonical.Line{EventTime: at, AccountID: "1", Channel: "whatsapp", Market: "PH", EventType: words[1], Address: words[2], MessageID: words[3]}
		if l.EventType == "send" {
			l.Purpose = "proactive"
		}
		if strings.HasPrefix(l.EventType, "opt_") {
			l.MessageID = ""
		}
		for _, w := range words[4:] {
			switch key, value, _ := strings.Cut(w, "="); key {
			case "quotes":
				l.InReplyTo = value
			case "purpose":
				l.Purpose = value
			case "by":
				l.Purpose, l.Author = "response", value
			case "tag":
				l.MessageTag = value
			case "category":
				l.Category = value
			case "campaign":
				l.CampaignID = value
			case "reason":
				l.Reason = value
			case "code":
				l.Provider, l.ErrorCode = "twilio", value
			default:
				t.Fatalf("unknown word %q", w)
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// measure also checks that neither order nor repetition matters.
func measure(t *testing.T, text string) Reference {
	t.Helper()
	lines := script(t, text)
	ref := Measure(slices.Values(lines))
	twice := append(slices.Clone(lines), lines...)
	slices.Reverse(twice)
	again := Measure(slices.Values(twice))
	if want := len(lines) + ref.Copies; again.Copies != want {
		t.Errorf("%d of %d lines count as copies, want %d", again.Copies, len(twice), want)
	}
	again.Copies, again.Lines = ref.Copies, ref.Lines
	if !reflect.DeepEqual(ref, again) {
		t.Errorf("the same lines backwards and twice:\n%+v\ninstead of\n%+v", again, ref)
	}
	return ref
}

func (ref Reference) exposures() (all []int) {
	for _, e := range ref.Exposures {
		for range e.Messages {
			all = append(all, e.Exposure)
		}
	}
	return all
}

func (ref Reference) totals(outcome string) (s Sums) {
	for _, c := range ref.Engagement {
		if c.Market == "all" && c.Outcome == outcome {
			s.Units += c.Units
			s.Outcomes += c.Outcomes
		}
	}
	return s
}

func TestExposure(t *testing.T) {
	f := func(want []int, text string) {
		t.Helper()
		if got := measure(t, text).exposures(); !slices.Equal(got, want) {
			t.Errorf("exposures are %v, want %v", got, want)
		}
	}
	// The message of 1 March 10:00 is just outside the week before that of the 8th.
	f([]int{1, 2, 3, 3}, `
		2025-03-01T10:00:00Z send a m1
		2025-03-02T10:00:00Z send a m2
		2025-03-02T18:00:00Z send a m3
		2025-03-08T10:00:00Z send a m4
		2025-03-08T10:00:00Z send a m4`)
	// A second earlier it is inside.
	f([]int{1, 2}, `
		2025-03-01T10:00:00Z send a m1
		2025-03-08T09:59:59Z send a m2`)
	// Responses and failures that stand count for nothing, a contradicted failure counts; others' sends do not.
	f([]int{1, 1, 2, 3}, `
		2025-03-01T10:00:00Z send a m1
		2025-03-01T11:00:00Z send a m2 purpose=response
		2025-03-01T12:00:00Z send a m3
		2025-03-01T12:00:01Z failed a m3
		2025-03-01T13:00:00Z send a m4
		2025-03-01T13:00:01Z failed a m4
		2025-03-01T15:00:00Z delivered a m4
		2025-03-01T16:00:00Z send a m5
		2025-03-01T16:00:00Z send b m6`)
	// The first seven days of the account are unknown, to the second.
	if ref := measure(t, `
		2025-01-07T23:59:59Z send a m1
		2025-01-08T00:00:00Z send a m2`); ref.UnknownExposure != 1 || !slices.Equal(ref.exposures(), []int{2}) {
		t.Errorf("%d unknown, exposures %v", ref.UnknownExposure, ref.exposures())
	}
}

func TestReplies(t *testing.T) {
	f := func(answers, outcomes int, text string) {
		t.Helper()
		ref := measure(t, text+"\n2025-05-01T00:00:00Z reply zero later")
		if got := ref.totals("reply"); ref.Replies != answers || got.Outcomes != outcomes {
			t.Errorf("%d answers and %d messages replied to, want %d and %d", ref.Replies, got.Outcomes, answers, outcomes)
		}
	}
	const sent = `
		2025-03-01T10:00:00Z send a m1
		2025-03-01T10:00:00Z delivered a m1
		`
	f(1, 1, sent+"2025-03-01T10:00:00Z reply a r1")
	f(1, 1, sent+"2025-03-02T09:59:59Z reply a r1")
	f(0, 0, sent+"2025-03-02T10:00:00Z reply a r1")
	f(0, 0, sent+"2025-03-01T09:59:59Z reply a r1")
	f(0, 0, sent+"2025-03-01T10:01:00Z reply b r1")
	// A quotation is exact however late, but in time for the rate only within the window.
	f(1, 1, sent+"2025-03-02T10:00:00Z reply a r1 quotes=m1")
	f(1, 0, sent+"2025-03-02T10:00:01Z reply a r1 quotes=m1")
	// What quotes a message that nobody knows answers no other.
	f(0, 0, sent+"2025-03-01T10:01:00Z reply a r1 quotes=m0")
	// Two replies to one message are one outcome.
	f(2, 1, sent+"2025-03-01T10:01:00Z reply a r1\n2025-03-01T10:02:00Z reply a r2")
	// The latest send takes the reply: another one, a response, but none that failed.
	f(1, 0, sent+"2025-03-01T11:00:00Z send a m2 purpose=response\n2025-03-01T11:01:00Z reply a r1")
	f(1, 1, sent+"2025-03-01T11:00:00Z send a m2\n2025-03-01T11:00:01Z failed a m2\n2025-03-01T11:01:00Z reply a r1")
}

func TestOpens(t *testing.T) {
	f := func(units, outcomes int, text string) {
		t.Helper()
		got := measure(t, text).totals("open")
		if got.Units != units || got.Outcomes != outcomes {
			t.Errorf("%d opens of %d messages, want %d of %d", got.Outcomes, got.Units, outcomes, units)
		}
	}
	const sent = `
		2025-03-01T10:00:00Z send a m1
		2025-03-01T10:00:00Z delivered a m1
		`
	const cutoff = "\n2025-03-08T10:00:00Z reply zero later"
	// The window closes on the cutoff; a second before, the message is too young.
	f(1, 0, sent+cutoff)
	f(0, 0, sent+"2025-03-08T09:59:59Z reply zero later")
	f(1, 1, sent+"2025-03-08T10:00:00Z open a m1")
	f(1, 0, sent+"2025-03-08T10:00:01Z open a m1")
	// Sent only, or failed: in no base. Opened only: in it.
	f(0, 0, "2025-03-01T10:00:00Z send a m1"+cutoff)
	f(0, 0, "2025-03-01T10:00:00Z send a m1\n2025-03-01T10:00:02Z failed a m1"+cutoff)
	f(1, 1, "2025-03-01T10:00:00Z send a m1\n2025-03-01T10:00:02Z open a m1"+cutoff)
	// A message whose send nobody saw is none.
	f(0, 0, "2025-03-01T10:00:00Z delivered a m1"+cutoff)
}

func TestDaysAtRisk(t *testing.T) {
	f := func(want []Dose, notAtRisk int, text string) {
		t.Helper()
		ref := measure(t, text)
		// The days of dose 0 are those of the account's first contact too.
		var got []Dose
		for _, d := range ref.Doses {
			if d.Dose > 0 || d.OptOuts > 0 {
				got = append(got, d)
			}
		}
		if !slices.Equal(got, want) || ref.NotAtRisk != notAtRisk {
			t.Errorf("days at risk by dose are %v and %d opt-outs are on none, want %v and %d", got, ref.NotAtRisk, want, notAtRisk)
		}
	}
	const later = "\n2025-03-20T00:00:00Z reply zero later"
	// In on the 1st at noon: at risk from the 2nd. A send on the 2nd is the dose of the 3rd to the 9th.
	f([]Dose{{1, 7, 0}}, 0, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1`+later)
	// A send at midnight belongs to the day that begins.
	f([]Dose{{1, 7, 0}}, 0, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T00:00:00Z send a m1`+later)
	// Who leaves on the 4th was at risk on it, with the dose of before; what is sent that day is none.
	f([]Dose{{1, 2, 1}}, 0, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1
		2025-03-04T09:00:00Z send a m2
		2025-03-04T10:00:00Z opt_out a -`+later)
	// Leaving ends a spell once; another opt-in begins another.
	f([]Dose{{1, 2 + 3, 2}}, 1, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1
		2025-03-04T10:00:00Z opt_out a -
		2025-03-05T10:00:00Z opt_out a -
		2025-03-06T10:00:00Z opt_in a -
		2025-03-09T10:00:00Z opt_out a -`+later)
	// Without an opt-in: from a week after the first fact.
	f([]Dose{{1, 1, 0}}, 0, `
		2025-03-02T00:00:00Z send a m1
		2025-03-02T00:00:01Z delivered a m1`+later)
	// Who left within that week is never at risk, until the next opt-in.
	f(nil, 1, `
		2025-03-02T10:00:00Z send a m1
		2025-03-05T10:00:00Z opt_out a -
		2025-03-05T10:00:01Z send a m2 purpose=response
		2025-03-12T10:00:00Z send a m3`+later)
	f([]Dose{{1, 1, 1}}, 1, `
		2025-03-02T10:00:00Z send a m1
		2025-03-05T10:00:00Z opt_out a -
		2025-03-05T11:00:00Z opt_in a -
		2025-03-05T12:00:00Z opt_in a -
		2025-03-06T10:00:00Z opt_out a -`+later)
	// Whose address does not exist is at risk from the day after a sign of life only; leaving before that is on no day at risk.
	f([]Dose{{1, 2 + 3, 1}}, 0, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1
		2025-03-04T10:00:00Z failed a m2 code=30005
		2025-03-06T00:00:00Z delivered a m1
		2025-03-09T10:00:00Z opt_out a -`+later)
	f([]Dose{{1, 2, 0}}, 1, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1
		2025-03-04T10:00:00Z failed a m2 code=21211
		2025-03-06T10:00:00Z opt_out a -`+later)
	// A failure of the same instant as a sign of life, and one that says nothing of the address.
	f([]Dose{{1, 4, 1}}, 0, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1
		2025-03-04T10:00:00Z failed a m2 code=21211
		2025-03-04T10:00:00Z delivered a m1
		2025-03-04T11:00:00Z failed a m3 code=30008
		2025-03-06T10:00:00Z opt_out a -`+later)
	// The last day counts only when it is over.
	f([]Dose{{1, 2, 0}}, 0, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1
		2025-03-05T00:00:00Z reply zero later`)
	f([]Dose{{1, 1, 0}}, 0, `
		2025-03-01T12:00:00Z opt_in a -
		2025-03-02T10:00:00Z send a m1
		2025-03-04T23:59:59Z reply zero later`)
}

// Of copies that differ the earliest counts, in whatever order they come.
func TestEarliestCopyCounts(t *testing.T) {
	ref := measure(t, `
		2025-03-01T10:00:00Z send a m1
		2025-03-09T10:00:01Z open a m1
		2025-03-08T10:00:00Z open a m1
		2025-03-01T10:00:00Z delivered a m1
		2025-05-01T10:00:00Z reply zero later`)
	if got := ref.totals("open"); got.Outcomes != 1 {
		t.Errorf("%d opens in time, want 1", got.Outcomes)
	}
}

func TestSumsAreByContact(t *testing.T) {
	ref := measure(t, `
		2025-03-01T10:00:00Z send a m1
		2025-03-01T10:00:00Z delivered a m1
		2025-03-01T10:00:01Z open a m1
		2025-03-15T10:00:00Z send a m2
		2025-03-15T10:00:00Z delivered a m2
		2025-03-15T10:00:01Z open a m2
		2025-03-29T10:00:00Z send a m3
		2025-03-29T10:00:01Z delivered a m3
		2025-03-01T10:00:00Z send b m4
		2025-03-01T10:00:00Z delivered b m4
		2025-03-01T10:00:01Z open b m4
		2025-05-01T10:00:00Z reply zero later`)
	want := Sums{Contacts: 2, Units: 4, Outcomes: 3, NN: 9 + 1, YY: 4 + 1, NY: 6 + 1}
	for _, c := range ref.Engagement {
		if c.Outcome == "open" && (c.From != 1 || c.Sums != want) {
			t.Errorf("%s: %+v, want %+v", c.Market, c, want)
		}
	}
}
