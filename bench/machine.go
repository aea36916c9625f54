package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// machine says where the figures come from.
func machine() string {
	cpu := runtime.GOARCH
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d x %s, %s, %s", runtime.NumCPU(), cpu, runtime.GOOS, runtime.Version())
}

// usage is the time that processors have worked: all of them, and those of them that worked for us.
type usage struct {
	at        time.Time
	all, ours time.Duration // all is 0 where the system does not say
}

// processors counts the engine only once it has ended.
func processors() usage {
	u := usage{at: time.Now()}
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		var user, nice, system, idle, wait, irq, softirq int64
		fmt.Sscanf(string(text), "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &softirq)
		u.all = time.Duration(user+nice+system+irq+softirq) * (time.Second / 100)
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		if syscall.Getrusage(who, &used) == nil {
			u.ours += time.Duration(used.Utime.Nano() + used.Stime.Nano())
		}
	}
	return u
}

// others says how much of the processors other programs took since before: with much, the figures
// are worth little.
func (before usage) others() string {
	now := processors()
	if now.all == 0 {
		return ""
	}
	theirs := (now.all - before.all) - (now.ours - before.ours)
	share := theirs.Seconds() / (now.at.Sub(before.at).Seconds() * float64(runtime.NumCPU()))
	return fmt.Sprintf("; others took %.0f %% of the processors", 100*max(0, share))
}
