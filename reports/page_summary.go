package reports

// The summary repeats what the other pages answer first, in the order of the pages, each with a link
// to its proof and what the edition before said.
var summaryPage = Page{Name: "summary", Title: "Summary"}

// summarise makes the summary of the other pages' answers, and what is kept of it for the next edition.
func summarise(d *Data, others []built, before []Said) (Content, []answerView, []Said) {
	var c Content
	var views []answerView
	var said []Said
	for i, take := range room(others) {
		page := others[i]
		for _, a := range page.content.Answers[:take] {
			c.Answers = append(c.Answers, a)
			views = append(views, answerView{Answer: a, Change: sinceLast(a, before), Link: page.Name + ".html#" + a.Figure})
			said = append(said, Said{Window: days(d.From, d.To), Question: a.Question, Value: a.Value, Interval: a.Interval})
		}
	}
	c.Finding = "There are no messages old enough to judge yet"
	if len(others) > 0 {
		c.Finding, c.Lede, c.Caveat = others[0].content.Finding, nil, others[0].content.Caveat
	}
	if len(views) == 0 {
		c.Lede = []string{"A message counts once its attribution window has passed: 24 hours for replies, 7 days for opens and clicks."}
	}
	return c, views, said
}

// A summary has room for so many answers.
const mostAnswers = 7

// room says how many answers of each page the summary takes: the first of every page, then the second,
// as long as there is room.
func room(pages []built) []int {
	take, left := make([]int, len(pages)), mostAnswers
	for more := true; more; {
		more = false
		for i, p := range pages {
			if left > 0 && take[i] < len(p.content.Answers) {
				take[i], left, more = take[i]+1, left-1, true
			}
		}
	}
	return take
}

// sinceLast says what the edition before said to the same question. The two are not subtracted: their
// windows overlap, so their difference has an interval that nobody computed.
func sinceLast(a Answer, before []Said) string {
	for _, s := range before {
		if s.Question != a.Question {
			continue
		}
		switch {
		case s.Value == "" && a.Value == "":
			return "as in the last edition (" + s.Window + ")"
		case s.Value == a.Value && s.Interval == a.Interval:
			return "unchanged since the last edition (" + s.Window + ")"
		case s.Value == "":
			return "no figure in the last edition (" + s.Window + ")"
		case s.Interval == "":
			return "was " + s.Value + " in the last edition (" + s.Window + ")"
		}
		return "was " + s.Value + " (" + s.Interval + ") in the last edition (" + s.Window + ")"
	}
	if len(before) > 0 {
		return "not in the last edition"
	}
	return "no earlier edition to compare with"
}
