package transform

// riskDays are days at risk: a run replaces those of its window.
var riskDays = scope{
	partitions: `SELECT DISTINCT toString(day) AS name FROM {table}
		WHERE day >= toDate({from:DateTime64(3, 'UTC')}) AND day < toDate({to:DateTime64(3, 'UTC')})`,
	where: `day >= toDate({from:DateTime64(3, 'UTC')}) AND day < toDate({to:DateTime64(3, 'UTC')})`,
}
