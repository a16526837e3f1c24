// Package report is the command that shows the state of it all as one page of HTML to look at: what is wrong, what the list is,
// what is held and what would change, who was refused, how the list changed over time, and where it is in the address space.
//
// It fetches nothing and changes nothing: it shows the last good state, what is in the targets, the history, and logs that
// it is given. The page has no script and no reference to outside, and a Content-Security-Policy that allows inline style
// alone. Every picture has a text and a table.
//
// The pictures are drawn here, in some lines each. Libraries for charts write fixed colours and sizes into their SVG, so that
// one picture would not do for light and dark, paper, and a narrow window.
package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Options are the flags of the command.
type Options struct {
	Run     run.Options
	Output  string   // the file; empty or -: stdout
	Logs    []string // of a mail server; - is stdin
	Version string   // of the program
}

// stdout is the word for stdout in place of a file.
const stdout = "-"

type document struct {
	File     string              `json:"file"`
	Bytes    int                 `json:"bytes"`
	Wrong    []string            `json:"wrong"` // what the page says first
	Problems []allowlist.Problem `json:"problems"`
}

// Empty is the document of a run that found nothing but problems.
func Empty(problems []allowlist.Problem) any { return document{Wrong: []string{}, Problems: problems} }

// Run makes the page. What cannot be read is told in it, and is no error.
func Run(ctx context.Context, t *terminal.Terminal, o Options) error {
	if err := check(t, o); err != nil {
		return err
	}
	s, err := config.Load(ctx, o.Run.Config)
	if err != nil {
		return err
	}
	if err := s.CheckOutput(o.Output); err != nil {
		return exit.Usagef("-o %s: %w", o.Output, err)
	}
	if _, err := run.OpenHistory(s.StateDir); errors.Is(err, fs.ErrPermission) {
		return err
	}
	o.Run.LooksOnly, o.Run.Installed = true, o.Run.Snapshot == ""
	request, err := run.New(s, o.Run)
	if exit.IsUsage(err) {
		return err
	}
	if s.Absent {
		err = fmt.Errorf("there is no configuration %s: 'mailallow init --write%s' makes one to start from, -c FILE names another", s.Path, o.Run.Config.Typed())
	}
	g := &gathering{t: terminal.New(nil, t.Stdin, io.Discard, io.Discard), settings: s, options: o, request: request, unfit: err}
	p := g.page(ctx)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	page := string(p.markup())
	if o.Output == "" || o.Output == stdout {
		if t.JSON {
			return t.Document(map[string]string{"page": page})
		}
		_, err := io.WriteString(t.Take(), page)
		return err
	}
	err = outfile.Write(ctx, o.Output, func(w io.Writer) error {
		_, err := io.WriteString(w, page)
		return err
	})
	if err != nil {
		return fmt.Errorf("-o %s: %w", o.Output, exit.Reason(err))
	}
	t.Note("%s: %s (%s)", o.Output, strings.ToLower(p.Verdict), terminal.Counted(uint64(len(page)), "byte", "bytes"))
	if !t.JSON {
		return nil
	}
	doc := document{o.Output, len(page), []string{}, []allowlist.Problem{}}
	for _, w := range p.Wrong {
		doc.Wrong = append(doc.Wrong, w.Text)
	}
	return t.Document(doc)
}

// check refuses flags that would have it fetch something.
func check(t *terminal.Terminal, o Options) error {
	if config.IsURL(o.Run.Snapshot) {
		return exit.Usagef("report fetches nothing: --snapshot is a file, - or embedded")
	}
	if o.Run.Snapshot == "-" && t.Stdin == nil {
		return errors.New("there is no stdin")
	}
	if out, err := os.Stat(o.Output); err == nil && out.Mode().IsRegular() {
		for _, read := range append([]string{o.Run.Snapshot}, o.Logs...) {
			if in, err := os.Stat(read); err == nil && os.SameFile(in, out) {
				return exit.Usagef("-o %s: it is read, too, and would be written over: name another", o.Output)
			}
		}
	}
	return refusals.NotTwice(o.Logs, o.Run.Snapshot)
}

// hostName names this host, for pages that people compare.
func hostName() string {
	name, _ := os.Hostname()
	return cmp.Or(name, "this host")
}

const (
	minute = "2006-01-02 15:04"
	day    = time.DateOnly
)
