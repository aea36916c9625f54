// Package jsontree reads JSON documents whose shape nobody promised: what is absent, null or of
// another type than expected reads as "nothing there" instead of failing the whole document.
//
// A Tree is a flat list of nodes over the raw bytes, so a document of many small values costs one
// allocation, numbers keep every digit, and nothing is decoded before someone asks for it.
package jsontree

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may nest. Platforms stay under 15; the limit keeps a
// hostile body from using up the stack.
const MaxDepth = 64

// Errors of Parse, wrapped with the byte offset. They never quote the document, which may hold
// personal data.
var (
	ErrSyntax   = errors.New("not valid JSON")
	ErrDepth    = fmt.Errorf("JSON nested deeper than %d", MaxDepth)
	ErrTrailing = errors.New("something follows the JSON document")
	ErrSize     = errors.New("JSON document over 2 GiB")
)

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

type node struct {
	kind             Kind
	keyEsc, esc      bool   // the key or string holds escapes or bytes that are not UTF-8
	keyStart, keyEnd uint32 // between the quotes; equal for elements of an array
	start, end       uint32 // of a string between the quotes
	next             int32  // the next sibling, or -1
	first            int32  // the first child, or -1
}

// Tree is one parsed document. The zero value is ready for Parse. It keeps the raw bytes: do not
// change them while the tree or its values are in use.
type Tree struct {
	raw   []byte
	nodes []node
}

// Parse reads raw as exactly one JSON document, reusing the tree's memory. A byte order mark in
// front is skipped. It returns ErrSyntax, ErrDepth, ErrTrailing or ErrSize, wrapped.
func (t *Tree) Parse(raw []byte) error {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	t.raw, t.nodes = raw, t.nodes[:0]
	if len(raw) > math.MaxInt32 {
		return ErrSize
	}
	p := parser{tree: t}
	p.space()
	if _, err := p.value(0, 0, false, 0); err != nil {
		t.nodes = t.nodes[:0]
		return fmt.Errorf("%w at byte %d", err, p.pos)
	}
	p.space()
	if p.pos < len(raw) {
		t.nodes = t.nodes[:0]
		return fmt.Errorf("%w at byte %d", ErrTrailing, p.pos)
	}
	return nil
}

// Root returns the document's value; it is Missing before a successful Parse.
func (t *Tree) Root() Value {
	if len(t.nodes) == 0 {
		return Value{}
	}
	return Value{t, 0}
}

// Value is one value of a document. The zero Value is Missing, and every method works on it.
type Value struct {
	tree *Tree
	at   int32
}

func (v Value) node() *node {
	if v.tree == nil {
		return &missing
	}
	return &v.tree.nodes[v.at]
}

var missing = node{kind: Missing, next: -1, first: -1}

// Kind returns the JSON type.
func (v Value) Kind() Kind { return v.node().kind }

// Get follows keys through nested objects. What is not there, or not an object, is Missing.
// Of a repeated key the first counts.
func (v Value) Get(keys ...string) Value {
	for _, key := range keys {
		if v.Kind() != Object {
			return Value{}
		}
		found := Value{}
		for i := v.node().first; i >= 0; i = v.tree.nodes[i].next {
			if v.tree.keyIs(i, key) {
				found = Value{v.tree, i}
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
		if v.Kind() != Array {
			return
		}
		for i := v.node().first; i >= 0; i = v.tree.nodes[i].next {
			if !yield(Value{v.tree, i}) {
				return
			}
		}
	}
}

// Members yields the keys and values of an object in document order, and nothing for any other
// kind. A key is valid until the raw bytes change.
func (v Value) Members() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for i := v.node().first; i >= 0; i = v.tree.nodes[i].next {
			if !yield(v.tree.key(i), Value{v.tree, i}) {
				return
			}
		}
	}
}

// Text returns a string's characters or a number's digits as they were written: ids come as
// either. Every other kind is "".
func (v Value) Text() string { return string(v.Bytes()) }

// Bytes is Text without a copy where the document allows it: valid until the raw bytes change.
func (v Value) Bytes() []byte {
	n := v.node()
	switch n.kind {
	case String:
		raw := v.tree.raw[n.start:n.end]
		if n.esc {
			return unescape(raw)
		}
		return raw
	case Number:
		return v.tree.raw[n.start:n.end]
	}
	return nil
}

// Chars returns how many characters a string has; 0 for every other kind.
func (v Value) Chars() int {
	if v.Kind() != String {
		return 0
	}
	return utf8.RuneCount(v.Bytes())
}

// True reports whether v is the literal true, or the same said as text or number.
func (v Value) True() bool {
	n := v.node()
	switch n.kind {
	case Bool:
		return v.tree.raw[n.start] == 't'
	case Number, String:
		s := string(v.Bytes())
		return s == "1" || strings.EqualFold(s, "true")
	}
	return false
}

// Raw returns the bytes of v as written; of a string without its quotes.
func (v Value) Raw() []byte {
	n := v.node()
	if n.kind == Missing {
		return nil
	}
	return v.tree.raw[n.start:n.end]
}

// Empty reports whether there is nothing in v: missing, null, "", [] or {}.
func (v Value) Empty() bool {
	n := v.node()
	switch n.kind {
	case Missing, Null:
		return true
	case String:
		return n.start == n.end
	case Array, Object:
		return n.first < 0
	}
	return false
}

func (t *Tree) keyIs(i int32, key string) bool {
	n := &t.nodes[i]
	if n.keyEsc {
		return string(t.key(i)) == key
	}
	return string(t.raw[n.keyStart:n.keyEnd]) == key
}

func (t *Tree) key(i int32) []byte {
	n := &t.nodes[i]
	if n.keyEsc {
		return unescape(t.raw[n.keyStart:n.keyEnd])
	}
	return t.raw[n.keyStart:n.keyEnd]
}

type parser struct {
	tree *Tree
	pos  int
}

func (p *parser) space() {
	raw := p.tree.raw
	for p.pos < len(raw) {
		switch raw[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// value parses one value and returns its node; the key's place is handed in so that the node is
// written once.
func (p *parser) value(keyStart, keyEnd uint32, keyEsc bool, depth int) (int32, error) {
	raw := p.tree.raw
	if p.pos >= len(raw) {
		return -1, ErrSyntax
	}
	at := int32(len(p.tree.nodes))
	n := node{keyEsc: keyEsc, keyStart: keyStart, keyEnd: keyEnd, start: uint32(p.pos), next: -1, first: -1}
	switch c := raw[p.pos]; c {
	case '"':
		start, end, esc, err := p.text()
		if err != nil {
			return -1, err
		}
		n.kind, n.esc, n.start, n.end = String, esc, start, end
		p.tree.nodes = append(p.tree.nodes, n)
	case '{', '[':
		if depth >= MaxDepth {
			return -1, ErrDepth
		}
		n.kind = Array
		if c == '{' {
			n.kind = Object
		}
		p.tree.nodes = append(p.tree.nodes, n)
		if err := p.children(at, c == '{', depth); err != nil {
			return -1, err
		}
		p.tree.nodes[at].end = uint32(p.pos)
	case 't', 'f', 'n':
		word := "true"
		n.kind = Bool
		switch c {
		case 'f':
			word = "false"
		case 'n':
			word = "null"
			n.kind = Null
		}
		if !bytes.HasPrefix(raw[p.pos:], []byte(word)) {
			return -1, ErrSyntax
		}
		p.pos += len(word)
		n.end = uint32(p.pos)
		p.tree.nodes = append(p.tree.nodes, n)
	default:
		if err := p.number(); err != nil {
			return -1, err
		}
		n.kind, n.end = Number, uint32(p.pos)
		p.tree.nodes = append(p.tree.nodes, n)
	}
	return at, nil
}

func (p *parser) children(parent int32, object bool, depth int) error {
	raw := p.tree.raw
	closing := byte(']')
	if object {
		closing = '}'
	}
	p.pos++
	p.space()
	if p.pos < len(raw) && raw[p.pos] == closing {
		p.pos++
		return nil
	}
	last := int32(-1)
	for {
		var keyStart, keyEnd uint32
		var keyEsc bool
		if object {
			if p.pos >= len(raw) || raw[p.pos] != '"' {
				return ErrSyntax
			}
			var err error
			if keyStart, keyEnd, keyEsc, err = p.text(); err != nil {
				return err
			}
			p.space()
			if p.pos >= len(raw) || raw[p.pos] != ':' {
				return ErrSyntax
			}
			p.pos++
			p.space()
		}
		child, err := p.value(keyStart, keyEnd, keyEsc, depth+1)
		if err != nil {
			return err
		}
		if last < 0 {
			p.tree.nodes[parent].first = child
		} else {
			p.tree.nodes[last].next = child
		}
		last = child
		p.space()
		if p.pos >= len(raw) {
			return ErrSyntax
		}
		switch raw[p.pos] {
		case closing:
			p.pos++
			return nil
		case ',':
			p.pos++
			p.space()
		default:
			return ErrSyntax
		}
	}
}

// text reads a string from its opening quote and returns the place between the quotes.
func (p *parser) text() (start, end uint32, esc bool, err error) {
	raw := p.tree.raw
	i := p.pos + 1
	begin := i
	high := false
	for i < len(raw) {
		c := raw[i]
		switch {
		case c == '"':
			p.pos = i + 1
			// Bytes that are not UTF-8 occur in the wild; they are replaced when read.
			return uint32(begin), uint32(i), esc || high && !utf8.Valid(raw[begin:i]), nil
		case c == '\\':
			esc = true
			i++
			if i >= len(raw) {
				p.pos = i
				return 0, 0, false, ErrSyntax
			}
			switch raw[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(raw, i+1); !ok {
					p.pos = i
					return 0, 0, false, ErrSyntax
				}
				i += 4
			default:
				p.pos = i
				return 0, 0, false, ErrSyntax
			}
		case c < 0x20:
			p.pos = i
			return 0, 0, false, ErrSyntax
		case c >= utf8.RuneSelf:
			high = true
		}
		i++
	}
	p.pos = i
	return 0, 0, false, ErrSyntax
}

func (p *parser) number() error {
	raw := p.tree.raw
	digits := func() bool {
		from := p.pos
		for p.pos < len(raw) && raw[p.pos] >= '0' && raw[p.pos] <= '9' {
			p.pos++
		}
		return p.pos > from
	}
	if raw[p.pos] == '-' {
		p.pos++
	}
	if p.pos < len(raw) && raw[p.pos] == '0' {
		p.pos++
	} else if !digits() {
		return ErrSyntax
	}
	if p.pos < len(raw) && raw[p.pos] == '.' {
		p.pos++
		if !digits() {
			return ErrSyntax
		}
	}
	if p.pos < len(raw) && (raw[p.pos] == 'e' || raw[p.pos] == 'E') {
		p.pos++
		if p.pos < len(raw) && (raw[p.pos] == '+' || raw[p.pos] == '-') {
			p.pos++
		}
		if !digits() {
			return ErrSyntax
		}
	}
	return nil
}

func hex4(raw []byte, at int) (rune, bool) {
	if at+4 > len(raw) {
		return 0, false
	}
	var r rune
	for _, c := range raw[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape decodes what text has checked. Lone surrogates and bytes that are not UTF-8 become
// U+FFFD.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			if c < utf8.RuneSelf {
				out = append(out, c)
				i++
				continue
			}
			r, size := utf8.DecodeRune(raw[i:])
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		i++
		switch c = raw[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(raw, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					if low, ok := hex4(raw, i+3); ok {
						pair = utf16.DecodeRune(r, low)
					}
				}
				if pair != utf8.RuneError {
					i += 6
				}
				r = pair
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
		i++
	}
	return out
}
