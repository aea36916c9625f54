package reports

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// theme is what a folder theme/ of the user's changes of the look: theme.css stands after the page's own style,
// and templates (*.tmpl) replace those of the same name, whole files or blocks such as "brand". Templates escape
// what they print, and the policy lets no script of theirs run.
type theme struct {
	css       string
	templates map[string]string // by file name
	files     []string          // their names, in order
}

// ErrTheme says that the user's theme cannot be used.
var ErrTheme = errors.New("the theme cannot be used")

// What would end the style element early, or ask a network for something.
var breaksStyle = regexp.MustCompile(`(?i)</style|<!--|@import|url\(\s*["']?(?:https?:)?//`)

// printed are our templates.
var printed = []string{"page.html.tmpl", "index.html.tmpl", "mail.html.tmpl"}

// readTheme reads the folder; without one it is the look as it comes.
func readTheme(dir string) (t theme, err error) {
	css, err := os.ReadFile(filepath.Join(dir, "theme.css"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, fmt.Errorf("%w: %w", ErrTheme, err)
	}
	if bad := breaksStyle.Find(css); bad != nil {
		return t, fmt.Errorf("%w: theme/theme.css holds %q: a page asks nothing of a network, and its style stays one element; take it out", ErrTheme, bad)
	}
	t.css = strings.ReplaceAll(string(css), "\r", "")
	files, err := filepath.Glob(filepath.Join(dir, "*.tmpl"))
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrTheme, err)
	}
	t.templates = map[string]string{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return t, fmt.Errorf("%w: %w", ErrTheme, err)
		}
		t.templates[filepath.Base(path)] = strings.ReplaceAll(string(text), "\r", "")
		t.files = append(t.files, filepath.Base(path))
	}
	for _, name := range printed {
		if _, err := t.parse(name); err != nil {
			return t, err
		}
	}
	return t, nil
}

// parse reads a template of ours, then the theme's: a file of the same name replaces it, and blocks that any
// other defines.
func (t theme) parse(name string) (*template.Template, error) {
	tree, err := template.New(name).Funcs(template.FuncMap{"keep": keepHyphens}).Parse(asset(name))
	if err != nil {
		return nil, fmt.Errorf("parse the page %s: %w", name, err)
	}
	for _, file := range t.files {
		of := tree
		switch {
		case file == name:
		case slices.Contains(printed, file):
			continue // another of ours
		default:
			of = tree.New(file)
		}
		if _, err := of.Parse(t.templates[file]); err != nil {
			return nil, t.wrong(err)
		}
	}
	return tree, nil
}

func (t theme) wrong(err error) error {
	return fmt.Errorf("%w: theme/: %w; mend the file, or take it away", ErrTheme, err)
}

// execute prints a page. Comments and line ends of the assets are the repository's, so the bytes
// are the same on every machine.
func (t theme) execute(name string, view any) ([]byte, error) {
	tree, err := t.parse(name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = tree.Execute(&out, view)
	if err != nil && len(t.files) > 0 {
		return nil, t.wrong(err)
	}
	if err != nil {
		return nil, fmt.Errorf("print the page %s: %w", name, err)
	}
	return out.Bytes(), nil
}

func (t theme) style() template.CSS {
	css := asset("page.css")
	if t.css != "" {
		css += "\n" + t.css
	}
	return template.CSS(css)
}
