package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
)

// target is a job compared with its files: which of them have to change.
type target struct {
	job      Job
	text     *change // nil: the file is right already
	mapFile  *change // nil: the file is right already, or there is no map
	textLive string
	mapPath  string // empty: no map
	mapLive  string
	makemap  makemap.Program
	cf       *sendmail.CF  // nil: none, or its access map is another file
	newText  *makemap.Text // nil: the map need be neither made nor dumped
	sync     func() error  // see syncText; nil: there is no new text
	observed mapRecord     // the map before it is dumped
	distinct *mapRecord    // observed; nil if a later write could leave the same record
}

// newTarget compares a job with its files and reports every reason why they cannot be changed.
func newTarget(ctx context.Context, records mapRecords, job Job) (*target, error) {
	if !filepath.IsAbs(job.Path) {
		return nil, errors.New("the path of a target must be absolute")
	}
	t := &target{job: job}
	text, err := newChange(kindText, job.Path)
	if err != nil {
		return nil, err
	}
	text.old, text.new, text.gone, t.textLive = job.Old, job.New, job.Gone, text.live
	text.write = Whole(job.New)
	if text.long = job.Long; text.long != nil {
		text.write = text.long.write
	}
	if job.OldExists != (text.oldInfo != nil) {
		return nil, ErrChanged
	}
	if err := text.checkOld(text.live); err != nil {
		return nil, err
	}
	if job.Gone {
		return t, t.prepareRemoval(records, text)
	}
	if !job.OldExists || !bytes.Equal(job.Old, job.New) {
		t.text = text
	}
	if job.MapType == "" {
		return t, nil
	}
	return t, t.prepareMap(ctx, records)
}

// prepareRemoval finds those of the two files that are there.
func (t *target) prepareRemoval(records mapRecords, text *change) error {
	if text.oldInfo != nil {
		t.text = text
	}
	if t.job.MapType == "" {
		return nil
	}
	mapPath, err := records.mapFile(t.job)
	if err != nil {
		return err
	}
	c, err := newChange(kindMap, mapPath)
	if err != nil {
		return fmt.Errorf("%s: %w", mapPath, err)
	}
	if c.oldInfo != nil {
		c.gone, t.mapFile = true, c
	}
	return nil
}

func (t *target) prepareMap(ctx context.Context, records mapRecords) error {
	mapPath, err := records.mapFile(t.job)
	if err == nil {
		err = t.observe(mapPath)
	}
	if err != nil {
		return err
	}
	cfErr := t.readCF()
	if t.text == nil && slices.Contains(records.Maps, t.observed) {
		t.distinct = &t.observed
		return cfErr
	}
	t.makemap, mapPath, t.newText, err = t.job.readMap(ctx)
	if err == nil && mapPath != t.mapPath {
		err = t.observe(mapPath)
	}
	if err := errors.Join(cfErr, err); err != nil {
		return err
	}
	if t.text == nil {
		if holds, err := t.makemap.Holds(ctx, t.job.MapType, mapPath, t.newText); holds || err != nil {
			return err
		}
	}
	t.mapFile, err = newChange(kindMap, mapPath)
	return err
}

// observe notes the path of the map and its record. This happens before the map is dumped: another program may write the
// map in between, and then the record must not match it.
func (t *target) observe(mapPath string) (err error) {
	t.mapPath = mapPath
	if t.mapLive, _, err = Resolve(mapPath); err != nil {
		return fmt.Errorf("%s: %w", mapPath, err)
	}
	now := time.Now()
	t.distinct = nil
	t.observed, err = t.job.record(mapPath)
	if err == nil && !racy(t.observed.modified(), now) {
		t.distinct = &t.observed
	}
	return nil // a map that is missing is made
}

// readCF reads the job's sendmail.cf and checks its rules for type and path. stage checks those for the map file.
func (t *target) readCF() error {
	if t.job.SendmailCF == "" {
		return nil
	}
	cf, err := sendmail.ReadCF(t.job.SendmailCF)
	if err != nil {
		return err
	}
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

// changes returns the files to change, text before map (docs/facts.md 5).
func (t *target) changes() (changes []*change) {
	for _, c := range []*change{t.text, t.mapFile} {
		if c != nil {
			changes = append(changes, c)
		}
	}
	return changes
}

// writeText makes the new text, if there is to be one, and syncText syncs it.
func (t *target) writeText() (err error) {
	if t.text != nil && !t.job.Gone {
		t.sync, err = t.text.stageUnsynced()
	}
	return err
}

func (t *target) syncText() error {
	if t.sync == nil {
		return nil
	}
	return t.sync()
}

// verify is Verified of the job. It also computes what the record of the new map needs.
func (t *target) verify() error {
	if t.mapFile != nil && t.job.NewDigest != nil {
		t.job.NewDigest()
	}
	if t.job.Verified == nil {
		return nil
	}
	return t.job.Verified()
}

// makeMap has makemap build the new map, if there is to be one, and compares it with the text.
func (t *target) makeMap(ctx context.Context) error {
	if t.mapFile == nil || t.job.Gone {
		return nil
	}
	f, err := t.mapFile.create() // because makemap would let the group read it
	if err != nil {
		return fmt.Errorf("%s: %w", t.mapPath, err)
	}
	f.Close()
	if err := t.makemap.Build(ctx, t.job.MapType, t.mapFile.temp, t.newText); err != nil {
		return err
	}
	if err := t.makemap.Verify(ctx, t.job.MapType, t.mapFile.temp, t.newText); err != nil {
		return fmt.Errorf("%s: %w", t.mapPath, err)
	}
	return nil
}

// finishMap prepares the new map, if there is one, to be in place beside its text.
func (t *target) finishMap() error {
	if t.mapFile == nil || t.job.Gone {
		return nil
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
	if why := t.cf.RefusesFile(t.mapPath, t.mapFile.newInfo); why != nil {
		return why
	}
	return nil
}

// probe asks Sendmail for the job's key in the installed map. The error is a wrong answer, or the cause of ctx.
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

// record identifies the installed map for the next run. It is nil if a later write could leave the same record: then the
// next run must dump the map. The error says that another program has written the new map.
func (t *target) record() (*mapRecord, error) {
	if t.mapFile == nil {
		return t.distinct, nil
	}
	now, err := t.job.record(t.mapPath)
	if err != nil {
		return nil, err
	}
	c := t.mapFile
	if now.Inode != c.inode || now.Size != c.newInfo.Size() || !now.modified().Equal(c.newInfo.ModTime()) {
		return nil, errors.New("another program has written it since it was replaced: the next update checks and repairs it")
	}
	if racy(c.newInfo.ModTime(), c.swappedAt) {
		return nil, nil
	}
	return &now, nil
}
