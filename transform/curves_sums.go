package transform

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"
)

const (
	priorGroups = 4
	cellCount   = priorGroups * len(bins)
	headCount   = 3 // contacts, units, outcomes
)

// marketSums are those of the cells of one market, by group of prior engagement and bin.
type marketSums struct {
	contacts, n, y [cellCount]float64
	groups         []*cellSums // by group of contacts; nil: no contact of the market
}

// cellSums are units and outcomes of one group of contacts.
type cellSums struct{ n, y [cellCount]float64 }

// curveKey names what one set of curves is of.
type curveKey struct{ business, dimension, segment, unit, outcome string }

func (k curveKey) compare(o curveKey) int {
	return cmp.Or(cmp.Compare(k.business, o.business), cmp.Compare(k.dimension, o.dimension), cmp.Compare(k.segment, o.segment),
		cmp.Compare(k.unit, o.unit), cmp.Compare(k.outcome, o.outcome))
}

// curveSums is what the model returns of one curveKey.
type curveSums struct {
	cutoff   time.Time
	byMarket map[string]*marketSums
	markets  []*marketSums // in the order of their names
	contacts [13]float64   // with known prior engagement: by bin, any, doses 1 to 3, 4 and more, either
	crude    moments
	within   moments
	placebo  moments
	lagged   moments
	against  [len(bins)]moments
}

// moments are sums over the contacts of each group: contacts, units and outcomes, then those of a vector.
type moments [][]float64

// add adds the sums of a group of contacts.
func (m *moments) add(group int, heads, vector []float64) {
	*m = grown(*m, group)
	if (*m)[group] == nil {
		(*m)[group] = make([]float64, len(heads)+len(vector))
	}
	for i, v := range heads {
		(*m)[group][i] += v
	}
	for i, v := range vector {
		(*m)[group][len(heads)+i] += v
	}
}

func grown[T any](s []T, last int) []T {
	if last < len(s) {
		return s
	}
	return append(s, make([]T, last+1-len(s))...)
}

// sums returns those of all groups, nil if no contact counts.
func (m moments) sums() []float64 {
	var all []float64
	for _, group := range m {
		all = grown(all, len(group)-1)
		for i, v := range group {
			all[i] += v
		}
	}
	if all == nil || all[0] == 0 {
		return nil
	}
	return all
}

// variance is that of an estimate whose error is the sum of score times the vector; clusters are the groups whose contacts count.
func (m moments) variance(score ...float64) (variance float64, clusters uint64) {
	for _, group := range m {
		if group == nil {
			continue
		}
		e := 0.0
		for i, x := range score {
			e += x * group[headCount+i]
		}
		variance += e * e
		if group[0] > 0 {
			clusters++
		}
	}
	return scaled(variance, clusters)
}

// scaled is a sum of squares of groups that add up to 0, as CR1 has it.
func scaled(squares float64, clusters uint64) (variance float64, same uint64) {
	return squares * float64(clusters) / math.Max(1, float64(clusters)-1), clusters
}

var (
	unitNames = [2]string{"message", "person_day"}
	// outcomeNames are those of the outcomes 1, 2, ... of the model.
	outcomeNames = [5]string{"open", "click", "reply", "any", "opt_out"}
)

// place is a group of contacts of one business, market and channel, and what segments their units belong to.
type place struct {
	business, market, channel string
	group                     uint8
	cutoff                    time.Time
	dimensions, names         []string // of the segments, side by side
	segments                  [len(unitNames)][len(outcomeNames)][]*curveSums
}

// places returns those of the units in a table by number.
func (r *run) places(ctx context.Context, sql string, params []any) (map[uint64]*place, error) {
	rows, err := r.db.Query(ctx, sql, params...)
	if err != nil {
		return nil, fmt.Errorf("find the groups of contacts: %w", err)
	}
	defer rows.Close()
	found := map[uint64]*place{}
	for rows.Next() {
		var number uint64
		p := &place{}
		if err := rows.Scan(&number, &p.business, &p.market, &p.channel, &p.group, &p.cutoff, &p.dimensions, &p.names); err != nil {
			return nil, fmt.Errorf("find the groups of contacts: %w", err)
		}
		found[number] = p
	}
	return found, rows.Err()
}

// of returns the sums of the segments that a place belongs to, and makes those that are new.
func (all allCurves) of(p *place, isDay, outcome uint8) []*curveSums {
	found := &p.segments[isDay][outcome-1]
	if *found == nil {
		for i, dimension := range p.dimensions {
			key := curveKey{p.business, dimension, p.names[i], unitNames[isDay], outcomeNames[outcome-1]}
			s := all[key]
			if s == nil {
				s = &curveSums{cutoff: p.cutoff, byMarket: map[string]*marketSums{}}
				all[key] = s
			}
			s.market(p.market, int(p.group))
			*found = append(*found, s)
		}
	}
	return *found
}

// allCurves are the sums of every segment.
type allCurves map[curveKey]*curveSums

// add adds the sums of the units in a table, by cell, by outcome and by bin.
func (all allCurves) add(ctx context.Context, r *run, statements []string, places map[uint64]*place) error {
	var number uint64
	var isDay, outcome uint8
	// each reads the sums of a statement into dest and adds them to the segments of their contacts.
	each := func(statement string, dest []any, add func(s *curveSums, p *place)) error {
		rows, err := r.db.Query(ctx, statement)
		if err != nil {
			return fmt.Errorf("compute: %w", err)
		}
		defer rows.Close()
		dest = append([]any{&number, &isDay, &outcome}, dest...)
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				return fmt.Errorf("read the sums: %w", err)
			}
			p, ok := places[number]
			if !ok { // its business has no coverage
				continue
			}
			for _, s := range all.of(p, isDay, outcome) {
				add(s, p)
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("compute: %w", err)
		}
		return nil
	}
	var cell, bin uint8
	var contacts, units, out uint64
	if err := each(statements[sumsByCell], []any{&cell, &contacts, &units, &out}, func(s *curveSums, p *place) {
		s.byMarket[p.market].addCell(int(p.group), int(cell), float64(contacts), float64(units), float64(out))
	}); err != nil {
		return err
	}
	var counts []uint64
	var ratios []float64
	if err := each(statements[sumsByOutcome], []any{&counts, &ratios}, func(s *curveSums, p *place) {
		s.addContacts(int(p.group), counts, ratios)
	}); err != nil {
		return err
	}
	var excess, weight float64
	return each(statements[sumsByBin], []any{&bin, &contacts, &units, &out, &excess, &weight}, func(s *curveSums, p *place) {
		s.against[bin].add(int(p.group), []float64{float64(contacts), float64(units), float64(out)}, []float64{excess, weight})
	})
}

// market returns the sums of a market, which has a contact in the group.
func (s *curveSums) market(name string, group int) *marketSums {
	m := s.byMarket[name]
	if m == nil {
		m = &marketSums{}
		s.byMarket[name] = m
	}
	if m.groups = grown(m.groups, group); m.groups[group] == nil {
		m.groups[group] = &cellSums{}
	}
	return m
}

func (m *marketSums) addCell(group, cell int, contacts, n, y float64) {
	m.contacts[cell] += contacts
	m.n[cell] += n
	m.y[cell] += y
	m.groups[group].n[cell] += n
	m.groups[group].y[cell] += y
}

// addContacts adds what the model's header says of counts and ratios.
func (s *curveSums) addContacts(group int, counts []uint64, ratios []float64) {
	next := 0
	take := func(n int) []float64 {
		taken := make([]float64, n)
		for i := range taken {
			taken[i] = float64(counts[next+i])
		}
		next += n
		return taken
	}
	for i, v := range take(len(s.contacts)) {
		s.contacts[i] += v
	}
	all := take(6) // contacts, n, k, k^2, y, k y
	s.crude.add(group, []float64{all[0], all[1], all[4]}, []float64{all[2], all[3], all[5], all[1], all[4]})
	s.within.add(group, take(headCount), ratios[:2])
	s.placebo.add(group, take(headCount), ratios[2:11])
	s.lagged.add(group, take(headCount), ratios[11:])
}
