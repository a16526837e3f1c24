package install

import (
	"errors"
	"time"
)

const (
	// clockTick is as coarse as the clock is that the kernel stamps files by: a hundred times a second at the least.
	clockTick = 10 * time.Millisecond
	// coarseTick is that of file systems which keep whole seconds, or every other one.
	coarseTick = 2 * time.Second
)

// racy reports whether a write at the time now, or later, could leave a file with the same time of modification, and so
// go unseen where its size stays, as that of a map mostly does.
func racy(modified, now time.Time) bool { return now.Sub(modified) < tickOf(modified) }

func tickOf(modified time.Time) time.Duration {
	if modified.Nanosecond() == 0 {
		return coarseTick
	}
	return clockTick
}

// modified is when the map was written to last.
func (r mapRecord) modified() time.Time { return time.Unix(0, r.ModifiedNS) }

// awaitTick waits until every write to the staged map from now on shows in its time. Where that would take longer than a
// tick, the map is not recorded.
func (c *change) awaitTick() {
	if wait := clockTick - time.Since(c.modified); c.kind == kindMap && 0 < wait && wait <= clockTick {
		time.Sleep(wait)
	}
}

// observe notes what the map is as it stands. Only what is noted before anybody looks into it may be recorded as looked
// into: another program may write it anew meanwhile.
func (t *target) observe() {
	now := time.Now()
	is, err := recordOf(t.job.MapType, t.job.Path, t.job.New, t.mapPath)
	if t.there = is; err == nil && !racy(is.modified(), now) {
		t.seen = &is
	}
}

// record is what the next run is to know the map by: nil where another program may have changed it since it was seen, or
// put in, and the next run has to look into it. An error says that one has.
func (t *target) record() (*mapRecord, error) {
	if t.mapFile == nil {
		return t.seen, nil
	}
	is, err := recordOf(t.job.MapType, t.job.Path, t.job.New, t.mapPath)
	if err != nil {
		return nil, err
	}
	c := t.mapFile
	if is.Inode != c.inode || is.Size != c.size || !is.modified().Equal(c.modified) {
		return nil, errors.New("another program has written it anew since it was replaced: the next update puts right what is wrong in it")
	}
	if racy(c.modified, c.swappedAt) {
		return nil, nil
	}
	return &is, nil
}
