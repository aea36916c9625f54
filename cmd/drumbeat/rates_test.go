package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRates(t *testing.T) {
	dir := t.TempDir()
	if out, said, code := drumbeat(t, "", "--dir", dir, "rates", "docs/rates-example.csv"); code != 0 || !strings.HasPrefix(out, "8 prices loaded, the card of 3 pairs of channel and date replaced") {
		t.Fatalf("rates: %d, %s%s", code, out, said)
	}
	wrong := filepath.Join(dir, "wrong.csv")
	if err := os.WriteFile(wrong, []byte("date_from,channel,market,category,unit,tier_from,price,currency\n2025-07-01,sms,*,*,message,0,free,USD\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, said, code := drumbeat(t, "", "--dir", dir, "rates", wrong); code != 2 || out != "" || !strings.Contains(said, `line 2: price "free": write`) || !strings.Contains(said, "nothing was loaded") {
		t.Errorf("a wrong price: %d, %s%s", code, out, said)
	}
	if _, said, code := drumbeat(t, "", "--dir", dir, "rates", "nowhere.csv"); code != 2 || !strings.Contains(said, "nowhere.csv") {
		t.Errorf("no file: %d, %s", code, said)
	}
}
