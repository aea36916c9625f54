package transform

// jobs are the models of each job, in order. A model reads only tables and models before it; the header of its SQL names
// them, and models that do not read each other are computed side by side.
var jobs = map[string][]model{
	"frequency": {
		{relation: "coverage", fill: insertSelect, scope: everything},
		{relation: "messages", fill: insertByContacts, scope: sentDays, restates: true},
		{relation: "person_days", fill: insertByContacts, scope: riskDays},
		{relation: "frequency_engagement", fill: fillRates, scope: window},
		{relation: "frequency_segments", fill: fillRates, scope: window},
		{relation: "frequency_position", fill: fillPosition, scope: window},
		{relation: "frequency_gap", fill: fillRates, scope: window},
		{relation: "frequency_hour", fill: fillRates, scope: window},
		{relation: "frequency_withheld", fill: fillRates, scope: window},
		{relation: "frequency_distribution", fill: fillDistribution, scope: window},
		{relation: "frequency_opt_out", fill: fillRates, scope: window},
		{relation: "opt_out_by_message", fill: fillOptOutByMessage, scope: window},
		{relation: "opt_out_by_time", fill: fillOptOutByTime, scope: window},
		{relation: "days_stayed", fill: fillDaysStayed, scope: window},
		{relation: "frequency_dose", fill: fillDose, scope: window},
		{relation: "frequency_curves", fill: fillCurves, scope: window},
		{relation: "frequency_arms", fill: fillArms, scope: window},
		{relation: "contact_doses", fill: insertByContacts, scope: window},
		{relation: "frequency_recommendation", fill: fillRecommendation, scope: window},
		{relation: "frequency_what_if", fill: fillWhatIf, scope: window},
		{relation: "contact_classes", fill: fillClasses, scope: window},
		{relation: "contact_class_shares", fill: fillClassShares, scope: window},
	},
}
