package transform

import "testing"

func TestClasses(t *testing.T) {
	number := func(n uint32) *uint32 { return &n }
	from, to := number(12), number(20)
	f := func(want string, c contactClass) {
		t.Helper()
		if got := c.class(); got != want {
			t.Errorf("%+v is %s, want %s", c, got, want)
		}
	}
	f(tooLittleData, contactClass{Known28Days: 1, Messages: 4, Identification: "within", From: from, To: to})
	f(tooLittleData, contactClass{Known28Days: 1, Messages: 0, Identification: "within", From: from, To: to})
	f(tooLittleData, contactClass{Known28Days: 0, Messages: 15, Identification: "within", From: from, To: to})
	f(tooLittleData, contactClass{Known28Days: 1, Messages: 4})
	f(undersaturated, contactClass{Known28Days: 1, NeverSent: 1, Identification: "within", From: from, To: to})
	f(onTarget, contactClass{Known28Days: 1, NeverSent: 1, Identification: "within", From: number(0), To: to})
	f(noRecommendation, contactClass{Known28Days: 1, NeverSent: 1})
	f(noRecommendation, contactClass{Known28Days: 1, Messages: 5})
	f(undersaturated, contactClass{Known28Days: 1, Messages: 5, Identification: "within", From: from, To: to})
	f(undersaturated, contactClass{Known28Days: 1, Messages: 11, Identification: "within", From: from, To: to})
	f(onTarget, contactClass{Known28Days: 1, Messages: 12, Identification: "within", From: from, To: to})
	f(onTarget, contactClass{Known28Days: 1, Messages: 20, Identification: "within", From: from, To: to})
	f(saturated, contactClass{Known28Days: 1, Messages: 21, Identification: "within", From: from, To: to})
	f(onTarget, contactClass{Known28Days: 1, Messages: 900, Identification: "within", From: from}) // nothing above was compared
	f(onTarget, contactClass{Known28Days: 1, Messages: 5, Identification: "within", To: to})       // nothing below was compared
}

// Only saturated contacts with messages in both periods are tested, all of them as one family.
func TestDecline(t *testing.T) {
	to := uint32(20)
	c := func(messages uint16, known uint8, lateEngaged, late, earlyEngaged, early uint16) contactClass {
		return contactClass{Known28Days: 1, Known49Days: known, Messages: messages, Identification: "within", From: &to, To: &to,
			LateMessages: late, LateEngaged: lateEngaged, EarlyMessages: early, EarlyEngaged: earlyEngaged}
	}
	found, err := declines([]contactClass{
		c(30, 1, 0, 10, 10, 20), // 0 of 10 after 10 of 20: C(20,10)/C(30,10)
		c(30, 1, 5, 10, 10, 20), // no change
		c(20, 1, 0, 10, 10, 20), // on target
		c(30, 0, 0, 10, 10, 20), // the early period is not in the data
		c(30, 1, 0, 0, 10, 20),  // nothing late
	})
	if err != nil || len(found) != 2 {
		t.Fatalf("tested %v, %v; want two", found, err)
	}
	CloseTo(t, "decline", found[0], 2*184756./30045015, 1e-12) // the less probable of two: doubled
	if found[1] < .5 {
		t.Errorf("no change has p = %g", found[1])
	}
	if found, err := declines(nil); err != nil || len(found) > 0 {
		t.Errorf("of nobody: %v, %v", found, err)
	}
}
