//go:build !linux

package embedded

import "errors"

func terminalInput() error { return errors.New("not tried on this system") }
