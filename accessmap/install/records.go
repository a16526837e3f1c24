package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
)

// recordsFile says which map was found to belong to which text.
const recordsFile = "maps.json"

// mapRecord is a map that was found to hold what its text says, and by what to know both again.
type mapRecord struct {
	Text       string `json:"text"`        // path
	TextDigest string `json:"text_digest"` // SHA-256
	Map        string `json:"map"`         // path
	Type       string `json:"type"`
	Size       int64  `json:"size"`
	Device     uint64 `json:"device"`
	Inode      uint64 `json:"inode"`
	ModifiedNS int64  `json:"mtime_ns"` // since 1970
	ChangedNS  int64  `json:"ctime_ns"` // no program can set this one back
}

// mapRecords is maps.json.
type mapRecords struct {
	Version int         `json:"version"`
	Maps    []mapRecord `json:"maps"`
}

// readRecords returns the records of a state directory; one that cannot be read has none, and the maps are dumped.
func readRecords(stateDir string) (records mapRecords) {
	b, err := bounded.File(filepath.Join(stateDir, recordsFile), state.MaxFile)
	if err != nil || json.Unmarshal(b, &records) != nil || records.Version != 1 {
		return mapRecords{Version: 1}
	}
	return records
}

// recordOf returns the record of the map as it stands now.
func recordOf(mapType, textPath string, text []byte, mapPath string) (mapRecord, error) {
	info, err := os.Stat(mapPath)
	if err != nil {
		return mapRecord{}, err
	}
	stat := info.Sys().(*syscall.Stat_t)
	return mapRecord{
		Text: textPath, TextDigest: digest(text), Map: mapPath, Type: mapType,
		Size: stat.Size, Device: uint64(stat.Dev), Inode: stat.Ino,
		ModifiedNS: stat.Mtim.Nano(), ChangedNS: stat.Ctim.Nano(),
	}, nil
}

// mapFile returns where the map of a text was found when it was last in step, else where MapFile has it: makemap is not
// started to ask for it.
func (records mapRecords) mapFile(mapType, textPath string) (string, error) {
	for _, r := range records.Maps {
		if r.Text == textPath && r.Type == mapType {
			return r.Map, nil
		}
	}
	return makemap.UsualFile(mapType, textPath)
}

// fit reports whether an earlier run has found the map of this text in step, and both are still what they were.
func (records mapRecords) fit(mapType, textPath string, text []byte) bool {
	mapPath, err := records.mapFile(mapType, textPath)
	if err != nil {
		return false
	}
	is, err := recordOf(mapType, textPath, text, mapPath)
	return err == nil && slices.Contains(records.Maps, is)
}

// digest is the SHA-256 of b in hex.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
