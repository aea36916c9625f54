package reports

import "testing"

func TestDelivery(t *testing.T) {
	c := content(t, deliveryPage, answers{
		"delivery_funnel": `
{"channel":"whatsapp","market":"all","state":"delivered","method":"by_mid","sent":120,"messages":100,"in_state":95,"contacts":50,"suppressed":0,"rate":0.95,"lower":0.89,"upper":0.98}`,
		"send_window_shares": `
{"dimension":"all","segment":"","state":"standard","failed":0,"messages":100,"in_state":100,"contacts":50,"suppressed":0,"rate":1,"lower":0.96,"upper":1}
{"dimension":"all","segment":"","state":"none","failed":0,"messages":100,"in_state":0,"contacts":50,"suppressed":1,"rate":null,"lower":null,"upper":null}`,
		"spend": `
{"dimension":"all","segment":"","month":"1970-01-01","currency":"USD","messages":100,"charged":90,"without_price":2,"contacts":50,"amount":"12.5","why":"","per_reply":0.5,"per_reply_lower":0.4,"per_reply_upper":0.6}
{"dimension":"all","segment":"","month":"1970-01-01","currency":"AUD","messages":100,"charged":90,"without_price":2,"contacts":50,"amount":"0.01","why":"","per_reply":0.00001,"per_reply_lower":0.000001,"per_reply_upper":0.0001}
{"dimension":"all","segment":"","month":"2026-03-01","currency":"USD","messages":100,"charged":90,"without_price":2,"contacts":50,"amount":"12.5","why":"","per_reply":0.5,"per_reply_lower":0.4,"per_reply_upper":0.6}`,
	})
	if want := "90 charged messages cost 12.5 USD and 0.01 AUD, and 2 of them have no price yet"; c.Finding != want {
		t.Errorf("the page says %q, want %q", c.Finding, want)
	}
	// One answer on cost, one on windows: next to nothing in a currency is none.
	if len(c.Answers) != 2 || c.Answers[1].Sentence != "Every message was sent in a window that the platform's rules allow." || c.Answers[0].Value != "0.5000" {
		t.Errorf("the answers are %+v", c.Answers)
	}
	if c := content(t, deliveryPage, answers{}); !c.empty() {
		t.Errorf("without rows the page has %d sections, want none", len(c.Sections))
	}
}
