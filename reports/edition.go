package reports

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An edition's folder holds its pages and, in data/, what they were made of: edition.json, the rows
// of each question (gzip, one JSON object a line), the SQL of the user's own pages, before.json with what the edition before said, and
// said.json with what this one says.

// ErrEdition says that there is no such edition in the folder.
var ErrEdition = errors.New("no such edition")

// Said is one answer of an edition's summary, kept to be compared with by the next.
type Said struct {
	Window   string `json:"window"` // of the edition
	Question string `json:"question"`
	Value    string `json:"value"`
	Interval string `json:"interval"`
}

// archive writes the rows of d as an edition of dir, and returns its name and what the edition
// before it said. An edition that is there already with the same rows is left as it is.
func archive(dir string, d *Data) (name string, before []Said, err error) {
	content, err := d.files()
	if err != nil {
		return "", nil, err
	}
	base := d.From.Format(time.DateOnly) + "_" + d.To.Format(time.DateOnly)
	name = base
	for n := 2; ; n++ {
		same, err := holds(filepath.Join(dir, name, "data"), content)
		if err != nil {
			return "", nil, err
		}
		if same {
			_, before, err = readEdition(dir, name)
			return name, before, err
		}
		if _, err := os.Stat(filepath.Join(dir, name, "data", "edition.json")); errors.Is(err, fs.ErrNotExist) {
			break
		}
		name = fmt.Sprintf("%s.%d", base, n) // the same window, restated
	}
	if before, err = saidBefore(dir, d.Edition); err != nil {
		return "", nil, err
	}
	text, err := json.MarshalIndent(before, "", "  ")
	if err != nil {
		return "", nil, fmt.Errorf("archive the edition: %w", err)
	}
	into := filepath.Join(dir, name, "data")
	if err := os.MkdirAll(into, 0o755); err != nil {
		return "", nil, fmt.Errorf("make the folder of the edition: %w", err)
	}
	if err := writeFile(filepath.Join(into, "before.json"), text); err != nil {
		return "", nil, err
	}
	for _, file := range slices.SortedFunc(maps.Keys(content), func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(b, "edition.json"), strings.TrimPrefix(a, "edition.json")) // edition.json last: it says that all are there
	}) {
		if err := writeFile(filepath.Join(into, file), content[file]); err != nil {
			return "", nil, err
		}
	}
	return name, before, nil
}

// files are the archived form of the rows.
func (d *Data) files() (map[string][]byte, error) {
	edition, err := json.MarshalIndent(d.Edition, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("archive the edition: %w", err)
	}
	files := map[string][]byte{"edition.json": edition}
	for ask, rows := range d.answers {
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		_, err := zip.Write(rows)
		if err := errors.Join(err, zip.Close()); err != nil {
			return nil, fmt.Errorf("archive the rows of %s: %w", ask, err)
		}
		files[strings.ReplaceAll(ask, " ", "+")+".jsonl.gz"] = out.Bytes()
	}
	for _, p := range d.own {
		files[p.name+".sql"] = []byte(p.sql)
	}
	return files, nil
}

// holds says whether dir has these files, and each with these bytes.
func holds(dir string, content map[string][]byte) (bool, error) {
	for name, want := range content {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read the edition: %w", err)
		}
		if !bytes.Equal(got, want) {
			return false, nil
		}
	}
	return true, nil
}

// readEdition reads an archived edition, and what the edition before it said.
func readEdition(dir, name string) (*Data, []Said, error) {
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		return nil, nil, fmt.Errorf("%w: %q is no name of an edition", ErrEdition, name)
	}
	from := filepath.Join(dir, name, "data")
	d := &Data{answers: map[string][]byte{}}
	text, err := os.ReadFile(filepath.Join(from, "edition.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %s has no %s; its index.html lists those it has", ErrEdition, dir, name)
	}
	if err == nil {
		err = json.Unmarshal(text, &d.Edition)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the edition %s: %w", name, err)
	}
	rows, err := filepath.Glob(filepath.Join(from, "*.jsonl.gz"))
	if err != nil {
		return nil, nil, fmt.Errorf("read the edition %s: %w", name, err)
	}
	for _, path := range rows {
		text, err := unzip(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read the edition %s: %w", name, err)
		}
		d.answers[strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".jsonl.gz"), "+", " ")] = text
	}
	for _, p := range pages {
		for _, ask := range p.Asks {
			if _, archived := d.answers[ask]; !archived {
				d.answers[ask] = nil // a question younger than the edition
			}
		}
	}
	before, err := readSaid(filepath.Join(from, "before.json"))
	return d, before, err
}

func unzip(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

func readSaid(path string) (said []Said, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	if err != nil {
		return nil, fmt.Errorf("read what an edition said: %w", err)
	}
	return said, nil
}

func writeSaid(dir string, said []Said) error {
	text, err := json.MarshalIndent(said, "", "  ")
	if err != nil {
		return fmt.Errorf("keep what the edition says: %w", err)
	}
	return writeFile(filepath.Join(dir, "data", "said.json"), text)
}

// archived is an edition in the folder.
type archived struct {
	Edition
	Name string
}

// editions lists those of dir, the newest first: by the data's cutoff, then the window, then the name.
func editions(dir string) ([]archived, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "data", "edition.json"))
	if err != nil {
		return nil, fmt.Errorf("list the editions: %w", err)
	}
	var list []archived
	for _, path := range paths {
		a := archived{Name: filepath.Base(filepath.Dir(filepath.Dir(path)))}
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &a.Edition)
		}
		if err != nil {
			return nil, fmt.Errorf("read the edition %s: %w", a.Name, err)
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b archived) int {
		for _, c := range []int{b.To.Compare(a.To), b.Cutoff.Compare(a.Cutoff), a.From.Compare(b.From), len(b.Name) - len(a.Name), strings.Compare(b.Name, a.Name)} {
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return list, nil
}

// saidBefore is what the newest edition of the business said whose data end no later.
func saidBefore(dir string, e Edition) ([]Said, error) {
	list, err := editions(dir)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Business != e.Business || a.Cutoff.After(e.Cutoff) {
			continue
		}
		said, err := readSaid(filepath.Join(dir, a.Name, "data", "said.json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was never finished
		}
		return said, err
	}
	return nil, nil
}

// writeIndex lists the editions of dir.
func writeIndex(dir string, look theme) (string, error) {
	list, err := editions(dir)
	if err != nil {
		return "", err
	}
	type entry struct{ File, Window, Cutoff, Answer, Again string }
	var entries []entry
	business := ""
	for _, a := range list {
		e := entry{File: a.Name + "/" + summaryPage.Name + ".html", Window: days(a.From, a.To), Cutoff: minute(a.Cutoff)}
		if _, n, again := strings.Cut(a.Name, "."); again {
			e.Again = "computed again, edition " + n + " of this window"
		}
		if said, err := readSaid(filepath.Join(dir, a.Name, "data", "said.json")); err == nil && len(said) > 0 {
			e.Answer = strings.TrimSpace(said[0].Question + " " + said[0].Value)
		}
		entries, business = append(entries, e), a.Business
	}
	html, err := look.execute("index.html.tmpl", struct {
		Policy, Business string
		Style            any
		Editions         []entry
	}{policy(), business, look.style(), entries})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "index.html")
	return path, writeFile(path, html)
}
