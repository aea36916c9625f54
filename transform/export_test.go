package transform

var (
	SendsPerPass = &sendsPerPass
	UnitsPerPass = &unitsPerPass
)
