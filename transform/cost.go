package transform

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"drumbeat/transform/stats"
	"drumbeat/warehouse"

	"gonum.org/v1/gonum/stat/distuv"

	"golang.org/x/text/currency"
)

// ErrRateCard is a rate card that cannot be read.
var ErrRateCard = errors.New("this is no rate card")

// Price is a row of a rate card.
type Price struct {
	From     time.Time // UTC midnight
	Channel  string
	Market   string // ISO 3166-1 alpha-2 or *
	Category string // or *
	Unit     string // message, conversation
	TierFrom uint64
	Price    string // a decimal of at most 9 places
	Currency string // ISO 4217
	row      int
}

// rateColumnsOfCard are the columns of a rate card, in their order.
var rateColumnsOfCard = []string{"date_from", "channel", "market", "category", "unit", "tier_from", "price", "currency"}

var (
	aChannel  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	aMarket   = regexp.MustCompile(`^([A-Z]{2}|\*)$`)
	aCategory = regexp.MustCompile(`^([a-z][a-z0-9_]*|\*)$`)
	aPrice    = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)
	aCurrency = regexp.MustCompile(`^[A-Z]{3}$`)
)

// ReadRateCard reads and checks a rate card (docs/metrics.md has the format). The error is ErrRateCard; it names every row that is
// wrong, by its line, and what would be right.
func ReadRateCard(in io.Reader) ([]Price, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.Comment, r.TrimLeadingSpace = '#', true
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) || bytes.HasPrefix(text, []byte("PK\x03\x04")) {
		return nil, fmt.Errorf("%w: it is a workbook or UTF-16: save it as CSV UTF-8", ErrRateCard)
	}
	header, err := r.Read()
	if err != nil || !slices.Equal(header, rateColumnsOfCard) {
		return nil, fmt.Errorf("%w: the first line must be %s%s", ErrRateCard, strings.Join(rateColumnsOfCard, ","), wrongHeader(header))
	}
	var prices []Price
	var wrong []error
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := r.FieldPos(0)
		if errors.Is(err, csv.ErrFieldCount) {
			wrong = append(wrong, fmt.Errorf("line %d: it has %d cells, and the first line %d: a comma within a cell needs quotes around it", line, len(fields), len(rateColumnsOfCard)))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w: a quote inside a cell is written twice, and the cell in quotes", ErrRateCard, err) // names the line
		}
		p, err := parsePrice(fields)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		p.row = line
		prices = append(prices, p)
	}
	if len(prices)+len(wrong) == 0 {
		return nil, fmt.Errorf("%w: it has no rows", ErrRateCard)
	}
	wrong = append(wrong, contradictions(prices)...)
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%w:\n%w", ErrRateCard, errors.Join(wrong...))
	}
	return prices, nil
}

// wrongHeader says what is wrong with a first line.
func wrongHeader(header []string) string {
	if len(header) == 1 && strings.ContainsAny(header[0], ";\t|") {
		return ": separate the columns with commas, and write prices with a point"
	}
	var absent, unknown []string
	for _, name := range rateColumnsOfCard {
		if !slices.Contains(header, name) {
			absent = append(absent, name)
		}
	}
	for _, name := range header {
		if !slices.Contains(rateColumnsOfCard, name) {
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	switch {
	case len(header) == 0:
		return ""
	case len(absent) > 0:
		return "; it lacks " + strings.Join(absent, ", ")
	case len(unknown) > 0:
		return "; take out the column " + strings.Join(unknown, ", ")
	}
	return ", each once and in this order"
}

func parsePrice(fields []string) (p Price, err error) {
	for i, pattern := range map[int]struct {
		is   *regexp.Regexp
		want string
	}{
		1: {aChannel, "a channel as in the events: lower-case letters, digits and _"},
		2: {aMarket, "an ISO 3166-1 code of two capital letters, or *"},
		3: {aCategory, "a category as the platform names it, in lower case, with _ for -, or *"},
		6: {aPrice, "a price such as 0.0113: not negative, at most 9 places before and after the point, no currency sign"},
		7: {aCurrency, "an ISO 4217 code of three capital letters"},
	} {
		if !pattern.is.MatchString(fields[i]) {
			err = errors.Join(err, fmt.Errorf("%s %q: write %s", rateColumnsOfCard[i], fields[i], pattern.want))
		}
	}
	if err != nil {
		return p, errors.New(strings.Join(sortedLines(err), "; "))
	}
	from, err := time.Parse(time.DateOnly, fields[0])
	if err != nil {
		return p, fmt.Errorf("date_from %q: write a date such as 2025-07-01", fields[0])
	}
	if from.Year() < 1970 || from.Year() > 2148 {
		return p, fmt.Errorf("date_from %q: write a date from 1970 to 2148", fields[0])
	}
	if fields[4] != "message" && fields[4] != "conversation" {
		return p, fmt.Errorf("unit %q: write message or conversation", fields[4])
	}
	tier, err := strconv.ParseUint(fields[5], 10, 63)
	if err != nil {
		return p, fmt.Errorf("tier_from %q: write a whole number of units, 0 for the first tier", fields[5])
	}
	if _, err := currency.ParseISO(fields[7]); err != nil {
		return p, fmt.Errorf("currency %q: ISO 4217 has no such code: write one that it has, such as USD", fields[7])
	}
	return Price{from, fields[1], fields[2], fields[3], fields[4], tier, fields[6], fields[7], 0}, nil
}

// sortedLines are the messages of joined errors, in a fixed order.
func sortedLines(err error) []string {
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	return lines
}

// contradictions are the rows of which one denies another.
func contradictions(prices []Price) (wrong []error) {
	type key struct {
		from                            time.Time
		channel, market, category, unit string
	}
	first, lowest := map[key]Price{}, map[key]uint64{}
	tiers := map[key]map[uint64]int{}
	var order []key
	for _, p := range prices {
		k := key{p.From, p.Channel, p.Market, p.Category, p.Unit}
		if tiers[k] == nil {
			tiers[k], first[k], lowest[k] = map[uint64]int{}, p, p.TierFrom
			order = append(order, k)
		}
		if before, ok := tiers[k][p.TierFrom]; ok {
			wrong = append(wrong, fmt.Errorf("line %d: line %d has a price for the same date, channel, market, category, unit and tier: keep one of them", p.row, before))
			continue
		}
		if first[k].Currency != p.Currency {
			wrong = append(wrong, fmt.Errorf("line %d: line %d has another currency for the same date, channel, market, category and unit: tiers share one", p.row, first[k].row))
		}
		tiers[k][p.TierFrom], lowest[k] = p.row, min(lowest[k], p.TierFrom)
	}
	for _, k := range order {
		if lowest[k] != 0 {
			wrong = append(wrong, fmt.Errorf("line %d: the first tier of its date, channel, market, category and unit is missing: add a row with tier_from 0", first[k].row))
		}
	}
	return wrong
}

// LoadRateCard puts prices in the place of what was loaded for the same channels and dates. Each channel and date changes as a whole, at
// once. It returns how many pairs of channel and date that were.
func LoadRateCard(ctx context.Context, db *warehouse.DB, prices []Price) (replaced int, err error) {
	staging := stagingPrefix + "rate_card_" + randomName()
	settled := func(statement string) error {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return db.Exec(last, statement)
	}
	if err := settled("CREATE TABLE " + staging + " AS rate_card"); err != nil {
		return 0, fmt.Errorf("create the staging table: %w", err)
	}
	defer func() {
		if dropErr := settled("DROP TABLE IF EXISTS " + staging + " SYNC"); dropErr != nil {
			err = errors.Join(err, fmt.Errorf("drop the staging table: %w", dropErr))
		}
	}()
	r := run{db: db}
	var rows [][]any
	for _, p := range prices {
		rows = append(rows, []any{p.From, p.Channel, p.Market, p.Category, p.Unit, p.TierFrom, p.Price, p.Currency})
	}
	if err := stageRows(ctx, &r, staging, strings.Join(rateColumnsOfCard, ", "), rows); err != nil {
		return 0, err
	}
	names, err := r.names(ctx, "SELECT DISTINCT toString((channel, date_from)) AS name FROM "+staging)
	if err != nil {
		return 0, fmt.Errorf("list channels and dates: %w", err)
	}
	for _, name := range names {
		if err := db.Exec(ctx, "ALTER TABLE rate_card REPLACE PARTITION "+name+" FROM "+staging); err != nil {
			return replaced, fmt.Errorf("replace the prices of %s: %w", name, err)
		}
		replaced++
	}
	return replaced, nil
}

// spendRate is an amount per outcome with its interval: the ratio of two sums over contacts, with the linearised variance on the
// scale of the logarithm and t of G-1 degrees of freedom. Sums are of the amount a and the outcomes y of each contact. nil if the
// sums are of no sample. Source: Cochran 1977, chapter 6.
func spendRate(contacts uint64, a, aa, y, yy, ay float64) (value, lower, upper *float64) {
	if contacts < 2 || !(a > 0 && y > 0) {
		return nil, nil, nil
	}
	g := float64(contacts)
	v := a / y
	variance := g / (g - 1) * (aa/a/a - 2*ay/a/y + yy/y/y)
	if !(variance > 0) { // every contact costs the same
		return &v, nil, nil
	}
	factor := math.Exp(distuv.StudentsT{Mu: 0, Sigma: 1, Nu: g - 1}.Quantile(.975) * math.Sqrt(variance))
	l, u := v/factor, v*factor
	if math.IsInf(u, 0) {
		return nil, nil, nil
	}
	return &v, &l, &u
}

// Why a row of spend has no figures.
const (
	fewContactsWhy   = "few contacts"
	noAmountWhy      = "no amount"
	pricesMissingWhy = "prices missing"
	fewOutcomesWhy   = "few outcomes"
	noForecastWhy    = "no forecast"
)

// nano is the unit of summed amounts.
const nano = 1e-9

// perOutcome returns why and the figures of amount per outcome, for outcomes whose sums are named sum_<letter>, sum_<letter><letter> and sum_a<letter>.
func perOutcome(row modelRow, letters ...string) []any {
	number := func(name string) float64 { v, _ := row.get(name).(float64); return v }
	contacts := row.count("contacts")
	derived := []any{""}
	switch {
	case contacts < fewestContacts:
		derived[0] = fewContactsWhy
	case number("sum_a") == 0:
		derived[0] = noAmountWhy
	case row.count("matured_without_price") > 0:
		derived[0] = pricesMissingWhy
	}
	suppressed := derived[0] != ""
	for _, letter := range letters {
		y := number("sum_" + letter)
		var value, lower, upper *float64
		switch {
		case suppressed:
		case y < fewestOutcomes:
			derived[0] = fewOutcomesWhy
		default:
			value, lower, upper = spendRate(contacts, number("sum_a"), number("sum_aa"), y, number("sum_"+letter+letter), number("sum_a"+letter))
			for _, v := range []*float64{value, lower, upper} {
				if v != nil {
					*v *= nano
				}
			}
		}
		derived = append(derived, value, lower, upper)
	}
	return derived
}

func fillSpend(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, `why, per_open, per_open_lower, per_open_upper, per_reply, per_reply_lower, per_reply_upper,
per_engaged, per_engaged_lower, per_engaged_upper`, func(row modelRow) []any { return perOutcome(row, "o", "r", "e") })
}

func fillSpendByExposure(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, "why, per_open, per_open_lower, per_open_upper, per_reply, per_reply_lower, per_reply_upper",
		func(row modelRow) []any { return perOutcome(row, "o", "r") })
}

// spendAssumption is what a saving rests on.
const spendAssumption = "messages that a cap would have spared cost what the others of the segment cost on average"

func fillSpendWhatIf(ctx context.Context, r *run, m model, staging string, w Window) error {
	return r.stage(ctx, m, staging, w, "mean_amount, why, observed, capped, saving, saving_lower, saving_upper, assumption", func(row modelRow) []any {
		number := func(name string) float64 { v, _ := row.get(name).(float64); return v }
		known := func(name string) *float64 { v, _ := row.get(name).(*float64); return v }
		var mean, observed, capped, saving, lower, upper *float64
		why := ""
		contacts, n, a := row.count("contacts"), number("sum_n"), number("sum_a")
		observedSends, cappedSends, change, changeError := known("observed_sends"), known("capped_sends"), known("change_sends"), known("change_sends_std_error")
		switch {
		case contacts < fewestContacts:
			why = fewContactsWhy
		case a == 0:
			why = noAmountWhy
		case row.count("without_price") > 0:
			why = pricesMissingWhy
		default:
			value := nano * a / n
			mean = &value
			if observedSends == nil || cappedSends == nil || change == nil || changeError == nil {
				why = noForecastWhy
				break
			}
			g := float64(contacts)
			// Of a/n, by linearisation; the change and the mean amount are taken as unrelated.
			variance := g / (g - 1) * max(0, number("sum_aa")-2*a/n*number("sum_an")+a/n*a/n*number("sum_nn")) / n / n * nano * nano
			o, c, s := value**observedSends, value**cappedSends, -value**change
			stdError := math.Sqrt(value*value**changeError**changeError + *change**change*variance)
			l, u := s-stats.Z*stdError, s+stats.Z*stdError
			observed, capped, saving, lower, upper = &o, &c, &s, &l, &u
		}
		return []any{mean, why, observed, capped, saving, lower, upper, spendAssumption}
	})
}
