package transform

import (
	"context"
	"fmt"
	"time"

	"drumbeat/transform/stats"

	"github.com/google/uuid"
)

// Saturation classes.
const (
	noRecommendation   = "no_recommendation"
	tooLittleData      = "too_little_data"
	undersaturated     = "undersaturated"
	onTarget           = "on_target"
	saturated          = "saturated"
	saturatedDeclining = "saturated_declining"
)

// fewestMessages in 28 days are enough to say where a contact stands.
const fewestMessages = 5

// contactClass is a contact as contact_classes returns it.
type contactClass struct {
	Business       string    `ch:"business_id"`
	Cutoff         time.Time `ch:"cutoff"`
	Contact        uuid.UUID `ch:"contact_id"`
	AsOf           time.Time `ch:"as_of"`
	Market         string    `ch:"market"`
	Channel        string    `ch:"channel"`
	NeverSent      uint8     `ch:"never_sent"`
	Known28Days    uint8     `ch:"known_28_days"`
	Messages       uint16    `ch:"messages_28_days"`
	Dimension      string    `ch:"dimension"`
	Segment        string    `ch:"segment"`
	Identification string    `ch:"identification"`
	From           *uint32   `ch:"plausible_from"`
	To             *uint32   `ch:"plausible_to"`
	Known49Days    uint8     `ch:"known_49_days"`
	LateMessages   uint16    `ch:"late_messages"`
	LateEngaged    uint16    `ch:"late_engaged"`
	EarlyMessages  uint16    `ch:"early_messages"`
	EarlyEngaged   uint16    `ch:"early_engaged"`
}

// class says where the contact stands, before decline is looked at. Few messages say little of a contact, but none at
// all is clear.
func (c contactClass) class() string {
	messages := uint32(c.Messages)
	switch {
	case c.Known28Days == 0 && c.NeverSent == 0, messages < fewestMessages && c.NeverSent == 0:
		return tooLittleData
	case c.Identification == "":
		return noRecommendation
	case c.From != nil && messages < *c.From:
		return undersaturated
	case c.To != nil && messages > *c.To:
		return saturated
	default:
		return onTarget
	}
}

// declineP is the p-value of a saturated contact's late engagement being below its early one by chance; false if it
// is not to be tested.
func (c contactClass) declineP() (float64, bool) {
	if c.class() != saturated || c.Known49Days == 0 {
		return 0, false
	}
	return stats.FisherLess(uint64(c.LateEngaged), uint64(c.LateMessages), uint64(c.EarlyEngaged), uint64(c.EarlyMessages))
}

// declines returns the adjusted p-values of the contacts that are tested, by index. The family is all saturated contacts
// of one business who got messages in both periods: only they can be declining.
func declines(contacts []contactClass) (map[int]float64, error) {
	var tested []int
	var raw []float64
	for i, c := range contacts {
		if p, ok := c.declineP(); ok {
			tested, raw = append(tested, i), append(raw, p)
		}
	}
	adjusted, err := stats.BenjaminiHochberg(raw)
	if err != nil {
		return nil, err
	}
	found := make(map[int]float64, len(tested))
	for j, i := range tested {
		found[i] = adjusted[j]
	}
	return found, nil
}

// fillClasses gives each contact its class. It holds all contacts of the window: the family of the tests is known at the end only.
func fillClasses(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []contactClass
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	batch, err := r.db.PrepareBatch(ctx, "INSERT INTO "+staging+` (business_id, window_from, window_to, cutoff, contact_id, as_of, market, channel, class,
messages_28_days, dimension, segment, identification, plausible_from, plausible_to, late_messages, late_engaged, early_messages, early_engaged, decline_p)`)
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	defer batch.Close()
	for business := range runsOf(rows, func(a, b contactClass) bool { return a.Business == b.Business }) {
		found, err := declines(business)
		if err != nil {
			return fmt.Errorf("test for decline: %w", err)
		}
		for i, c := range business {
			class := c.class()
			var decline *float64
			if p, tested := found[i]; tested {
				decline = &p
				if p < .05 {
					class = saturatedDeclining
				}
			}
			if err := batch.Append(c.Business, w.From, w.To, c.Cutoff, c.Contact, c.AsOf, c.Market, c.Channel, class, c.Messages,
				c.Dimension, c.Segment, c.Identification, c.From, c.To, c.LateMessages, c.LateEngaged, c.EarlyMessages, c.EarlyEngaged, decline); err != nil {
				return fmt.Errorf("stage a contact: %w", err)
			}
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}

// classShare is a class of a segment as contact_class_shares returns it.
type classShare struct {
	Business  string    `ch:"business_id"`
	Cutoff    time.Time `ch:"cutoff"`
	Dimension string    `ch:"dimension"`
	Segment   string    `ch:"segment"`
	Class     string    `ch:"class"`
	Contacts  uint64    `ch:"contacts"`
	Base      uint64    `ch:"base"`
}

func fillClassShares(ctx context.Context, r *run, m model, staging string, w Window) error {
	var rows []classShare
	if err := r.selectModel(ctx, &rows, m, w); err != nil {
		return err
	}
	var staged [][]any
	for _, c := range rows {
		var share, lower, upper *float64
		suppressed := c.Base < fewestContacts || c.Contacts < fewestOutcomes
		if limits, ok := stats.Wilson(c.Contacts, c.Base); ok && !suppressed {
			value := float64(c.Contacts) / float64(c.Base)
			share, lower, upper = &value, &limits.Lower, &limits.Upper
		}
		staged = append(staged, []any{c.Business, w.From, w.To, c.Cutoff, c.Dimension, c.Segment, c.Class, c.Contacts, c.Base,
			flag(suppressed), share, lower, upper})
	}
	return stageRows(ctx, r, staging, `business_id, window_from, window_to, cutoff, dimension, segment, class, contacts, base,
suppressed, share, lower, upper`, staged)
}
