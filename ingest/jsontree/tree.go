// Package jsontree reads JSON documents whose shape nobody promised: what is absent, null or of
// another type than expected reads as "nothing there" instead of failing the whole document.
// encoding/json judges whether a document is valid; gjson finds values in it without decoding the
// rest, and keeps every digit of a number.
package jsontree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// ErrSyntax says that a document is not exactly one valid JSON value, or nests deeper than 10,000.
// Parse wraps it with the byte offset; the document is never quoted, for it may hold personal data.
var ErrSyntax = errors.New("not valid JSON")

// Kind is the JSON type of a Value.
type Kind uint8

// Missing is the kind of a value that is not in the document.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Parse reads raw as exactly one JSON document. A byte order mark in front is skipped. Values share
// no memory with raw. It returns ErrSyntax, wrapped.
func Parse(raw []byte) (Value, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !json.Valid(raw) {
		var syntax *json.SyntaxError
		if errors.As(json.Unmarshal(raw, new(json.RawMessage)), &syntax) {
			return Value{}, fmt.Errorf("%w at byte %d", ErrSyntax, syntax.Offset)
		}
		return Value{}, ErrSyntax
	}
	return Value{gjson.ParseBytes(raw)}, nil
}

// Value is one value of a document. The zero Value is Missing, and every method works on it.
type Value struct{ r gjson.Result }

// Kind returns the JSON type.
func (v Value) Kind() Kind {
	switch {
	case !v.r.Exists():
		return Missing
	case v.r.Type == gjson.Null:
		return Null
	case v.r.IsBool():
		return Bool
	case v.r.Type == gjson.Number:
		return Number
	case v.r.Type == gjson.String:
		return String
	case v.r.IsArray():
		return Array
	default:
		return Object
	}
}

// Get follows keys through nested objects. What is not there, or not an object, is Missing.
// Of a repeated key the first counts.
func (v Value) Get(keys ...string) Value {
	for _, key := range keys {
		found := Value{}
		for k, value := range v.Members() {
			if k == key {
				found = value
				break
			}
		}
		v = found
	}
	return v
}

// Elements yields the values of an array, and nothing for any other kind.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.r.IsArray() {
			v.r.ForEach(func(_, value gjson.Result) bool { return yield(Value{value}) })
		}
	}
}

// Members yields the keys and values of an object in document order, and nothing for any other kind.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.r.IsObject() {
			v.r.ForEach(func(key, value gjson.Result) bool { return yield(valid(key.Str), Value{value}) })
		}
	}
}

// Text returns a string's characters or a number's digits as they were written: ids come as
// either. Every other kind is "".
func (v Value) Text() string {
	switch v.r.Type {
	case gjson.String:
		return valid(v.r.Str)
	case gjson.Number:
		return v.r.Raw
	}
	return ""
}

// Chars returns how many characters a string has; 0 for every other kind.
func (v Value) Chars() int {
	if v.r.Type != gjson.String {
		return 0
	}
	return utf8.RuneCountInString(v.r.Str)
}

// True reports whether v is the literal true, or the same said as text or number.
func (v Value) True() bool {
	return v.r.Type == gjson.True || v.Text() == "1" || strings.EqualFold(v.Text(), "true")
}

// Raw returns v as it was written.
func (v Value) Raw() []byte { return []byte(v.r.Raw) }

// Empty reports whether there is nothing in v: missing, null, "", [] or {}.
func (v Value) Empty() bool {
	switch v.Kind() {
	case Missing, Null:
		return true
	case String:
		return v.r.Str == ""
	case Array, Object:
		empty := true
		v.r.ForEach(func(_, _ gjson.Result) bool { empty = false; return false })
		return empty
	}
	return false
}

// valid puts U+FFFD for each byte that is not UTF-8, as encoding/json does.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
