package metrics

import "moldau.dev/moldau/broker/internal/storage"

// writeLogs writes the state of the log directories.
func writeLogs(e *exposition, logs *storage.Manager) {
	flushes := logs.FlushTimes()
	e.begin(logFlush)
	e.histogram(&flushes)
	e.single(openFiles, float64(logs.OpenFiles()))
	dirs := logs.Dirs()
	offline := 0
	each := func(which id, value func(d *storage.DirInfo) (float64, bool)) {
		e.begin(which)
		for i := range dirs {
			if v, ok := value(&dirs[i]); ok {
				e.sample(v, dirs[i].Path)
			}
		}
	}
	for i := range dirs {
		if dirs[i].Err != nil {
			offline++
		}
	}
	e.single(offlineLogDirectoryCount, float64(offline))
	each(logDirectoryOffline, func(d *storage.DirInfo) (float64, bool) { return truth(d.Err != nil), true })
	each(logDirTotal, func(d *storage.DirInfo) (float64, bool) { return float64(d.TotalBytes), d.TotalBytes >= 0 })
	each(logDirUsable, func(d *storage.DirInfo) (float64, bool) { return float64(d.UsableBytes), d.UsableBytes >= 0 })
	each(logDirUnclean, func(d *storage.DirInfo) (float64, bool) { return truth(d.Recovered), true })
}

// writeDirSizes writes how much each log directory holds.
func writeDirSizes(e *exposition, logs *storage.Manager, all []hosted) {
	sizes := map[string]int64{}
	for i := range all {
		sizes[all[i].log.LogDir()] += all[i].log.Size()
	}
	e.begin(logDirSize)
	for _, d := range logs.Dirs() {
		e.sample(float64(sizes[d.Path]), d.Path)
	}
}
