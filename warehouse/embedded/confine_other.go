//go:build !linux

package embedded

import "errors"

func confinable() error { return errors.New("there is no Landlock on this system") }

func confine(string, ...string) error { return nil }
