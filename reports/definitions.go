package reports

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// definitionsOf prints the definitions of the metrics that a page's figures name, and before them the
// words and the rules of intervals that all share. docs/metrics.md has a heading "### `name`" for each.
func definitionsOf(source string, c Content) ([]definition, error) {
	if source == "" {
		return nil, nil
	}
	var list []definition
	add := func(name, title, text string) error {
		if text == "" || slices.ContainsFunc(list, func(d definition) bool { return d.Name == name }) {
			return nil
		}
		html, err := markdown(text)
		list = append(list, definition{name, title, html})
		return err
	}
	var err error
	for _, s := range c.Sections {
		for _, f := range s.Figures {
			if f.Metric != "" {
				err = errors.Join(err, add(f.Metric, f.Metric, chapter(source, "### `"+f.Metric+"`")))
			}
		}
	}
	if len(list) > 0 {
		err = errors.Join(err, add("words", "Words", chapter(source, "## Words")), add("rates", "Rates and intervals", chapter(source, "## Rates and intervals")))
	}
	return list, err
}

// chapter returns the text below a heading, up to the next of its level or above.
func chapter(source, heading string) string {
	_, text, found := strings.Cut("\n"+source, "\n"+heading+"\n")
	if !found {
		return ""
	}
	for _, next := range []string{"\n## ", "\n### "}[:strings.Count(heading[:4], "#")-1] {
		text, _, _ = strings.Cut(text, next)
	}
	return text
}

// markdown prints the definitions below the page's own headings. Raw HTML in them is left out,
// links become plain text: a page that is sent on its own has no neighbours to link to.
func markdown(source string) (template.HTML, error) {
	if source == "" {
		return "", nil
	}
	md := goldmark.New(goldmark.WithExtensions(extension.Table))
	bytesIn := []byte(source)
	doc := md.Parser().Parse(text.NewReader(bytesIn))
	var links, drop []ast.Node
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+2, 6)
		case *ast.Link, *ast.Image:
			links = append(links, n)
		case *ast.AutoLink:
			n.Parent().InsertBefore(n.Parent(), n, ast.NewString(n.Label(bytesIn)))
			drop = append(drop, n)
		case *ast.RawHTML, *ast.HTMLBlock:
			drop = append(drop, n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", fmt.Errorf("read the definitions: %w", err)
	}
	for _, n := range links {
		parent := n.Parent()
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			parent.InsertBefore(parent, n, child)
		}
		parent.RemoveChild(parent, n)
	}
	for _, n := range drop {
		n.Parent().RemoveChild(n.Parent(), n)
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, bytesIn, doc); err != nil {
		return "", fmt.Errorf("print the definitions: %w", err)
	}
	return template.HTML(out.String()), nil
}
