package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/bounded"
)

// target is a job held against what stands there: which of its files have to change.
type target struct {
	job      Job
	text     *change // nil: it is right as it is
	mapFile  *change // nil: it is right as it is, or there is none
	textLive string
	mapPath  string // empty: no map
	mapLive  string
	makemap  makemap.Program
	cf       *sendmail.CF  // nil: none, or its access map is another one
	read     *makemap.Text // the new text, where its map has to be made or dumped
	there    mapRecord     // of the map, before it is looked into
	seen     *mapRecord    // the same, if it can be told from the map after a later write
}

// newTarget compares a job with the files as they are and reports all that stands in its way.
func newTarget(ctx context.Context, records mapRecords, job Job) (*target, error) {
	if !filepath.IsAbs(job.Path) {
		return nil, errors.New("the path of a target must be absolute")
	}
	t := &target{job: job}
	text, err := newChange(kindText, job.Path)
	if err != nil {
		return nil, err
	}
	text.old, text.new, t.textLive = job.Old, job.New, text.live
	if job.OldExists != (text.was != nil) {
		return nil, ErrChanged
	}
	if err := text.unedited(text.live); err != nil {
		return nil, err
	}
	if !job.OldExists || !bytes.Equal(job.Old, job.New) {
		t.text = text
	}
	if job.MapType == "" {
		return t, nil
	}
	return t, t.needsMap(ctx, records)
}

// needsMap finds out whether the map has to be made, and why it cannot.
func (t *target) needsMap(ctx context.Context, records mapRecords) error {
	mapPath, err := records.mapFile(t.job.MapType, t.job.Path)
	if err == nil {
		err = t.lookAtMap(mapPath)
	}
	if err != nil {
		return err
	}
	errs := []error{t.readCF()}
	if t.text == nil && slices.Contains(records.Maps, t.there) {
		t.seen = &t.there
		return errs[0]
	}
	if t.makemap.Path, err = makemap.Find(t.job.Makemap); err != nil {
		errs = append(errs, err)
	} else if mapPath, err = t.makemap.File(ctx, t.job.MapType, t.job.Path); err != nil {
		errs = append(errs, err)
	} else if mapPath != t.mapPath {
		errs = append(errs, t.lookAtMap(mapPath))
	}
	if t.read = makemap.ReadText(t.job.New); len(t.read.Problems) > 0 {
		errs = append(errs, &makemap.TextError{Problems: t.read.Problems})
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if t.text == nil {
		if holds, err := t.makemap.Holds(ctx, t.job.MapType, mapPath, t.read); holds || err != nil {
			return err
		}
	}
	t.mapFile, err = newChange(kindMap, mapPath)
	return err
}

// lookAtMap notes where the map is, and what is there.
func (t *target) lookAtMap(mapPath string) (err error) {
	t.mapPath = mapPath
	if t.mapLive, _, err = Resolve(mapPath); err != nil {
		return fmt.Errorf("%s: %w", mapPath, err)
	}
	t.observe()
	return nil
}

// readCF reads the job's sendmail.cf and asks it about everything but the map file itself, which is not made yet.
func (t *target) readCF() error {
	if t.job.SendmailCF == "" {
		return nil
	}
	cf, err := sendmail.ReadCF(t.job.SendmailCF)
	if err != nil {
		return err
	}
	t.makemap.CF = cf.Path
	if !cf.Names(t.job.Path) {
		return nil
	}
	t.cf = &cf
	var errs []error
	for _, why := range append(cf.RefusesType(t.job.MapType), cf.RefusesPath(t.mapPath)...) {
		errs = append(errs, why)
	}
	return errors.Join(errs...)
}

// changes returns the target's part of the transaction: text first, map last (docs/facts.md 5).
func (t *target) changes() (changes []*change) {
	for _, c := range []*change{t.text, t.mapFile} {
		if c != nil {
			changes = append(changes, c)
		}
	}
	return changes
}

// stage makes the new text and the new map beside the old ones and verifies the map.
func (t *target) stage(ctx context.Context) error {
	if t.text != nil {
		if err := t.text.stage(); err != nil {
			return err
		}
	}
	if t.mapFile == nil {
		return nil
	}
	f, err := t.mapFile.create() // makemap would make one that the group can read
	if err != nil {
		return fmt.Errorf("%s: %w", t.mapPath, err)
	}
	f.Close()
	if err := t.makemap.Build(ctx, t.job.MapType, t.mapFile.temp, t.read); err != nil {
		return err
	}
	if err := t.makemap.Verify(ctx, t.job.MapType, t.mapFile.temp, t.read); err != nil {
		return fmt.Errorf("%s: %w", t.mapPath, err)
	}
	textPath := t.textLive
	if t.text != nil {
		textPath = t.text.temp
	}
	if err := t.mapFile.stageMap(textPath); err != nil {
		return fmt.Errorf("%s: %w", t.mapPath, err)
	}
	if t.cf == nil {
		return nil
	}
	info, err := os.Lstat(t.mapFile.temp)
	if err != nil {
		return err
	}
	if why := t.cf.RefusesFile(t.mapPath, info); why != nil {
		return why
	}
	return nil
}

// probe asks Sendmail for the job's key in the map that is in place now. An error is a wrong
// answer, or the context's.
func (t *target) probe(ctx context.Context) (warning string, err error) {
	if t.mapFile == nil || t.cf == nil || t.job.ProbeKey == "" {
		return "", nil
	}
	sendmail, err := sendmail.Find(t.makemap.Path)
	if err != nil {
		return err.Error(), nil
	}
	answer, err := t.cf.Lookup(ctx, sendmail, t.job.ProbeKey)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return err.Error(), nil
	case answer.Trouble != "" && os.Geteuid() != 0:
		// Sendmail's daemon may read what this user may not.
		return fmt.Sprintf("sendmail -bt, run by user %d: %s", os.Geteuid(), answer.Trouble), nil
	case !answer.Found || answer.Value != t.job.ProbeValue:
		return "", fmt.Errorf("sendmail -C %s -bt: /map access %s answers %s instead of %q",
			t.cf.Path, t.job.ProbeKey, answer, t.job.ProbeValue)
	}
	return "", nil
}

// newStateChange is nil for a file that holds the bytes already.
func newStateChange(file StateFile) (*change, error) {
	if same, err := bounded.Holds(file.Path, file.Bytes); err == nil && same {
		return nil, nil
	}
	c, err := newChange(kindState, file.Path)
	if err != nil {
		return nil, err
	}
	c.new = file.Bytes
	return c, nil
}
