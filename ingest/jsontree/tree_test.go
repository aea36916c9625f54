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

func TestAParserIsReadyAgain(t *testing.T) {
	var p Parser
	first, err := p.Parse([]byte(`{"a":["one","t\u0077o"],"b":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	text := first.Get("a").Text()
	var texts []string
	for e := range first.Get("a").Elements() {
		texts = append(texts, e.Text())
	}
	for _, doc := range []string{`[1,`, `{"a":"other"}`, strings.Repeat("[", 20000), `"x"`} {
		p.Parse([]byte(doc))
	}
	if want := []string{"one", "two"}; text != "" || !reflect.DeepEqual(texts, want) {
		t.Errorf("texts of an earlier document are %q, want %q", texts, want)
	}
	if v, err := p.Parse([]byte(`{"a":[2]}`)); err != nil || string(v.Get("a").Raw()) != "[2]" {
		t.Errorf("%s, %v", v.Raw(), err)
	}
}

func TestAnArrayIsSplit(t *testing.T) {
	elements, err := SplitArray([]byte("\xef\xbb\xbf [ {\"a\": 1} ,\n \"]\",[2 ,3], -0.0 ] "))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"a": 1}`, `"]"`, `[2 ,3]`, `-0.0`}
	for range 2 {
		var got []string
		for element := range elements {
			got = append(got, string(element))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, doc := range []string{``, `{}`, `7`, `[`, `[1,]`, `[1] 2`, `[1}`, `[{"a":}]`} {
		if _, err := SplitArray([]byte(doc)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %v, want %v", doc, err, ErrSyntax)
		}
	}
}

func TestAnErrorTellsThePlaceOnly(t *testing.T) {
	_, err := Parse([]byte(`{"name": "Ada Example", "x": secret}`))
	if err == nil || err.Error() != "not valid JSON at byte 29" {
		t.Errorf("%v", err)
	}
}

// go test ./ingest/jsontree -run '^$' -bench . : a document and all its texts, beside the standard
// library's check that it is valid.
func BenchmarkParse(b *testing.B) {
	docs := map[string][]byte{
		"line": []byte(`{"event_type":"send","event_time":"2026-03-02T01:15:00.123Z","account_id":"111222333","channel":"whatsapp","provider":"meta",` +
			`"address":"+12125550142","message_id":"wamid.made-up-for-the-benchmark-000000000000000000000000","purpose":"proactive","category":"marketing",` +
			`"template_id":"spring_2","campaign_id":"spring-2026-03","market":"US","language":"en","zone":"America/New_York","billable":"yes"}`),
		"escapes": []byte(`{"event_type":"send","campaign_id":"caf\u00e9 \"rot\"","message_id":"a\/b","attributes":{"url_path":"\/x\/y"}}`),
	}
	for name, doc := range docs {
		b.Run("doc="+name+"/do=valid", func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if !json.Valid(doc) {
					b.Fatal("not valid")
				}
			}
		})
		b.Run("doc="+name+"/do=read", func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			var p Parser
			for b.Loop() {
				v, err := p.Parse(doc)
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for _, member := range v.Members() {
					n += len(member.Text())
				}
				if n == 0 {
					b.Fatal("no text")
				}
			}
		})
	}
}
