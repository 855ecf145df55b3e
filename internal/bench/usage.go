package bench

// usage is what processes have used until some moment.
type usage struct {
	// cpu is the CPU seconds of the brokers, own those of this process.
	cpu, own float64
	// rss is the resident memory of the brokers, in bytes.
	rss int64
}

// since gives what was used after from; memory is that of u.
func (u usage) since(from usage) usage {
	return usage{cpu: u.cpu - from.cpu, own: u.own - from.own, rss: u.rss}
}

// usage reads what the brokers and this process have used.
func (c *Cluster) usage() usage {
	u := usage{own: ownCPUSeconds()}
	for _, pid := range c.pids {
		p, err := ReadProcess(pid)
		if err != nil {
			continue // It is gone, and the run will tell.
		}
		u.cpu += p.CPUSeconds
		u.rss += p.RSS
	}
	return u
}

// Process is what a process has used so far.
type Process struct {
	// CPUSeconds is user and system time.
	CPUSeconds float64
	// RSS is resident memory, in bytes.
	RSS int64
	// Files is how many files are open.
	Files int
}
