package transform

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"drumbeat/transform/stats"

	"github.com/google/uuid"
)

// The authors and clocks of first responses, in the order of waitingCase.
var (
	responders = [3]string{"any", "human", "bot"}
	clocks     = [2]string{"wall", "business"}
)

// What is told of a curve of first responses: shares answered within so many seconds, and quantiles.
var (
	responseWithin = []uint32{300, 900, 3600, 86400}
	responseShares = []float64{.5, .9}
)

// waitingCase is a case as first_response returns it, in little room.
type waitingCase struct {
	contact     int // of the business, from 0
	places      [5]string
	waits       [len(clocks) * len(responders)]uint32 // ms
	answered    [len(responders)]bool
	hasCalendar bool
}

// responseDimensions are the places of a case, behind `all`.
var responseDimensions = [5]string{"market", "channel", "week", "weekday", "hour"}

// fillFirstResponse computes the curves of a business at a time: it holds its cases, at about 150 bytes each.
func fillFirstResponse(ctx context.Context, r *run, m model, staging string, w Window) error {
	sql, err := query(m.relation)
	if err != nil {
		return err
	}
	rows, err := r.db.Query(ctx, sql, w.params()...)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	defer rows.Close()
	var staged [][]any
	var cases []waitingCase
	var business string
	var cutoff time.Time
	var contact uuid.UUID
	finish := func() error {
		if len(cases) == 0 {
			return nil
		}
		own, err := responseRows(cases)
		if err != nil {
			return err
		}
		for _, row := range own {
			staged = append(staged, append([]any{business, w.From, w.To, cutoff}, row...))
		}
		cases = cases[:0]
		return nil
	}
	words := map[string]string{} // each once
	once := func(s string) string {
		if word, ok := words[s]; ok {
			return word
		}
		s = strings.Clone(s)
		words[s] = s
		return s
	}
	for rows.Next() {
		var of, market, channel string
		var cut, week time.Time
		var id uuid.UUID
		var weekday, hour, hasCalendar uint8
		var answered []uint8
		var waits []uint32
		if err := rows.Scan(&of, &cut, &id, &market, &channel, &week, &weekday, &hour, &hasCalendar, &answered, &waits); err != nil {
			return fmt.Errorf("read a case: %w", err)
		}
		if of != business {
			if err := finish(); err != nil {
				return err
			}
			business, cutoff = of, cut
		}
		c := waitingCase{hasCalendar: hasCalendar != 0}
		if n := len(cases); n > 0 {
			c.contact = cases[n-1].contact
			if id != contact {
				c.contact++
			}
		}
		contact = id
		c.places = [5]string{once(market), once(channel), once(week.Format(time.DateOnly)), once(fmt.Sprint(weekday)), once(fmt.Sprintf("%02d", hour))}
		for i, a := range answered {
			c.answered[i] = a != 0
		}
		copy(c.waits[:], waits)
		cases = append(cases, c)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	if err := finish(); err != nil {
		return err
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, author, clock, measure, at_s, at_share,
contacts, cases, answered, calendar_cases, observed_s, suppressed, estimate, std_error, lower, upper, why`, staged)
}

// responseRows returns the rows of one business, from the dimension on. Cases are in order of contacts.
func responseRows(cases []waitingCase) (rows [][]any, err error) {
	all := make([]int, len(cases))
	for i := range all {
		all[i] = i
	}
	add := func(dimension, segment string, members []int) {
		for a := range responders {
			for k := range clocks {
				own, fault := responseCurve(cases, members, a, k)
				if fault != nil && err == nil {
					err = fmt.Errorf("%s %q: %w", dimension, segment, fault)
				}
				for _, row := range own {
					rows = append(rows, append([]any{dimension, segment, responders[a], clocks[k]}, row...))
				}
			}
		}
	}
	add("all", "", all)
	for d, dimension := range responseDimensions {
		members := map[string][]int{}
		for i, c := range cases {
			members[c.places[d]] = append(members[c.places[d]], i)
		}
		var segments []string
		for segment := range members {
			segments = append(segments, segment)
		}
		slices.Sort(segments)
		for _, segment := range segments {
			add(dimension, segment, members[segment])
		}
	}
	return rows, err
}

// responseCurve returns the rows of one author and clock, from the measure on.
func responseCurve(cases []waitingCase, members []int, author, clock int) (rows [][]any, err error) {
	subjects, clusters := make([]stats.Subject, len(members)), make([]int, len(members))
	var contacts, answered, withCalendar uint64
	var longest uint32
	for i, at := range members {
		c := cases[at]
		wait := c.waits[clock*len(responders)+author]
		longest = max(longest, wait)
		subjects[i].Exit = float64(wait) / 1000
		if c.answered[author] {
			subjects[i].Cause = 1
			answered++
		}
		if c.hasCalendar {
			withCalendar++
		}
		if i > 0 && cases[members[i-1]].contact == c.contact {
			clusters[i] = clusters[i-1]
		} else {
			clusters[i] = int(contacts)
			contacts++
		}
	}
	suppressed := contacts < fewestContacts || answered < fewestOutcomes
	var curve stats.Curve
	if !suppressed {
		if curve, err = stats.ClusteredKaplanMeier(subjects, clusters); err != nil {
			return nil, err
		}
	}
	note := ""
	if clock == 1 && withCalendar < uint64(len(members)) {
		note = "no calendar: wall-clock time"
		if withCalendar > 0 {
			note = "wall-clock time where a market has no calendar"
		}
	}
	row := func(measure string, atS uint32, atShare float64, estimate, stdError, lower, upper *float64, why string) {
		if suppressed {
			why = tooFewResponses
		}
		rows = append(rows, []any{measure, atS, atShare, contacts, uint64(len(members)), answered, withCalendar, float64(longest) / 1000,
			flag(suppressed), estimate, stdError, lower, upper, why})
	}
	for _, s := range responseWithin {
		var estimate, stdError, lower, upper *float64
		why := note
		if point, ok := curve.At(float64(s)); !suppressed && ok {
			share := 1 - point.Share
			estimate = &share
			if point.HasInterval {
				stdError, lower, upper = &point.StdError, new(1-point.Upper), new(1-point.Lower)
			}
		} else if !suppressed {
			why = "no case was watched so long"
		}
		row("within", s, 0, estimate, stdError, lower, upper, why)
	}
	for _, p := range responseShares {
		var estimate, lower, upper *float64
		why := note
		if !suppressed {
			q := curve.Quantile(p)
			for _, l := range []struct {
				limit stats.TimeLimit
				to    **float64
			}{{q.Time, &estimate}, {q.Lower, &lower}, {q.Upper, &upper}} {
				if l.limit.Reached {
					*l.to = &l.limit.Time
				}
			}
			if estimate == nil {
				why = "beyond the longest time watched"
			}
		}
		row("quantile", 0, p, estimate, nil, lower, upper, why)
	}
	return rows, nil
}

const tooFewResponses = "fewer than 30 contacts or 5 answered cases"
