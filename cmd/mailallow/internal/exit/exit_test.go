package exit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mailallow/allowlist/fault"
)

// When several codes apply, the first of 2, 5, 3, 4, 1 counts, in any order of the codes.
func TestOutcome(t *testing.T) {
	order := []int{Usage, Install, Held, Stale, Finding}
	for i, want := range order {
		codes := []int{Done}
		for _, code := range order[i:] {
			codes = append([]int{code}, append(codes, code)...)
		}
		err := Outcome(codes...)
		if got := Code(err); got != want || !Silent(err) || err.Error() != "" {
			t.Errorf("%v: %d, want %d; it says %q", codes, got, want, err)
		}
	}
	if err := Outcome(Done); err != nil || Outcome() != nil {
		t.Errorf("nothing applies: %v", err)
	}
}

func TestCode(t *testing.T) {
	for _, row := range []struct {
		err  error
		want int
		text string
	}{
		{errors.New("plain"), Usage, "plain"},
		{Usagef("flag %q", "x"), Usage, `flag "x"`},
		{With(Held, errors.New("held")), Held, "held"},
		{fmt.Errorf("while: %w", With(Install, errors.New("failed"))), Install, "while: failed"},
		{errors.Join(errors.New("a"), With(Stale, errors.New("b"))), Stale, "a\nb"},
		{Worst(errors.New("two"), Stale, Held), Held, "two"},
		{Worst(errors.New("none"), Done), Usage, "none"},
		{With(Install, fault.Hint("", "try again", "locked")), Install, "locked; try again"},
	} {
		if got := Code(row.err); got != row.want || row.err.Error() != row.text || Silent(row.err) {
			t.Errorf("%q: %d, want %d and %q", row.err, got, row.want, row.text)
		}
	}
	if With(Held, nil) != nil || Code(nil) != Done || !Silent(nil) {
		t.Error("nil is an error")
	}
}

// Reason leaves out the paths of a failed open and of a failed rename.
func TestReason(t *testing.T) {
	dir := t.TempDir()
	_, opening := os.Open(filepath.Join(dir, "missing"))
	renaming := os.Rename(filepath.Join(dir, "missing"), filepath.Join(dir, "other"))
	for _, err := range []error{opening, renaming, fmt.Errorf("twice: %w", opening)} {
		if got := Reason(err); got.Error() != "no such file or directory" || !errors.Is(got, fs.ErrNotExist) {
			t.Errorf("%v: %v", err, got)
		}
	}
	if err := errors.New("another"); Reason(err) != err {
		t.Error("an error without a path is changed")
	}
}

// A signal decides the exit code, once, and keeps the message of the run.
func TestBySignal(t *testing.T) {
	ctx := UntilSignal(t.Context())
	if err := BySignal(ctx, nil); err != nil {
		t.Errorf("without a signal: %v", err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	err := BySignal(ctx, fmt.Errorf("nothing was changed: %w", context.Cause(ctx)))
	if want := "ended by signal 15 (terminated): nothing was changed: terminated"; err.Error() != want || Code(err) != 143 {
		t.Errorf("%d, %q; want 143, %q", Code(err), err, want)
	}
	if again := BySignal(ctx, err); again != err {
		t.Errorf("named twice: %v", again)
	}
	for _, bare := range []error{ctx.Err(), context.Cause(ctx)} {
		if err := BySignal(ctx, bare); err.Error() != "ended by signal 15 (terminated)" || Code(err) != 143 {
			t.Errorf("%d, %q", Code(err), err)
		}
	}
	late := BySignal(ctx, Outcome(Finding))
	if want := "ended by signal 15 (terminated): everything was done already"; late.Error() != want || Code(late) != 143 {
		t.Errorf("%d, %q; want 143, %q", Code(late), late, want)
	}
}

func TestDidYouMean(t *testing.T) {
	for _, row := range []struct{ word, want string }{
		{"fromat", `: did you mean "format"?`},
		{"FORMAT", `: did you mean "format"?`},
		{"fo", `: did you mean "format"?`},
		{"elephant", ": known are format, path"},
	} {
		if got := DidYouMean(row.word, []string{"format", "path"}); got != row.want {
			t.Errorf("%q: %q, want %q", row.word, got, row.want)
		}
	}
	if got := DidYouMean("x", []string{"gmx", "qq"}); got != ": known are gmx, qq" {
		t.Errorf("no letter in common, or one: %q", got)
	}
	if got := DidYouMean("format", nil); got != "" {
		t.Errorf("nothing is known: %q", got)
	}
}
