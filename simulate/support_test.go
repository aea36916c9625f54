package simulate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var supported = Options{Seed: 7, Contacts: 120, Days: 30, Support: true}

// desked is a world with support, and what is found in it; the tests that look at numbers share it.
var desked = sync.OnceValue(func() (d struct {
	*World
	ref Reference
}) {
	d.World = New(Options{Seed: 2, Contacts: 2500, Support: true})
	d.ref = Measure(d.Lines())
	return d
})

// A world without support is what it was before there was support, to the byte; a world with it stays the same from run to run.
func TestBytesOfLines(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		h := sha256.New()
		lines := json.NewEncoder(h)
		for l := range New(o).Lines() {
			if err := lines.Encode(l); err != nil {
				t.Fatal(err)
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("the lines of %+v hash to %s, want %s", o, got, want)
		}
	}
	f(small, "d0a616f03e059a6e80476ab7cbf2d295926394c3b8dbc18153c2c4877e3b5f6e")
	f(Options{Seed: 4, Contacts: 200, Days: 30, Null: true}, "653c5cb7d5412098d9145018d70f95e31bae6e0d328e751fc89dbb5754aca979")
	if first := digest(t, supported); digest(t, supported) != first || digest(t, small) == first {
		t.Error("a world with support is not the same twice, or is the same as without")
	}
}

// What the world writes down while it lives is what the definitions find in its lines.
func TestWorldKnowsWhatHappened(t *testing.T) {
	d := desked()
	// The last three days are left out: what is decided in them may lie behind the last event, and what fails in the end be told after it.
	from, to := time.Unix(d.start, 0).UTC(), time.Unix(d.end-3*secondsPerDay, 0).UTC()
	monday := to.AddDate(0, 0, -(int(to.Weekday())+6)%7)
	type sums struct {
		cases int
		hits  [painKinds]int
	}
	found := map[string]*sums{}
	of := func(address string) *sums {
		if found[address] == nil {
			found[address] = &sums{}
		}
		return found[address]
	}
	for _, c := range d.ref.Conversations.Cases {
		if c.Began.Before(monday) {
			of(c.Address).cases++
		}
	}
	for _, w := range d.ref.Conversations.Weeks {
		for pain, hits := range w.Hits {
			if w.Week.Before(monday) {
				of(w.Address).hits[pain] += hits
			}
		}
	}
	var total [painKinds]int
	wrong := 0
	for _, e := range d.Experiences(from, monday) {
		want := of(e.Address)
		e.Hits[painIrrelevant] = want.hits[painIrrelevant]
		for pain, n := range e.Hits {
			total[pain] += n
		}
		if e.Cases != want.cases || e.Hits != want.hits {
			if wrong++; wrong <= 5 {
				t.Errorf("contact of %s: the world counted %d cases and %v, the lines say %d and %v", e.Market, e.Cases, e.Hits, want.cases, want.hits)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d contacts differ", wrong)
	}
	for pain, n := range total {
		if n < 15 {
			t.Errorf("%s: only %d hits", Pains[pain], n)
		}
	}
}

// The days of the last 28 on which a contact wrote of its own accord fill the scale of surveys.
func TestFrequencyScale(t *testing.T) {
	d := desked()
	to := d.ref.Cutoff.Truncate(wholeDay)
	days := map[int]int{}
	for _, e := range d.Experiences(to.Add(-28*wholeDay), to) {
		if !e.Known.IsZero() && !e.Known.After(to.Add(-28*wholeDay)) {
			days[e.Days]++
		}
	}
	want := map[string]int{}
	for _, f := range d.ref.Conversations.Frequency {
		if f.Market == "all" {
			want[f.Category] = f.Contacts
		}
	}
	got := map[string]int{}
	for n, contacts := range days {
		switch {
		case n >= 20:
			got["daily"] += contacts
		case n >= 6:
			got["several times a week"] += contacts
		case n >= 3:
			got["weekly"] += contacts
		case n == 2:
			got["every 2-3 weeks"] += contacts
		case n == 1:
			got["monthly"] += contacts
		}
	}
	want["daily"] += want["several times a day"]
	for category, n := range got {
		if want[category] != n {
			t.Errorf("%s: the world counts %d contacts, the lines say %d", category, n, want[category])
		}
	}
	for _, category := range []string{"never", "less often", "monthly", "every 2-3 weeks", "weekly", "several times a week"} {
		if want[category] < 30 {
			t.Errorf("%s: only %d contacts", category, want[category])
		}
	}
}

func TestDeskIsLikeADesk(t *testing.T) {
	d := desked()
	all := d.ref.Conversations.Counts[slices.IndexFunc(d.ref.Conversations.Counts, func(c Cases) bool { return c.Market == "all" })]
	between := func(what string, n, of int, low, high float64) {
		t.Helper()
		if share := float64(n) / float64(of); share < low || share > high {
			t.Errorf("%s: %.3f, want %v to %v", what, share, low, high)
		}
	}
	between("unanswered", all.Unanswered, all.Matured, 0.05, 0.15)
	between("repeated", all.Repeated, all.RepeatKnown, 0.10, 0.205)
	between("begun by contacts", all.ByContact, all.Cases, 0.4, 0.8)
	var waits []time.Duration
	for _, c := range d.ref.Conversations.Cases {
		if c.Answered.IsZero() {
			waits = append(waits, 7*wholeDay)
		} else {
			waits = append(waits, c.Answered.Sub(c.Began))
		}
	}
	slices.Sort(waits)
	if median := waits[len(waits)/2]; median < 3*time.Minute || median > 3*time.Hour {
		t.Errorf("the median first response takes %v", median)
	}
	plain, facts := 0, 0
	for range New(Options{Seed: 2, Contacts: 2500}).facts {
		plain++
	}
	for range d.facts {
		facts++
	}
	between("events", facts, plain, 1.1, 1.5)
}

// Humans answer at work, and first answers that no bot helped with take what is stated.
func TestResponseTimesAreAsStated(t *testing.T) {
	d := desked()
	logs := map[string][]float64{}
	inRush := func(at time.Time) bool {
		day := int(at.Unix()-d.start) / secondsPerDay
		return day >= rushFrom && day < rushFrom+rushDays
	}
	for _, c := range d.ref.Conversations.Cases {
		i := slices.IndexFunc(markets, func(m market) bool { return m.Code == c.Market })
		cal := &calendars[i]
		if c.ByHuman.IsZero() || !c.ByBot.IsZero() || c.Market == rushMarket && inRush(c.Began) {
			continue
		}
		// Questions of hours of work on ordinary days, whose answers come after the same number of them.
		if d.load(int8(i), c.Began.Unix()) != 1 || !cal.open(c.Began.Unix()) || c.Turns != 2 || c.Inbound > 1 {
			continue
		}
		worked := 0
		for at := c.Began.Unix(); at < c.ByHuman.Unix(); at += 60 {
			if cal.open(at) {
				worked++
			}
		}
		logs[c.Market] = append(logs[c.Market], math.Log(60*float64(max(1, worked))))
	}
	for _, desk := range desks {
		all := logs[desk.Market]
		if len(all) < 20 {
			t.Errorf("%s: only %d plain answers", desk.Market, len(all))
			continue
		}
		slices.Sort(all)
		// The mislaid ones lift the median by mislaid/2 of the distribution; nudges, which come with long waits, take some away.
		got, want := all[len(all)/2], math.Log(desk.Human.Median)
		if spread := 4*1.2533*desk.Human.Sigma/math.Sqrt(float64(len(all))) + 0.25; math.Abs(got-want) > spread {
			t.Errorf("%s: half of %d answers take %.0f s of work, want %.0f within a factor of %.2f", desk.Market, len(all), math.Exp(got), desk.Human.Median, math.Exp(spread))
		}
	}
}

func TestSupportTruth(t *testing.T) {
	d := desked()
	truth := d.supportTruth(d.ref)
	found := map[string]Pain{}
	for _, p := range d.ref.Conversations.Pains {
		if p.Market == "all" {
			found[p.Pain] = p
		}
	}
	for _, p := range truth.Pains {
		if p.Reach <= 0 || p.Reach >= 1 {
			t.Errorf("%s hits %v of the contacts", p.Pain, p.Reach)
		}
		if n := found[p.Pain].Hit; math.Abs(float64(n-p.Contacts)) > 5*math.Sqrt(float64(p.Contacts))/2+2 && p.Pain != "irrelevant" {
			t.Errorf("%s: %d contacts are hit, the lines say %d", p.Pain, p.Contacts, n)
		}
		if (p.Excess > 0) != (p.LeaveAfter > 0) {
			t.Errorf("%s: an excess of %v by %v", p.Pain, p.Excess, p.LeaveAfter)
		}
	}
	if _, err := json.Marshal(truth); err != nil {
		t.Error(err)
	}
	if New(small).supportTruth(Reference{}) != nil {
		t.Error("a world without support has a truth of it")
	}
}

// Contacts leave as often as dose and experience make them.
func TestExperienceHasConsequences(t *testing.T) {
	var found, want, without float64
	for seed := range uint64(2) {
		w := New(Options{Seed: 10 + seed, Contacts: 1500, Support: true, Null: true})
		records := w.remembered()
		var ref Reference
		people, since := ref.gather(w.Lines())
		for i, number := range w.book().number {
			p := people["+"+number]
			if p == nil {
				continue
			}
			p.settle()
			for day := range p.daysAtRisk(since[p.account].Add(lookBack), ref.Cutoff) {
				more := 0.0
				for pain, raises := range leaveAfter {
					felt := slices.ContainsFunc(records[i].hits[pain], func(at int64) bool {
						return at < day.day.Unix() && at >= day.day.Unix()-remembers*secondsPerDay
					})
					if felt {
						more += raises
					}
				}
				if more > 0 {
					want += (leaveNull + more) * (1 - leaveByBlock)
					without += leaveNull * (1 - leaveByBlock)
					found += one(day.leaves)
				}
			}
		}
	}
	// What is decided is felt up to a day before, or two after; blocked contacts cannot leave; and campaigns that are nothing for a
	// contact make it leave besides.
	t.Logf("%v opt-outs, want %.1f, without %.1f", found, want, without)
	if z := (found - want) / math.Sqrt(want); math.Abs(z) > 4 || found < without+5*math.Sqrt(without) {
		t.Errorf("%v opt-outs after experiences, want %.1f (z = %.1f), and %.1f without them", found, want, z, without)
	}
}

func TestOwnLines(t *testing.T) {
	w := New(supported)
	authors, n := map[string]int{}, 0
	sends := map[messageKey]bool{}
	for l := range w.Lines() {
		if l.EventType == "send" && l.Purpose == "response" {
			sends[messageKey{l.Address, l.MessageID}] = true
		}
	}
	for l := range w.Own() {
		if !sends[messageKey{l.Address, l.MessageID}] {
			t.Fatalf("the sender tells of a message that is no response: %+v", l)
		}
		authors[l.Author+" "+l.MessageTag+" "+l.TemplateID]++
		n++
	}
	if n != len(sends) {
		t.Errorf("%d own lines of %d responses", n, len(sends))
	}
	for _, kind := range []string{"human  ", "bot  ", "bot auto_acknowledgement ", "human  conversation_reopened"} {
		if authors[kind] == 0 {
			t.Errorf("none of %q in %v", kind, authors)
		}
	}
}

type messageKey struct{ address, message string }

func TestCalendars(t *testing.T) {
	var text bytes.Buffer
	if err := WriteCalendars(&text); err != nil {
		t.Fatal(err)
	}
	if want := "VN:\n  zone: Asia/Ho_Chi_Minh\n  hours:\n    mon: 09:00-12:00, 13:00-18:00\n"; !strings.Contains(text.String(), want) {
		t.Errorf("no\n%s in\n%s", want, text.String())
	}
	f := func(market, from string, seconds int64, want string) {
		t.Helper()
		c := &calendars[slices.IndexFunc(calendars, func(c Calendar) bool { return c.Market == market })]
		at, err := time.ParseInLocation("2006-01-02 15:04", from, c.location)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Unix(c.after(at.Unix(), seconds), 0).In(c.location).Format("2006-01-02 15:04"); got != want {
			t.Errorf("%s: %d s of work after %s end %s, want %s", market, seconds, from, got, want)
		}
	}
	f("VN", "2025-09-03 10:00", 3600, "2025-09-03 11:00")
	f("VN", "2025-09-03 11:30", 3600, "2025-09-03 13:30") // lunch
	f("VN", "2025-08-30 11:00", 7200, "2025-09-03 10:00") // Saturday's morning, Sunday, two holidays
	f("TW", "2025-10-03 17:30", 3600, "2025-10-07 09:30") // a weekend and a holiday
	f("AU", "2025-10-03 17:30", 0, "2025-10-03 17:30")
	f("AU", "2025-10-03 18:00", 0, "2025-10-07 09:00") // closed at the very minute; the clocks change on Sunday

	office := func(zone string, closes int, holidays ...string) Calendar {
		c := Calendar{Zone: zone, Holidays: holidays}
		for day := time.Monday; day <= time.Friday; day++ {
			c.Hours[day] = []Span{{9 * 60, closes * 60}}
		}
		return c
	}
	g := func(c Calendar, from, to string, want time.Duration) {
		t.Helper()
		var at [2]time.Time
		for i, text := range []string{from, to} {
			var err error
			if at[i], err = time.ParseInLocation("2006-01-02 15:04", text, zone(c.Zone)); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.Between(at[0], at[1]); got != want {
			t.Errorf("%v of work from %s to %s in %s, want %v", got, from, to, c.Zone, want)
		}
	}
	manila := office("Asia/Manila", 18, "2026-06-12")
	g(manila, "2026-03-06 17:30", "2026-03-09 09:15", 45*time.Minute)
	g(manila, "2026-03-07 12:00", "2026-03-09 09:00", 0)
	g(manila, "2026-03-09 08:00", "2026-03-09 10:00", time.Hour)
	g(manila, "2026-03-09 10:00", "2026-03-10 10:00", 9*time.Hour)
	g(manila, "2026-06-11 17:00", "2026-06-15 10:00", 2*time.Hour)
	g(office("Australia/Sydney", 17), "2026-04-03 16:00", "2026-04-06 10:00", 2*time.Hour)
	g(calendars[0], "2025-10-31 19:00", "2025-11-02 09:00", 2*time.Hour)
}
