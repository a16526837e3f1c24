package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
)

// mapRecords holds the maps that were in step with their texts at the end of the last run.
type mapRecords struct {
	Version int         `json:"version"`
	Maps    []mapRecord `json:"maps"`

	read bool // from the file
}

// mapRecord identifies a map and its text.
type mapRecord struct {
	Text       string `json:"text"`        // path
	TextDigest string `json:"text_digest"` // SHA-256
	Map        string `json:"map"`         // path
	Type       string `json:"type"`
	Size       int64  `json:"size"`
	Device     uint64 `json:"device"`
	Inode      uint64 `json:"inode"`
	ModifiedNS int64  `json:"mtime_ns"` // since 1970
	ChangedNS  int64  `json:"ctime_ns"` // no program can set this time back
}

// readRecords returns the records of a state directory; none if they cannot be read, and then every map is dumped.
func readRecords(stateDir string) (records mapRecords) {
	b, err := bounded.File(filepath.Join(stateDir, state.MapsFile), state.MaxFile)
	if err != nil || json.Unmarshal(b, &records) != nil || records.Version != 1 {
		return mapRecords{Version: 1}
	}
	records.read = true
	return records
}

// record identifies the map at a path and the new text of the job.
func (job Job) record(mapPath string) (mapRecord, error) {
	var stat unix.Stat_t // whose times have one name on all systems
	if err := unix.Stat(mapPath, &stat); err != nil {
		return mapRecord{}, &fs.PathError{Op: "stat", Path: mapPath, Err: err}
	}
	return mapRecord{
		Text: job.Path, TextDigest: job.digestOfNew(), Map: mapPath, Type: job.MapType,
		Size: stat.Size, Device: uint64(stat.Dev), Inode: stat.Ino,
		ModifiedNS: stat.Mtim.Nano(), ChangedNS: stat.Ctim.Nano(),
	}, nil
}

// mapFile returns the recorded path of a job's map, or makemap.UsualFile if there is no record. It does not start makemap.
func (records mapRecords) mapFile(job Job) (string, error) {
	for _, r := range records.Maps {
		if r.Text == job.Path && r.Type == job.MapType {
			return r.Map, nil
		}
	}
	return makemap.UsualFile(job.MapType, job.Path)
}

// inStep reports whether the last run found map and text in step, and neither has changed since.
func (records mapRecords) inStep(job Job) bool {
	mapPath, err := records.mapFile(job)
	if err != nil {
		return false
	}
	now, err := job.record(mapPath)
	return err == nil && slices.Contains(records.Maps, now)
}

func (r mapRecord) modified() time.Time { return time.Unix(0, r.ModifiedNS) }

const (
	// clockTick is the step of the clock from which the kernel takes file times: at most a hundredth of a second.
	clockTick = 10 * time.Millisecond
	// coarseTick is that step on file systems that keep whole or even seconds.
	coarseTick = 2 * time.Second
)

// racy reports whether a write at the time now, or later, could leave the file with the same time of modification. Nothing
// would show such a write to a map, whose size mostly stays the same.
func racy(modified, now time.Time) bool {
	tick := clockTick
	if modified.Nanosecond() == 0 {
		tick = coarseTick
	}
	return now.Sub(modified) < tick
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
