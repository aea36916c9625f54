package stats

// DelayCohort are sends of one age at the cutoff.
type DelayCohort struct {
	Sends, Outcomes uint64
	Share           float64 // of the outcomes within the window that have come at this age, in [0,1]
}

// DelayCorrected estimates the rate of outcomes within the window from sends too young to be judged, and the sends
// that they are worth. The figure is provisional. False if the sends are worth nothing yet, a share is outside
// [0,1], or more outcomes have come than the sends are worth. Source: Chapelle 2014, for known delays.
func DelayCorrected(cohorts []DelayCohort) (rate, worth float64, ok bool) {
	var outcomes uint64
	var base sum
	for _, c := range cohorts {
		if !(c.Share >= 0 && c.Share <= 1) {
			return 0, 0, false
		}
		outcomes += c.Outcomes
		base.add(float64(c.Sends) * c.Share)
	}
	worth = base.value()
	if worth <= 0 || float64(outcomes) > worth {
		return 0, 0, false
	}
	return float64(outcomes) / worth, worth, true
}
