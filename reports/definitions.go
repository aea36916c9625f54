package reports

import (
	"bytes"
	"fmt"
	"html/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

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
