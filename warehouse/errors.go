package warehouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"drumbeat/warehouse/embedded"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Server codes are read in this file and in the messages of this package, and nowhere else.
const (
	codeUnknownTable   = 60
	codeTableExists    = 57
	codeAccessDenied   = 497
	codeAuthentication = 516

	codeViolatedConstraint = 469
)

// transientCodes are refusals that have nothing to do with the statement: the same may work later.
var transientCodes = []int32{
	3,   // UNEXPECTED_END_OF_FILE
	159, // TIMEOUT_EXCEEDED
	164, // READONLY: a server in maintenance
	202, // TOO_MANY_SIMULTANEOUS_QUERIES
	203, // NO_FREE_CONNECTION
	209, // SOCKET_TIMEOUT
	210, // NETWORK_ERROR
	225, // NO_ZOOKEEPER
	236, // ABORTED
	241, // MEMORY_LIMIT_EXCEEDED
	242, // TABLE_IS_READ_ONLY
	243, // NOT_ENOUGH_SPACE
	252, // TOO_MANY_PARTS
	279, // ALL_CONNECTION_TRIES_FAILED
	285, // TOO_FEW_LIVE_REPLICAS
	286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
	319, // UNKNOWN_STATUS_OF_INSERT
	394, // QUERY_WAS_CANCELLED
	425, // SYSTEM_ERROR
	473, // DEADLOCK_AVOIDED
	999, // KEEPER_EXCEPTION
}

// rowCodes are refusals of what the rows hold: other rows of the same batch may be fine.
var rowCodes = []int32{
	6,   // CANNOT_PARSE_TEXT
	26,  // CANNOT_PARSE_QUOTED_STRING
	27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
	38,  // CANNOT_PARSE_DATE
	41,  // CANNOT_PARSE_DATETIME
	69,  // ARGUMENT_OUT_OF_BOUND
	70,  // CANNOT_CONVERT_TYPE
	72,  // CANNOT_PARSE_NUMBER
	117, // INCORRECT_DATA
	128, // TOO_LARGE_ARRAY_SIZE
	131, // TOO_LARGE_STRING_SIZE
	190, // SIZES_OF_ARRAYS_DONT_MATCH
	321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	376, // CANNOT_PARSE_UUID
	395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
	407, // DECIMAL_OVERFLOW
	codeViolatedConstraint,
	691, // UNKNOWN_ELEMENT_OF_ENUM
}

// Retryable tells whether the same call may work later, unchanged: the warehouse is away, restarting,
// full or overloaded. An insert that failed so may have happened; repeat it with its token.
// An ended ctx and a closed DB are not retryable.
func Retryable(err error) bool {
	var exception *clickhouse.Exception
	var httpError *clickhouse.HTTPError
	var netError net.Error
	switch {
	case err == nil, errors.Is(err, embedded.ErrClosed), errors.Is(err, embedded.ErrGivenUp):
		return false
	case errors.As(err, &exception):
		return slices.Contains(transientCodes, exception.Code)
	case errors.As(err, &httpError):
		return httpError.StatusCode >= 500 || httpError.StatusCode == 429
	case errors.Is(err, clickhouse.ErrAcquireConnTimeout), errors.Is(err, driver.ErrBadConn):
		return true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded):
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return true
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return true
	}
	return errors.As(err, &netError)
}

// insertError is an exception without its message, which may quote what the rows hold.
type insertError struct {
	exception *clickhouse.Exception
	detail    string
}

func (e *insertError) Error() string {
	return fmt.Sprintf("server code %d %s%s", e.exception.Code, e.exception.CodeName, e.detail)
}

func (e *insertError) Unwrap() error { return e.exception }

// quotingNoRow returns an insert's error without the server's text, unless that is known to quote no row.
func quotingNoRow(err error) error {
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) || slices.Contains(transientCodes, exception.Code) ||
		slices.Contains([]int32{codeUnknownTable, codeAccessDenied, codeAuthentication}, exception.Code) {
		return err
	}
	e := &insertError{exception: exception}
	// "Constraint `name` for table ... is violated at row 1. Expression: (...). Column values: ..."
	if constraint, _, ok := strings.Cut(exception.Message, " for table "); ok && exception.Code == codeViolatedConstraint {
		e.detail = ": " + constraint
	}
	return e
}

// RowsRefused tells whether an insert failed because of what its rows hold, so that a part of them may
// still be accepted. A missing table or right is no refusal of rows.
func RowsRefused(err error) bool {
	var exception *clickhouse.Exception
	return errors.As(err, &exception) && slices.Contains(rowCodes, exception.Code)
}
