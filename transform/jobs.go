package transform

// jobs are the models of each job, in order. A model reads only tables and models before it.
var jobs = map[string][]model{
	"frequency": {
		{relation: "coverage", fill: insertSelect, scope: everything},
		{relation: "messages", fill: insertSelect, scope: sentDays},
		{relation: "person_days", fill: insertSelect, scope: riskDays},
		{relation: "frequency_engagement", fill: fillEngagement, scope: window},
		{relation: "frequency_opt_out", fill: fillOptOut, scope: window},
	},
}
