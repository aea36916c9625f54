package transform

var (
	SendsPerPass  = &sendsPerPass
	UnitsPerChunk = &unitsPerChunk
)
