package transform

var SendsPerPass = &sendsPerPass
