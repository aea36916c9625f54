package ingest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The spool keeps events as CBOR (RFC 8949): a record is a sequence of maps from the key numbers
// of Event to values, so that a reader can skip keys that it does not know, and an older record
// reads as an event without the newer fields.

// errEncoding says that a record's bytes are no events, although its checksum is right.
var errEncoding = errors.New("spooled events unreadable")

type codec struct {
	write cbor.UserBufferEncMode
	read  cbor.DecMode
}

// spoolCodec is read-only after init; its options are constants, so it cannot fail.
var spoolCodec = func() codec {
	write, errWrite := cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.UserBufferEncMode()
	// Whatever a source called text has been accepted; it must come out again.
	read, errRead := cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid}.DecMode()
	if err := errors.Join(errWrite, errRead); err != nil {
		panic(err)
	}
	return codec{write, read}
}()

// appendEvent appends e in the spool's format.
func appendEvent(dst []byte, e *Event) []byte {
	buf := bytes.NewBuffer(dst)
	if err := spoolCodec.write.MarshalToBuffer(e, buf); err != nil {
		panic(fmt.Sprintf("encode an event: %v", err)) // only an unsupported type of a field of Event
	}
	return buf.Bytes()
}

// readEvents decodes every event of a record and hands each to each, which must not keep the
// pointer. It returns errEncoding, or what each returned.
func readEvents(record []byte, each func(*Event) error) error {
	for len(record) > 0 {
		var e Event
		rest, err := spoolCodec.read.UnmarshalFirst(record, &e)
		if err != nil {
			return fmt.Errorf("%w: %w", errEncoding, err)
		}
		record = rest
		if err := each(&e); err != nil {
			return err
		}
	}
	return nil
}
