package transform_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"drumbeat/transform"
	"drumbeat/warehouse/warehousetest"
)

func TestConversationScenarios(t *testing.T) { testScenarios(t, "conversations", ofConversations) }

// Customers' first tweets to companies and the first tweet that answers each; each is a contact of its own. The figures are
// those of R's survival.
func TestFirstResponseOfTweets(t *testing.T) {
	tweets := table(t, "twcs_sample", "twcs_events.csv.gz")
	written := map[string]time.Time{}
	outbound := map[string]bool{}
	var last time.Time
	for i, id := range tweets["tweet_id"] {
		at, err := time.Parse(time.RFC3339, tweets["created_at_utc"][i])
		if err != nil {
			t.Fatal(err)
		}
		written[id], outbound[id] = at, tweets["inbound"][i] == "0"
		if at.After(last) {
			last = at
		}
	}
	events := []event{newEvent(last, "opt_in", "c0", "")}
	cases, answered, late := 0, 0, 0
	for i, id := range tweets["tweet_id"] {
		if outbound[id] || tweets["in_response_to_tweet_id"][i] != "" {
			continue
		}
		cases++
		contact := fmt.Sprintf("c%d", cases)
		events = append(events, newEvent(written[id], "reply", contact, fmt.Sprintf("r%d", cases)))
		var first time.Time
		for answer := range strings.SplitSeq(tweets["response_tweet_ids"][i], "|") {
			if at := written[answer]; outbound[answer] && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		if first.IsZero() {
			continue
		}
		answered++
		if first.Sub(written[id]) >= 7*24*time.Hour {
			late++ // no first response: the case was closed
		}
		send := newEvent(first, "send", contact, fmt.Sprintf("m%d", cases))
		send["author"] = "human"
		events = append(events, send)
	}
	if cases != 1285 || answered != 1153 {
		t.Fatalf("%d cases, %d answered", cases, answered)
	}
	db := warehousetest.New(t)
	insert(t, db, events)
	runJob(t, db, "conversations", transform.Window{From: date(t, "2011-01-01"), To: date(t, "2017-12-04")})
	for _, author := range []string{"any", "human"} {
		for _, clock := range []string{"wall", "business"} {
			var rows []struct {
				Measure  string  `ch:"measure"`
				AtS      uint32  `ch:"at_s"`
				AtShare  float64 `ch:"at_share"`
				Cases    uint64  `ch:"cases"`
				Answered uint64  `ch:"answered"`
				Estimate float64 `ch:"estimate"`
				StdError float64 `ch:"std_error"`
				Lower    float64 `ch:"lower"`
				Upper    float64 `ch:"upper"`
			}
			err := db.Select(t.Context(), &rows, `
SELECT measure, at_s, at_share, cases, answered, assumeNotNull(estimate) AS estimate, ifNull(std_error, 0) AS std_error, assumeNotNull(lower) AS lower, ifNull(upper, 0) AS upper
FROM first_response WHERE dimension = 'all' AND author = '`+author+`' AND clock = '`+clock+`' AND suppressed = 0`)
			if err != nil || len(rows) != 13 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			for _, r := range rows {
				if r.Cases != 1285 || r.Answered != uint64(answered-late) {
					t.Fatalf("%d cases, %d answered within 7 days; want %d", r.Cases, r.Answered, answered-late)
				}
				want, stdError, slack := 0., 0., 1e-9
				switch {
				case r.AtShare == .5:
					want, slack = 925, 0
				case r.AtS == 900:
					want, stdError = .4964980545, .0139478667
				case r.AtS == 3600:
					want, stdError = .6887159533, .0129165622
				case r.AtS == 86400:
					want, stdError = .8700389105, .0093804667
				default:
					continue
				}
				transform.CloseTo(t, r.Measure, r.Estimate, want, slack)
				transform.CloseTo(t, "its standard error", r.StdError, stdError*1.000389333, 1e-8) // of 1285 clusters
				if !(r.Lower < want && want < r.Upper) {
					t.Errorf("%s: limits %v and %v", r.Measure, r.Lower, r.Upper)
				}
			}
		}
	}
}
