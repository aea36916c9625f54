package transform

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	responseWithin = []uint32{60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600, 48 * 3600, 72 * 3600}
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
	sql, err := r.query(ctx, m.relation, w)
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

// responseRows returns the rows of one business, from the dimension on.
func responseRows(cases []waitingCase) (rows [][]any, err error) {
	type key struct {
		dimension int // -1: all
		segment   string
	}
	order := make([]int, len(cases))
	contacts := newNumbering(cases)
	for a := range responders {
		for k := range clocks {
			// Sorted once, each segment gets its cases in order of their waits.
			wait := func(i int) uint32 { return cases[i].waits[k*len(responders)+a] }
			for i := range order {
				order[i] = i
			}
			slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(wait(i), wait(j)), cmp.Compare(i, j)) })
			members := map[key][]int{{-1, ""}: order}
			for d := range responseDimensions {
				of := map[string][]int{}
				for _, i := range order {
					of[cases[i].places[d]] = append(of[cases[i].places[d]], i)
				}
				for segment, own := range of {
					members[key{d, segment}] = own
				}
			}
			keys := slices.SortedFunc(maps.Keys(members), func(x, y key) int {
				return cmp.Or(cmp.Compare(x.dimension, y.dimension), strings.Compare(x.segment, y.segment))
			})
			for _, of := range keys {
				dimension := "all"
				if of.dimension >= 0 {
					dimension = responseDimensions[of.dimension]
				}
				own, err := responseCurve(cases, members[of], contacts, a, k)
				if err != nil {
					return nil, fmt.Errorf("%s %q: %w", dimension, of.segment, err)
				}
				for _, row := range own {
					rows = append(rows, append([]any{dimension, of.segment, responders[a], clocks[k]}, row...))
				}
			}
		}
	}
	return rows, nil
}

// numbering gives the contacts of a segment numbers from 0.
type numbering struct {
	number []int // by contact
	given  []bool
}

func newNumbering(cases []waitingCase) *numbering {
	n := 0
	for _, c := range cases {
		n = max(n, c.contact+1)
	}
	return &numbering{make([]int, n), make([]bool, n)}
}

// clusters returns the cluster of each member, and how many there are.
func (n *numbering) clusters(cases []waitingCase, members []int) (clusters []int, count int) {
	clusters = make([]int, len(members))
	for _, at := range members {
		n.given[cases[at].contact] = false
	}
	for i, at := range members {
		c := cases[at].contact
		if !n.given[c] {
			n.given[c], n.number[c] = true, count
			count++
		}
		clusters[i] = n.number[c]
	}
	return clusters, count
}

// responseCurve returns the rows of one author and clock, from the measure on. Members are in order of their waits.
func responseCurve(cases []waitingCase, members []int, numbers *numbering, author, clock int) (rows [][]any, err error) {
	subjects := make([]stats.Subject, len(members))
	clusters, distinct := numbers.clusters(cases, members)
	contacts := uint64(distinct)
	var answered, withCalendar uint64
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
