package embedded

import (
	"net"
	"strings"
	"testing"
)

// startChild chooses other ports when it reads this text, so the text must be the engine's.
func TestTakenPortIsRecognised(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	engine, err := Start(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	other := &Engine{dir: folder(t.TempDir()), options: engine.options, lock: engine.lock}
	if err := other.dir.create(); err != nil {
		t.Fatal(err)
	}
	_, free, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	taken := l.Addr().(*net.TCPAddr).Port
	for _, ports := range [][2]int{{taken, free}, {free, taken}} {
		c, err := other.launch(ports[0], ports[1])
		if err != nil {
			t.Fatal(err)
		}
		err = other.ready(t.Context(), c, ports[1])
		c.stop()
		if err == nil || !strings.Contains(err.Error(), "Address already in use") {
			t.Errorf("engine on a taken port: %v", err)
		}
	}
}
