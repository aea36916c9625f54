// Package jsontree reads JSON documents whose shape nobody promised: what is absent, null or of
// another type than expected reads as "nothing there" instead of failing the whole document.
//
// The tokens come from jsontext, the Go project's own strict reader; this package remembers where each
// value lies in the document, so that one pass both judges a document and makes it readable.
package jsontree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrSyntax says that a document is not exactly one valid JSON value, or nests deeper than 10,000.
// It is wrapped with the byte offset; the document is never quoted, for it may hold personal data.
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

// node is one value or key of a document: raw text[start:end]. The nodes of what it holds follow it, up to
// next; in an object keys and values take turns.
type node struct {
	start, end, next uint32
	kind             Kind
}

type document struct {
	text  string
	plain bool // isPlain(text), so that no string need be asked
	nodes []node
}

// Parse reads raw as exactly one JSON document. A byte order mark in front is skipped. Values share
// no memory with raw. It returns ErrSyntax, wrapped.
func Parse(raw []byte) (Value, error) {
	p := parsers.Get().(*Parser)
	defer parsers.Put(p)
	v, err := p.Parse(raw)
	if err != nil {
		return Value{}, err
	}
	own := p.doc
	own.nodes = slices.Clone(own.nodes)
	p.doc.text = ""
	v.doc = &own
	return v, nil
}

var parsers = sync.Pool{New: func() any { return new(Parser) }}

// Parser parses one document after another in the same memory. The zero Parser is ready. A Value is
// good until the next call of Parse; the texts that it gave stay.
type Parser struct {
	// Strict makes a repeated key an error. Else the first counts, as nobody promised a platform's shape.
	Strict bool

	doc   document
	open  []uint32 // the containers around the next token
	bytes bytes.Buffer
	dec   jsontext.Decoder
}

// maxKept is how many nodes a parser keeps room for: one huge document must not cost memory for ever.
const maxKept = 1 << 14

// Parse is as the function Parse, except for how long a Value is good.
func (p *Parser) Parse(raw []byte) (Value, error) {
	raw = trimBOM(raw)
	if len(raw) > math.MaxUint32 {
		return Value{}, fmt.Errorf("%w: over 4 GiB", ErrSyntax)
	}
	if cap(p.doc.nodes) > maxKept {
		p.doc.nodes, p.open = nil, nil
	}
	p.doc.nodes = p.doc.nodes[:0]
	p.open = p.open[:0]
	reset(&p.dec, &p.bytes, raw, p.Strict)
	err := p.index()
	p.bytes = bytes.Buffer{} // hold on to nothing of the caller's
	if err != nil {
		p.doc.nodes = p.doc.nodes[:0]
		return Value{}, syntax(&p.dec, err)
	}
	p.doc.text = string(raw)
	p.doc.plain = isPlain(p.doc.text)
	return Value{&p.doc, 0}, nil
}

// SplitArray yields the elements of a document that is an array, as they were written and without
// holding them all. It returns ErrSyntax, wrapped, for what is not one valid array.
func SplitArray(raw []byte) (iter.Seq[[]byte], error) {
	raw = trimBOM(raw)
	var in bytes.Buffer
	var dec jsontext.Decoder
	reset(&dec, &in, raw, false)
	if dec.PeekKind() != '[' {
		return nil, fmt.Errorf("%w: not an array", ErrSyntax)
	}
	if err := dec.SkipValue(); err != nil {
		return nil, syntax(&dec, err)
	}
	if err := end(&dec); err != nil {
		return nil, syntax(&dec, err)
	}
	return func(yield func([]byte) bool) {
		reset(&dec, &in, raw, false)
		if _, err := dec.ReadToken(); err != nil {
			return
		}
		for dec.PeekKind() != ']' {
			// It was valid a moment ago.
			if element, err := dec.ReadValue(); err != nil || !yield(element) {
				return
			}
		}
	}, nil
}

func trimBOM(raw []byte) []byte { return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) }

// reset makes dec read raw, and take what encoding/json takes: unless strict, of a repeated key the first counts,
// and a byte that is not UTF-8 reads as U+FFFD.
func reset(dec *jsontext.Decoder, in *bytes.Buffer, raw []byte, strict bool) {
	*in = *bytes.NewBuffer(raw)
	dec.Reset(in, jsontext.AllowDuplicateNames(!strict), jsontext.AllowInvalidUTF8(true))
}

// end returns nil if nothing but white space is left.
func end(dec *jsontext.Decoder) error {
	switch _, err := dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return errors.New("more than one value")
}

// syntax is ErrSyntax with the place, and without what the reader found there.
func syntax(dec *jsontext.Decoder, err error) error {
	at := dec.InputOffset()
	var s *jsontext.SyntacticError
	if errors.As(err, &s) {
		at = s.ByteOffset
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return fmt.Errorf("%w: a key repeated at byte %d", ErrSyntax, at)
	}
	return fmt.Errorf("%w at byte %d", ErrSyntax, at)
}

// index fills p.doc.nodes with the document that p.dec reads.
func (p *Parser) index() error {
	for {
		var kind Kind
		switch p.dec.PeekKind() {
		case '{':
			kind = Object
		case '[':
			kind = Array
		case '}', ']':
			if _, err := p.dec.ReadToken(); err != nil {
				return err
			}
			last := len(p.open) - 1
			container := &p.doc.nodes[p.open[last]]
			container.end, container.next = uint32(p.dec.InputOffset()), uint32(len(p.doc.nodes))
			p.open = p.open[:last]
		case '"':
			kind = String
		case '0':
			kind = Number
		case 't', 'f':
			kind = Bool
		case 'n':
			kind = Null
		default:
			_, err := p.dec.ReadToken()
			return err
		}
		at := uint32(len(p.doc.nodes))
		switch kind {
		case Missing:
		case Object, Array:
			if _, err := p.dec.ReadToken(); err != nil {
				return err
			}
			p.open = append(p.open, at)
			p.doc.nodes = append(p.doc.nodes, node{start: uint32(p.dec.InputOffset()) - 1, kind: kind})
		default:
			raw, err := p.dec.ReadValue()
			if err != nil {
				return err
			}
			after := uint32(p.dec.InputOffset())
			p.doc.nodes = append(p.doc.nodes, node{start: after - uint32(len(raw)), end: after, next: at + 1, kind: kind})
		}
		if len(p.open) == 0 {
			return end(&p.dec)
		}
	}
}

// Value is one value of a document. The zero Value is Missing, and every method works on it.
type Value struct {
	doc *document
	at  uint32
}

// Kind returns the JSON type.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Missing
	}
	return v.doc.nodes[v.at].kind
}

// Get follows keys through nested objects. What is not there, or not an object, is Missing.
// Of a repeated key the first counts.
func (v Value) Get(keys ...string) Value {
	for _, key := range keys {
		v = v.member(key)
	}
	return v
}

func (v Value) member(key string) Value {
	if v.Kind() == Object {
		nodes := v.doc.nodes
		for at := v.at + 1; at < nodes[v.at].next; at = nodes[at+1].next {
			if v.doc.characters(at) == key {
				return Value{v.doc, at + 1}
			}
		}
	}
	return Value{}
}

// Elements yields the values of an array, and nothing for any other kind.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		nodes := v.doc.nodes
		for at := v.at + 1; at < nodes[v.at].next; at = nodes[at].next {
			if !yield(Value{v.doc, at}) {
				return
			}
		}
	}
}

// Members yields the keys and values of an object in document order, and nothing for any other kind.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		nodes := v.doc.nodes
		for key := v.at + 1; key < nodes[v.at].next; key = nodes[key+1].next {
			if !yield(v.doc.characters(key), Value{v.doc, key + 1}) {
				return
			}
		}
	}
}

// isPlain reports whether text has no escapes and is valid UTF-8.
func isPlain(text string) bool { return strings.IndexByte(text, '\\') < 0 && utf8.ValidString(text) }

// characters returns the text of a string.
func (d *document) characters(at uint32) string {
	raw := d.text[d.nodes[at].start:d.nodes[at].end]
	if d.plain || isPlain(raw) {
		return raw[1 : len(raw)-1]
	}
	// Its only error tells of U+FFFD in place of what is no character.
	text, _ := jsontext.AppendUnquote(nil, raw)
	return string(text)
}

// Text returns a string's characters or a number's digits as they were written: ids come as
// either. Every other kind is "".
func (v Value) Text() string {
	switch v.Kind() {
	case String:
		return v.doc.characters(v.at)
	case Number:
		return v.raw()
	}
	return ""
}

// Chars returns how many characters a string has; 0 for every other kind.
func (v Value) Chars() int {
	if v.Kind() != String {
		return 0
	}
	return utf8.RuneCountInString(v.Text())
}

// True reports whether v is the literal true, or the same said as text or number.
func (v Value) True() bool {
	if v.Kind() == Bool {
		return v.raw() == "true"
	}
	text := v.Text()
	return text == "1" || strings.EqualFold(text, "true")
}

// Raw returns v as it was written.
func (v Value) Raw() []byte { return []byte(v.raw()) }

func (v Value) raw() string {
	if v.doc == nil {
		return ""
	}
	n := v.doc.nodes[v.at]
	return v.doc.text[n.start:n.end]
}

// Empty reports whether there is nothing in v: missing, null, "", [] or {}.
func (v Value) Empty() bool {
	switch v.Kind() {
	case Missing, Null:
		return true
	case String:
		return len(v.raw()) == len(`""`)
	case Array, Object:
		return v.doc.nodes[v.at].next == v.at+1
	}
	return false
}
