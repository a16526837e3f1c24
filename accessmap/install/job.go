package install

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/program"
)

// Job brings one target to a new state: a text and, for Sendmail, the map made from it.
type Job struct {
	Path      string // of the text, absolute
	Old       []byte // the text that the plan read
	OldExists bool   // false: the plan found no file
	New       []byte
	Long      *Long                // in place of New; nil: New is the text
	NewDigest func() string        // gives the SHA-256 of New, in hex; nil: it is computed each time
	NewText   func() *makemap.Text // gives what makemap reads in New; nil: it is read
	Verified  func() error         // compares New with what it was made of, and must give nil before New is in place; nil: it is right
	Gone      bool                 // text and map are to be removed; New is nil

	MapType    string // hash, btree or cdb; empty: no map
	MapFile    string // the path of the map that makemap makes; empty: makemap is asked
	Makemap    string // name or path of the program, as makemap.Find takes it
	SendmailCF string // the file that makemap and Sendmail read; empty: none

	// One generated key, and the value that Sendmail must answer when the new map is installed; empty: it is not asked.
	ProbeKey, ProbeValue string

	OnChange []string // argv of a command to run when the target has changed; empty: none
}

// DigestOf computes the SHA-256 of a text, in hex, while its caller does other work. It gives a function that waits for it.
func DigestOf(text []byte) func() string {
	done := sync.OnceValue(func() string { return digest(text) })
	go done()
	return done
}

// ReadAhead reads a text by the rules of makemap while its caller does other work. It gives a function that waits for it.
func ReadAhead(text []byte) func() *makemap.Text {
	read := sync.OnceValue(func() *makemap.Text { return makemap.ReadText(text) })
	go read()
	return read
}

// Begun begins to read New as makemap does, if a map is to be made, while its caller does other work. It gives the job with functions
// that compute once what an installation needs of New.
func (job Job) Begun() Job {
	if job.MapType == "" {
		return job
	}
	if job.NewDigest == nil {
		job.NewDigest = sync.OnceValue(func() string { return digest(job.New) })
	}
	if job.NewText == nil {
		job.NewText = ReadAhead(job.New)
	}
	return job
}

// digestOfNew is the SHA-256 of New.
func (job Job) digestOfNew() string {
	if job.NewDigest != nil {
		return job.NewDigest()
	}
	return digest(job.New)
}

// Long is the text of a new file, without a map, that is too long to keep: it is written each time that it is needed.
type Long struct {
	Write  func(io.Writer) error // each time the same
	Digest string                // SHA-256, in hex; a text with another one is not installed
}

// write writes the text, and fails if it does not have the digest.
func (l *Long) write(w io.Writer) error {
	sum := sha256.New()
	err := l.Write(io.MultiWriter(w, sum))
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != l.Digest {
		err = errors.New("it was written in another way than before: this is a fault of mailallow")
	}
	return err
}

// StateFile is a file of the state directory, 0600, that changes together with the targets.
type StateFile struct {
	Path string
	// Write writes the content, each time the same. It is called to compare it with the present file, and again while the maps
	// are made: a long content need not be in memory as a whole.
	Write func(io.Writer) error
	// First: it is swapped in before the targets, so that it is there when they have changed, whenever the run is killed. The
	// others come behind them.
	First bool
}

// Whole gives the Write of a content that is in memory.
func Whole(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

// Report says what an installation has changed and which commands it has run.
type Report struct {
	Changed   bool // at least one target was replaced or created
	Installed bool // every target is as its job asks; with an error, only an on_change command failed
	Stuck     bool // a file could not be put back, by this installation or one before it under the same lock
	Commands  []program.Report
	Warnings  []string
}
