package embedded

import (
	"bufio"
	"fmt"
	"os"
)

// defaultMemory is 3/8 of the machine's memory, between 1 and 4 GiB.
func defaultMemory() int64 {
	const gib = 1 << 30
	return min(max(machineMemory()*3/8, gib), 4*gib)
}

// machineMemory returns bytes, or 8 GiB where the system does not say.
func machineMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 8 << 30
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if _, err := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 8 << 30
}
