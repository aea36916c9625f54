package reports

import (
	"fmt"
	"strings"
	"testing"
)

// The randomised comparison is the one that may be called an effect, so its page has the difference, its interval and what speaks against it.
func TestArms(t *testing.T) {
	row := func(outcome, arm, rest string) string {
		return fmt.Sprintf(`{"outcome":%q,"arm":%q,"contacts":900,"person_days":27000,"against":"hold","sample_ratio_p":0.41,"mixed_contacts":7,`, outcome, arm) + rest + "}\n"
	}
	const none = `"difference":null,"difference_lower":null,"difference_upper":null,"p_adjusted":null`
	f := func(rows string, level Level, finding string, notes ...string) Figure {
		t.Helper()
		figure := figure(content(t, frequencyPage, answers{"frequency_arms": rows}), "arms")
		if len(figure.Views) != 1 || figure.Level != level || figure.Views[0].Finding != finding {
			t.Fatalf("the test is shown as %+v", figure)
		}
		for _, want := range notes {
			if !strings.Contains(strings.Join(figure.Notes, " "), want) {
				t.Errorf("the notes %q lack %q", figure.Notes, want)
			}
		}
		return figure
	}
	any := row("any", "hold", `"identification":"randomised","why":"","outcomes":0,"suppressed":1,"rate":null,"lower":null,"upper":null,`+none) +
		row("any", "weekly", `"identification":"randomised","why":"","outcomes":2700,"suppressed":0,"rate":0.1,"lower":0.09,"upper":0.11,`+none)
	held := row("opt_out", "hold", `"identification":"randomised","why":"","outcomes":27,"suppressed":0,"rate":0.001,"lower":0.0007,"upper":0.0014,`+none)
	weekly := `"identification":"randomised","why":"","outcomes":54,"suppressed":0,"rate":0.002,"lower":0.0015,"upper":0.0026,"difference":0.001,"difference_lower":0.0003,"difference_upper":0.0017,"p_adjusted":`
	figure := f(any+held+row("opt_out", "weekly", weekly+"0.0004"), Randomised, "The arms differ: Opt-out, weekly against hold", "p = 0.410", "left out: 7")
	if v := figure.Views[0]; v.N != "54,000 contact-days of 1,800 contacts" || fmt.Sprint(v.Rows[3][9:]) != "[hold 0.001 0.0003 0.0017 < 0.001]" || fmt.Sprint(v.Rows[1][9:]) != "[ <nil> <nil> <nil> ]" {
		t.Errorf("the differences are %v of %s", v.Rows, v.N)
	}
	f(any+held+row("opt_out", "weekly", weekly+"0.07"), Randomised, "No clear difference between the arms")
	blocked := strings.NewReplacer(`"identification":"randomised","why":""`, `"identification":"blocked","why":"the test began before the window"`)
	f(blocked.Replace(any+held), Crude, "The randomised test is not believed, and no difference is given", "Not believed: the test began before the window.")
}

// A what-if whose comparison fails its check says so instead of a number, and a recommendation says what it rests on.
func TestRecommendationSaysWhatItRestsOn(t *testing.T) {
	const dose = `{"dimension":"all","segment":"","identification":"within","headline":1,"arm":"","dose_from":3,"dose_to":3,"outcome":"open","value_engagement":1,"cost_opt_out":10,"cost_message":0,"budget":0.005,"contacts":400,"person_days":9000,` +
		`"opt_out_rate":0.002,"opt_out_lower":0.001,"opt_out_upper":0.004,"within_budget":1,"utility":0.1,"utility_lower":0.09,"utility_upper":0.11,"candidate":1,"excluded":"","plausible":1,"chance_best":0.9,"recommended":1,"recommended_half":1,"recommended_double":1,"recommended_value_half":0,"recommended_value_double":1,"why":"","what_would_settle_it":""}`
	change := func(measure, verdict string) string {
		return fmt.Sprintf(`{"dimension":"all","segment":"","measure":%q,"cap":3,"outcome":"open","identification":"within","contacts":400,"person_days":9000,"days_above":500,"observed":60,"observed_lower":55,"observed_upper":65,"capped":50,"capped_lower":45,"capped_upper":55,"change":-10,"change_lower":-12,"change_upper":-8,"verdict":%q,"assumption":"so"}`, measure, verdict) + "\n"
	}
	c := content(t, frequencyPage, answers{"frequency_recommendation": dose, "frequency_what_if": change("engagement", "cannot tell") + change("opt_out", "association")})
	if got, want := figure(c, "recommendation").Views[0].Finding, "3 messages in 7 days is the smallest number that may be best and surely keeps the budget of opt-outs, by contacts compared with themselves (an association)"; got != want {
		t.Errorf("the recommendation says %q, want %q", got, want)
	}
	notes := strings.Join(figure(c, "recommendation").Notes, " ")
	for _, want := range []string{
		"Budget: at most 5.00 opt-outs per 1,000 person-days",
		"Did an opt-out cost half as much, the recommendation would be 3; twice as much, 3. Were an open worth half as much, it would be none; twice as much, 3.",
		"Messages cost nothing here, so only the ratio of the two counts",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in %q", want, notes)
		}
	}
	if got, want := figure(c, "what-if").Views[0].Finding, "A cap of 3 would go with 10 fewer opt-outs per 1,000 contacts in 30 days; of opens it cannot be told"; got != want {
		t.Errorf("the cap says %q, want %q", got, want)
	}
}

// What cannot be told has a reason, and a sender who reacts is only one of them.
func TestWithinSaysWhyItCannotTell(t *testing.T) {
	estimate, lower, upper := -.02, -.03, -.01
	for why, want := range map[string]string{
		"the dose of the week after goes with engagement too, so the sender may react to the contacts: the placebo": "the sender seems to react to contacts",
		"there is no placebo: too few contacts whose next week is known":                                            "there is no placebo: too few contacts whose next week is known",
	} {
		words, _, _ := withinWords(outcomes[0], &curveRow{Estimate: &estimate, Lower: &lower, Upper: &upper, Verdict: "cannot tell", Why: why})
		if !strings.HasSuffix(words, ": "+want) {
			t.Errorf("%q, want its end to be %q", words, want)
		}
	}
}
