package transform

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// What a consentFact is; the values are their order at equal times.
const (
	optedIn uint8 = iota
	blocked
	optedOut
	tokenUse
)

const (
	oneTime     = "one_time" // topic of one-time tokens
	allTopics   = "all"      // topic of consents to all marketing
	oneTimeLife = 365 * day  // of a one-time token that tells no expiry
)

// consentFact is a row of the model consents.
type consentFact struct {
	Business  string     `ch:"business_id"`
	Contact   uuid.UUID  `ch:"contact_id"`
	Channel   string     `ch:"channel"`
	At        time.Time  `ch:"at"`
	What      uint8      `ch:"what"`
	Topic     string     `ch:"topic"`
	Promise   string     `ch:"promise"`
	ExpiresAt *time.Time `ch:"expires_at"`
	Source    string     `ch:"source"`
	OwnMarket string     `ch:"own_market"`
	AnyMarket string     `ch:"any_market"`
	Zone      string     `ch:"zone"`
	Reason    string     `ch:"reason"`
	MessageID uint64     `ch:"message_id"`
	Cutoff    time.Time  `ch:"cutoff"`
	AsOf      time.Time  `ch:"as_of"`
}

// spell is one consent from its beginning to its end.
type spell struct {
	Topic, Promise, Source, Market, Zone, Begun string
	From, To                                    time.Time
	Ended, Reason                               string
	Renewals                                    []time.Time
	ExpiresAt                                   *time.Time
	UsedBy                                      uint64
}

func (s *spell) end(at time.Time, how, reason string) { s.To, s.Ended, s.Reason = at, how, reason }

// told takes over what an opt-in says.
func (s *spell) told(f consentFact) {
	if f.ExpiresAt != nil && f.ExpiresAt.After(f.At) {
		s.ExpiresAt = f.ExpiresAt
	}
	if f.Zone != "" {
		s.Zone = f.Zone
	}
	if s.Market == "" {
		s.Market = f.OwnMarket
	}
	if f.Promise != "" {
		s.Promise = f.Promise
	}
}

// consentSpells returns the spells of a contact on a channel, whose facts are in their order.
func consentSpells(facts []consentFact) []*spell {
	var all, running []*spell // running: in the order of their beginnings; only tokens share a topic
	last := map[string]string{}
	end := func(at time.Time, which func(*spell) bool, how func(*spell) (string, string)) {
		running = slices.DeleteFunc(running, func(s *spell) bool {
			if !which(s) {
				return false
			}
			word, reason := how(s)
			s.end(at, word, reason)
			last[s.Topic] = word
			return true
		})
	}
	expire := func(upTo time.Time) {
		running = slices.DeleteFunc(running, func(s *spell) bool {
			if s.ExpiresAt == nil || s.ExpiresAt.After(upTo) {
				return false
			}
			s.end(*s.ExpiresAt, "expired", "")
			last[s.Topic] = s.Ended
			return true
		})
	}
	begin := func(f consentFact) {
		s := &spell{Topic: f.Topic, Source: f.Source, From: f.At}
		runs := slices.ContainsFunc(running, func(s *spell) bool { return s.Topic == f.Topic })
		switch ended := last[f.Topic]; {
		case ended == "changed":
			s.Begun = "changed"
		case runs: // a token beside another
			s.Begun = "again"
		case ended == "stopped", ended == "blocked":
			s.Begun = "resumed"
		case ended != "":
			s.Begun = "again"
		default:
			s.Begun = "first"
		}
		s.told(f)
		if s.Topic == oneTime && s.ExpiresAt == nil {
			at := s.From.Add(oneTimeLife)
			s.ExpiresAt = &at
		}
		all, running = append(all, s), append(running, s)
	}
	for _, f := range facts {
		expire(f.At)
		ofTopic := func(s *spell) bool { return s.Topic == f.Topic }
		switch f.What {
		case optedIn:
			i := slices.IndexFunc(running, ofTopic)
			switch {
			case f.Topic == oneTime || i < 0:
				begin(f)
			case f.Promise != "" && f.Promise != running[i].Promise:
				end(f.At, ofTopic, func(*spell) (string, string) { return "changed", "" })
				begin(f)
			default:
				running[i].Renewals = append(running[i].Renewals, f.At)
				running[i].told(f)
			}
		case blocked:
			end(f.At, func(*spell) bool { return true }, func(*spell) (string, string) { return "blocked", f.Reason })
		case optedOut:
			end(f.At, func(s *spell) bool { return f.Topic == allTopics || ofTopic(s) }, func(*spell) (string, string) { return "stopped", f.Reason })
		case tokenUse:
			if i := slices.IndexFunc(running, ofTopic); i >= 0 {
				running[i].end(f.At, "used", "")
				running[i].UsedBy, last[oneTime] = f.MessageID, "used"
				running = slices.Delete(running, i, i+1)
			}
		}
	}
	if len(facts) > 0 {
		asOf := facts[0].AsOf
		expire(asOf)
		for _, s := range running {
			s.end(asOf, "on", "")
		}
	}
	return all
}

// consentsPerBlock bounds the memory of fillConsents.
const consentsPerBlock = 100_000

// fillConsents puts the facts of each contact together to spells.
func fillConsents(ctx context.Context, r *run, m model, staging string, w Window) error {
	sql, err := r.query(ctx, m.relation, w)
	if err != nil {
		return err
	}
	known, err := r.knownZones(ctx)
	if err != nil {
		return err
	}
	mainZone := map[string]string{}
	markets, zones := mainZones()
	for i, market := range markets {
		mainZone[market] = zones[i]
	}
	rows, err := r.db.Query(ctx, sql, w.params()...)
	if err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	defer rows.Close()
	var staged [][]any
	var facts []consentFact
	flush := func() error {
		err := stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, contact_id, channel, topic, promised_frequency, source, market,
zone, zone_told, begun, from_at, to_at, ended, reason, renewals, renewed_at, expires_at, used_by`, staged)
		staged = staged[:0]
		return err
	}
	spells := func() error {
		for _, s := range consentSpells(facts) {
			f := facts[0]
			market := s.Market
			if market == "" {
				market = f.AnyMarket
			}
			zone := s.Zone
			told := known[zone]
			if !told {
				zone = "UTC"
				if known[mainZone[market]] {
					zone = mainZone[market]
				}
			}
			staged = append(staged, []any{f.Business, w.From, w.To, f.Cutoff, f.Contact, f.Channel, s.Topic, s.Promise, s.Source, market,
				zone, flag(told), s.Begun, s.From, s.To, s.Ended, s.Reason, uint32(len(s.Renewals)), s.Renewals, s.ExpiresAt, s.UsedBy})
		}
		facts = facts[:0]
		if len(staged) >= consentsPerBlock {
			return flush()
		}
		return nil
	}
	for rows.Next() {
		var f consentFact
		if err := rows.ScanStruct(&f); err != nil {
			return fmt.Errorf("read a fact: %w", err)
		}
		if n := len(facts); n > 0 && (facts[n-1].Business != f.Business || facts[n-1].Contact != f.Contact || facts[n-1].Channel != f.Channel) {
			if err := spells(); err != nil {
				return err
			}
		}
		facts = append(facts, f)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("compute: %w", err)
	}
	if err := spells(); err != nil {
		return err
	}
	return flush()
}

// knownZones are the time zones that the warehouse knows.
func (r *run) knownZones(ctx context.Context) (map[string]bool, error) {
	var names []struct {
		Name string `ch:"time_zone"`
	}
	if err := r.db.Select(ctx, &names, "SELECT time_zone FROM system.time_zones"); err != nil {
		return nil, fmt.Errorf("list the time zones: %w", err)
	}
	known := map[string]bool{}
	for _, n := range names {
		known[n.Name] = true
	}
	return known, nil
}

// consentCauses end a consent; any other end is a censoring.
var consentCauses = [...]string{"stopped", "blocked", "expired", "used"}

// consentSide is what enters and leaves on a day, as consent_survival returns it.
type consentSide struct {
	Business  string    `ch:"business_id"`
	Cutoff    time.Time `ch:"cutoff"`
	Dimension string    `ch:"dimension"`
	Segment   string    `ch:"segment"`
	Day       uint16    `ch:"spell_day"`
	Entered   uint64    `ch:"entered"`
	Ended     uint64    `ch:"ended"`
	Stopped   uint64    `ch:"stopped"`
	Blocked   uint64    `ch:"blocked"`
	Expired   uint64    `ch:"expired"`
	Used      uint64    `ch:"used"`
}

// fillConsentSurvival turns entries and ends into the curves of all causes and of each, as fillOptOutByTime does.
func fillConsentSurvival(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []consentSide
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	var staged [][]any
	for segment := range runsOf(rows, func(a, b consentSide) bool {
		return a.Business == b.Business && a.Dimension == b.Dimension && a.Segment == b.Segment
	}) {
		s := segment[0]
		sides := make([]timeSide, len(segment))
		ends := map[uint16][len(consentCauses)]uint64{}
		for i, c := range segment {
			ends[c.Day] = [...]uint64{c.Stopped, c.Blocked, c.Expired, c.Used}
			sides[i] = timeSide{Day: c.Day, Entered: c.Entered, Ended: c.Ended, OptOuts: c.Stopped + c.Blocked + c.Expired + c.Used}
		}
		stage := func(cause string, from uint16, d lifeDay, of, total uint64, p *point) {
			var hazard, share, stdError, lower, upper *float64
			suppressed := p == nil || d.AtRisk < fewestContacts || total < fewestOutcomes
			if !suppressed {
				hazard, share = &p.hazard, &p.incidence
				if p.hasInterval {
					stdError, lower, upper = &p.stdError, &p.interval.Lower, &p.interval.Upper
				}
			}
			staged = append(staged, []any{s.Business, w.From, w.To, s.Cutoff, s.Dimension, s.Segment, "crude", cause, from, d.Day,
				d.AtRisk, d.Entered, d.Censored, of, flag(suppressed), hazard, share, stdError, lower, upper})
		}
		whole := life(sides)
		days := wellFilled(whole)
		if len(days) == 0 { // the row says so
			d := whole[0]
			stage("any", d.Day, d, d.ended(), 0, nil)
			continue
		}
		for i := -1; i < len(consentCauses); i++ {
			cause, of := "any", lifeDay.ended
			if i >= 0 {
				cause, of = consentCauses[i], func(d lifeDay) uint64 { return ends[d.Day][i] }
			}
			if i >= 0 && !slices.ContainsFunc(days, func(d lifeDay) bool { return of(d) > 0 }) {
				continue // nothing ended so
			}
			var total uint64
			points := incidence(days, of)
			for j, d := range days {
				total += of(d)
				stage(cause, days[0].Day, d, of(d), total, &points[j])
			}
		}
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, identification, cause, from_day, spell_day,
at_risk, entered, censored, outcomes, suppressed, hazard, incidence, incidence_std_error, incidence_lower, incidence_upper`, staged)
}
