package reports

import "fmt"

// qualityPage says what arrived, and so how far the other pages can be trusted. Counts of what
// arrived change when a source delivers again; the figures of the other pages do not.
var qualityPage = Page{
	Name: "quality", Title: "Data quality",
	Asks:  []string{"arrivals", "freshness"},
	Build: buildQuality,
}

type arrivalRow struct {
	Channel    string `json:"channel"`
	EventType  string `json:"event_type"`
	Arrived    uint64 `json:"arrived"`
	Unique     uint64 `json:"unique_events"`
	Duplicates uint64 `json:"duplicates"`
	Late       uint64 `json:"late"`
	First      Time   `json:"first_event_at"`
	Last       Time   `json:"last_event_at"`
}

func buildQuality(d *Data) Content {
	var c Content
	rows := Rows[arrivalRow](d, "arrivals")
	var arrived, unique, late uint64
	names := []string{}
	parts := []Part{{Name: "unique", Colour: Plain}, {Name: "duplicate copies", Colour: Leave}}
	view := View{}
	for i, r := range rows {
		arrived, unique, late = arrived+r.Arrived, unique+r.Unique, late+r.Late
		names = append(names, r.Channel+" "+r.EventType)
		for k, n := range []uint64{r.Unique, r.Duplicates} {
			v := float64(n)
			parts[k].Values, parts[k].Rows = append(parts[k].Values, &v), append(parts[k].Rows, i)
		}
		view.Rows = append(view.Rows, []any{r.Channel, r.EventType, r.Arrived, r.Unique, r.Duplicates, r.Late, minute(r.First.Time), minute(r.Last.Time)})
	}
	view.N = count(arrived) + " events arrived"
	view.Finding = fmt.Sprintf("%s events arrived, %s of them copies of facts already known", count(arrived), count(arrived-unique))
	view.Charts = []Chart{Bars{Label: "Events that arrived, by channel and type", Kind: Count, Size: Tall, Across: true, Axis: names, Parts: parts}.Chart()}
	c.Finding = view.Finding
	c.Sections = []Section{{ID: "arrivals", Title: "What arrived", Intro: "Events of the window, as they came.", Figures: []Figure{{
		ID: "arrived", Topic: "Events by channel and type", Unit: "Events of the window", Level: Counted, Ask: "arrivals", Metric: "",
		Columns: []Column{{"channel", "Channel", Text, false}, {"event_type", "Event", Text, false}, {"arrived", "Arrived", Count, false}, {"unique_events", "Unique", Count, false},
			{"duplicates", "Duplicates", Count, false}, {"late", "Late", Count, false}, {"first_event_at", "First happened", Text, false}, {"last_event_at", "Last happened", Text, false}},
		Views: []View{view},
	}}}}
	return c
}
