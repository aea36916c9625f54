package jsontree

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func parse(t *testing.T, doc string) Value {
	t.Helper()
	v, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("parse %s: %v", doc, err)
	}
	return v
}

func TestWhatIsNotThereReadsAsNothing(t *testing.T) {
	v := parse(t, `{"a":null,"b":"text","c":{"d":[1,{"e":true}]}}`)
	for _, path := range [][]string{{"x"}, {"a", "x"}, {"b", "x"}, {"c", "d", "e"}, {"a"}} {
		if got := v.Get(path...); !got.Empty() || got.Text() != "" || got.True() {
			t.Errorf("%v: kind %d, want nothing", path, got.Kind())
		}
	}
	for range v.Get("b").Elements() {
		t.Error("a string has no elements")
	}
	for range (Value{}).Members() {
		t.Error("a missing value has no members")
	}
	var last Value
	for e := range v.Get("c", "d").Elements() {
		last = e
	}
	if !last.Get("e").True() {
		t.Error("c.d[1].e is not true")
	}
}

func TestNumbersKeepEveryDigit(t *testing.T) {
	v := parse(t, ` {"id": 9007199254740993123, "f": -1.50e+3} `)
	if got := v.Get("id").Text(); got != "9007199254740993123" {
		t.Errorf("id %s", got)
	}
	if got := v.Get("f").Text(); got != "-1.50e+3" {
		t.Errorf("f %s", got)
	}
}

func TestTextIsDecoded(t *testing.T) {
	f := func(doc, want string, chars int) {
		t.Helper()
		v := parse(t, doc)
		if got := v.Text(); got != want || v.Chars() != chars {
			t.Errorf("%s: %q with %d characters, want %q with %d", doc, got, v.Chars(), want, chars)
		}
	}
	f(`"a\u00e4\/b\n"`, "aä/b\n", 5)
	f(`"\ud83d\ude00!"`, "😀!", 2)
	f(`"\ud83d!"`, "\uFFFD!", 2)
	f(`"\ud83dA"`, "\uFFFDA", 2)
	f("\"a\xffb\"", "a\uFFFDb", 3)
	f("\xef\xbb\xbf\"bom\"", "bom", 3)
	if got := parse(t, `{"\u0061b":7}`).Get("ab").Text(); got != "7" {
		t.Errorf("escaped key: %q", got)
	}
}

func TestRefused(t *testing.T) {
	f := func(doc string) {
		t.Helper()
		v, err := Parse([]byte(doc))
		if !errors.Is(err, ErrSyntax) {
			t.Errorf("%.40s: %v, want %v", doc, err, ErrSyntax)
		}
		if v.Kind() != Missing {
			t.Errorf("%.40s: a refused document has a value", doc)
		}
	}
	f(``)
	f(`{"a":1,}`)
	f(`{"a" 1}`)
	f(`[1 2]`)
	f(`"open`)
	f(`"\u12g4"`)
	f("\"a\nb\"")
	f(`01`)
	f(`-`)
	f(`nul`)
	f(`// {}`)
	f(`{} {}`)
	f(`{}x`)
	f(strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20))
}

// The standard library is the judge: same verdict, same values.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5e3,"x\u00e4",null,true,{}],"b":{"c":""}}`, `[]`, `"\ud800\udc00"`, `-0`, "\xef\xbb\xbf1", `{"a":1,"a":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := Parse(doc)
		plain := bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))
		if valid := json.Valid(plain); valid != (err == nil) {
			t.Fatalf("%q: parse says %v, encoding/json says valid=%t", doc, err, valid)
		}
		if err != nil {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(plain))
		dec.UseNumber()
		var want any
		if dec.Decode(&want) != nil {
			return
		}
		if got := plainValue(v); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, want %#v", doc, got, want)
		}
	})
}

func plainValue(v Value) any {
	switch v.Kind() {
	case Null:
		return nil
	case Bool:
		return v.True()
	case Number:
		return json.Number(v.Text())
	case String:
		return v.Text()
	case Array:
		list := []any{}
		for e := range v.Elements() {
			list = append(list, plainValue(e))
		}
		return list
	}
	object := map[string]any{}
	for key, e := range v.Members() {
		object[key] = plainValue(e)
	}
	return object
}
