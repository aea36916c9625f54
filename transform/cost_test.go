package transform_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"drumbeat/transform"
	"drumbeat/warehouse/warehousetest"
)

func TestRateCard(t *testing.T) {
	db := warehousetest.New(t)
	load := func(text string) (replaced int, err error) {
		prices, err := transform.ReadRateCard(strings.NewReader(text))
		if err != nil {
			return 0, err
		}
		return transform.LoadRateCard(t.Context(), db, prices)
	}
	const header = "date_from,channel,market,category,unit,tier_from,price,currency\n"
	fail := func(text string, wants ...string) {
		t.Helper()
		_, err := load(text)
		if !errors.Is(err, transform.ErrRateCard) {
			t.Fatalf("%q: error %v, want %v", text, err, transform.ErrRateCard)
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, want %q in it", text, err, want)
			}
		}
	}
	fail("", "the first line must be date_from,channel")
	fail(header, "it has no rows")
	fail("date,channel,market,category,unit,tier_from,price,currency\n", "the first line must be", "it lacks date_from")
	fail(strings.ReplaceAll(header, ",", ";")+"2025-07-01;whatsapp;PH;marketing;message;0;0,05;USD\n", "separate the columns with commas", "prices with a point")
	fail(strings.TrimSpace(header)+",note\n", `take out the column "note"`)
	fail("channel,date_from,market,category,unit,tier_from,price,currency\n", "in this order")
	fail("\xff\xfed\x00", "save it as CSV UTF-8")
	fail(header+"2025-07-01,whatsapp,PH,marketing,message,0,0.05\n2025-07-01,whatsapp,PH,marketing,message,0,0,05,USD\n", "line 2: it has 7 cells, and the first line 8", "line 3: it has 9")
	fail(header+"# a comment\n2025-02-30,whatsapp,PH,marketing,message,0,0.05,USD\n", "line 3: date_from \"2025-02-30\"", "write a date")
	fail(header+"2025-07-01,whatsapp,ph,marketing,message,0,-0.05,usd\n2025-07-01,sms,*,*,message,0,0.04,XQZ\n",
		`line 2: currency "usd": write`, `market "ph": write`, `price "-0.05": write`, `line 3: currency "XQZ": ISO 4217 has no such code`)
	fail(header+"2025-07-01,whatsapp,PH,marketing,message,0,0.1234567891,USD\n", "at most 9 places")
	fail(header+"2025-07-01,whatsapp,PH,marketing,minute,0,0.05,USD\n", "write message or conversation")
	fail(header+"2025-07-01,whatsapp,PH,marketing,message,-1,0.05,USD\n", `tier_from "-1": write a whole number`)
	fail(header+"2025-07-01,whatsapp,PH,marketing,message,0,0.05,USD\n2025-07-01,whatsapp,PH,marketing,message,0,0.06,USD\n", "line 3: line 2 has a price for the same")
	fail(header+"2025-07-01,whatsapp,PH,marketing,message,0,0.05,USD\n2025-07-01,whatsapp,PH,marketing,message,9,0.06,EUR\n", "line 3: line 2 has another currency")
	fail(header+"2025-07-01,whatsapp,PH,marketing,message,100,0.05,USD\n", "line 2: the first tier", "tier_from 0")

	card := func() string {
		t.Helper()
		var n uint64
		var sum string
		if err := db.QueryRow(t.Context(), "SELECT count(), toString(sum(price)) FROM rate_card").Scan(&n, &sum); err != nil {
			t.Fatal(err)
		}
		return strings.Repeat("|", int(n)) + " " + sum
	}
	if got := card(); got != " 0" {
		t.Fatalf("refused cards left %q", got)
	}
	if replaced, err := load("\ufeff" + header + "2025-07-01,whatsapp,PH,marketing,message,0,0.05,USD\r\n2025-07-01,whatsapp,PH,utility,message,0,0.01,USD\n2025-08-01,whatsapp,PH,marketing,message,0,0.06,USD\n" +
		"2025-07-01,sms,*,*,message,0,0.000000001,EUR\n"); err != nil || replaced != 3 {
		t.Fatalf("load: %d, %v", replaced, err)
	}
	if got := card(); got != "|||| 0.120000001" {
		t.Errorf("card = %q", got)
	}
	// WhatsApp's prices of July are replaced, all of them; the others stay.
	if _, err := load(header + "2025-07-01,whatsapp,PH,marketing,message,0,0.04,USD\n"); err != nil {
		t.Fatal(err)
	}
	if got := card(); got != "||| 0.100000001" {
		t.Errorf("card after the correction = %q", got)
	}
	example, err := os.ReadFile("../docs/rates-example.csv")
	if err == nil {
		_, err = load(string(example))
	}
	if err != nil {
		t.Errorf("the example: %v", err)
	}
}
