package queries

import (
	"fmt"
	"regexp"
	"strings"
)

var numeric = regexp.MustCompile(`^(U?Int|Float)\d+$`)

// Bound returns the query with the values of params, and its defaults, written into the statement:
// to read, to paste and to run as it is. It returns ErrParam for a value that is missing or unreadable.
func (q Query) Bound(params map[string]string) (string, error) {
	literal := map[string]string{}
	for _, p := range q.Params {
		text, given := params[p.Name]
		if !given {
			text = p.Default
		}
		if !given && p.Required || isQuestion(text) {
			return "", fmt.Errorf("%w: %s (%s) needs a value", ErrParam, p.Name, p.Type)
		}
		value, err := serverValue(p, text)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrParam, err)
		}
		if !numeric.MatchString(p.Type) {
			value = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
		}
		if p.Type != "String" && !numeric.MatchString(p.Type) {
			value = "CAST(" + value + ", '" + strings.ReplaceAll(p.Type, "'", `\'`) + "')"
		}
		literal[p.Name] = value
	}
	return placeholder.ReplaceAllStringFunc(q.SQL, func(found string) string {
		return literal[placeholder.FindStringSubmatch(found)[1]]
	}), nil
}
