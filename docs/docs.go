// Package docs holds the pages that the program itself prints.
package docs

import _ "embed"

// Metrics defines every figure, in Markdown; reports print it.
//
//go:embed metrics.md
var Metrics string
