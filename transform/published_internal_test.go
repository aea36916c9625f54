package transform

import (
	"strings"
	"testing"
)

func TestPublishedFiguresAddUp(t *testing.T) {
	if err := checkPublished(publishedFigures); err != nil {
		t.Error(err)
	}
	// Another copy of the same report says 26, 36 and 36 %, which leaves two people in a hundred without an answer.
	copied := strings.Replace(publishedFigures, "every 2-3 weeks,Philippines,38", "every 2-3 weeks,Philippines,36", 1)
	if err := checkPublished(copied); copied == publishedFigures || err == nil || !strings.Contains(err.Error(), "98") {
		t.Errorf("26, 36, 36: %v", err)
	}
}
