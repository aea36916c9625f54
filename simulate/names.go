package simulate

import (
	"encoding/base64"
	"math/rand/v2"
)

// inbound are the kinds of message that contacts write, as WhatsApp and as our own lines name them.
var inbound = []struct {
	wire, kind string
	share      float64 // of messages that quote nothing
	quoting    float64 // of messages that quote one: a template's button always does
}{
	{"text", "text", 0.82, 0.55},
	{"button", "quick_reply", 0, 0.35},
	{"interactive", "button", 0.04, 0.05}, // button_reply
	{"interactive", "list", 0.02, 0},      // list_reply
	{"image", "media", 0.09, 0.05},
	{"audio", "media", 0.03, 0},
}

func drawKind(r *rand.Rand, quotes bool) int8 {
	x := r.Float64()
	for i, k := range inbound {
		share := k.share
		if quotes {
			share = k.quoting
		}
		if x -= share; x < 0 {
			return int8(i)
		}
	}
	return 0
}

// book is what naming needs: numbers and ids are spelled out only when a fact is told.
type book struct {
	seed     uint64
	provider string
	market   []int8
	arm      []string // empty outside a test
	number   []string // digits, calling code first
}

// book draws the contacts' markets anew and gives each a number.
func (w *World) book() *book {
	n := w.Options.Contacts
	b := &book{seed: w.Options.Seed, provider: "meta", market: make([]int8, n), arm: make([]string, n), number: make([]string, n)}
	if w.Options.Dead > 0 {
		b.provider = "twilio" // whose codes say that a number does not exist
	}
	next := make([]int, len(markets))
	for i := range b.number {
		c := w.draw(i, rand.New(w.stream(i)))
		if len(w.Options.Arms) > 0 {
			b.arm[i] = w.Options.Arms[c.arm].Name
		}
		b.market[i] = c.market
		b.number[i] = markets[c.market].number(next[c.market])
		next[c.market]++
	}
	return b
}

// wamid appends the platform's id of a contact's message: as Meta's own, base64 around the contact's
// number and a serial, which is why no such id may ever be stored.
func (b *book) wamid(to []byte, contact int32, message uint32, inbound bool) []byte {
	const hexDigits = "0123456789ABCDEF"
	number := b.number[contact]
	direction := byte(0x11)
	if inbound {
		direction = 0x12
	}
	var raw [64]byte
	id := append(raw[:0], 0x1c, 0x18, byte(len(number)))
	id = append(id, number...)
	id = append(id, 0x15, 0x02, 0x00, direction, 0x18, 20)
	id = append(id, "3EB0"...)
	for x, i := mix(b.seed^mix(uint64(contact)<<32|uint64(message))), 60; i >= 0; i -= 4 {
		id = append(id, hexDigits[x>>i&15])
	}
	id = append(id, 0)
	to = append(to, "wamid."...)
	return base64.StdEncoding.AppendEncode(to, id)
}

// price is what the platform says of a message's cost.
type price struct {
	category, kind string
	billable       bool
}

// price is told with sent and with delivered, or with an open that stands for the delivery.
func (f fact) price() (price, bool) {
	if f.what != factSent && f.what != factDelivered && !f.priced {
		return price{}, false
	}
	switch f.campaign {
	case response:
		if f.template {
			return price{"utility", "regular", true}, true
		}
		return price{"service", "free_customer_service", false}, true
	case orderUpdate:
		return price{"utility", "regular", true}, true
	}
	return price{"marketing", "regular", true}, true
}
