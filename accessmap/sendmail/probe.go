package sendmail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"mailallow/accessmap/program"
	"mailallow/allowlist/pattern"
)

// TimeLimit bounds one run of sendmail -bt, which takes hundredths of a second. If the host's name is not qualified, Sendmail
// sleeps for a minute first (docs/facts.md 8); the answer is not worth that wait.
const TimeLimit = 15 * time.Second

// ErrNotAsked means that Sendmail gave no answer: the program is missing or Postfix's, it ran for longer than TimeLimit, or
// its configuration has no access map.
var ErrNotAsked = errors.New("sendmail -bt could not be asked")

// Answer is the result of Sendmail's lookup of one key in its access map.
type Answer struct {
	Found bool
	Value string // with Found
	// Trouble is Sendmail's message if it cannot use the map (`unsafe map file ...`, `missing map file ...`). Found is false
	// then.
	Trouble string
}

func (a Answer) String() string {
	switch {
	case a.Found:
		return fmt.Sprintf("%q", a.Value)
	case a.Trouble != "":
		return a.Trouble
	}
	return "no match"
}

// Find gives the path of Sendmail's own program. It looks beside makemap first, because /usr/sbin/sendmail may be Postfix's,
// then where program.OfSendmail looks. The error wraps ErrNotAsked.
func Find(makemap string) (string, error) {
	beside := []string{filepath.Dir(makemap)}
	if real, err := filepath.EvalSymlinks(makemap); err == nil {
		beside = append(beside, filepath.Dir(real))
	}
	path, err := program.OfSendmail("sendmail", beside...)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotAsked, err)
	}
	return path, nil
}

var (
	mapFound   = pattern.New(`(?m)map_lookup: access \((.*)\) returns (.*) \(\d+\)$`)
	mapMissing = pattern.New(`(?m)map_lookup: access \((.*)\) no match \((\d+)\)$`)
)

// Lookup asks `sendmail -C cf -bt` for one key of the access map. Unlike makemap -u, the answer shows whether Sendmail accepts
// the owner, the path and the type of the map (docs/facts.md 5). The error wraps ErrNotAsked if there is no answer.
func (cf *CF) Lookup(ctx context.Context, sendmail, key string) (Answer, error) {
	if strings.ContainsAny(key, " \t\r\n") || key == "" {
		return Answer{}, fmt.Errorf("key %q cannot be typed to sendmail -bt", key)
	}
	out, err := program.Program{
		Argv:      []string{sendmail, "-C", cf.Path, "-bt"},
		Stdin:     strings.NewReader("/map access " + key + "\n"),
		Limit:     TimeLimit,
		MaxOutput: program.MaxMessages,
	}.Run(ctx)
	if ctx.Err() != nil {
		return Answer{}, context.Cause(ctx)
	}
	// The exit status does not decide: it is 71 if Sendmail cannot use the map.
	if answer, ok := ReadAnswer(string(out), key); ok {
		return answer, nil
	}
	if err == nil {
		err = fmt.Errorf("%s: no answer to /map access %s in %.200q", sendmail, key, out)
	}
	return Answer{}, fmt.Errorf("%w: %w", ErrNotAsked, err)
}

// ReadAnswer finds the answer for a key in the output of sendmail -bt: `map_lookup: access (KEY) returns OK (0)`, or
// `no match (0)`, or a message about the map and then `no match (75)`. ok is false if there is none.
func ReadAnswer(out, key string) (a Answer, ok bool) {
	if match := mapFound().FindStringSubmatch(out); match != nil && match[1] == key {
		return Answer{Found: true, Value: match[2]}, true
	}
	at := mapMissing().FindStringSubmatchIndex(out)
	if at == nil || out[at[2]:at[3]] != key {
		return Answer{}, false
	}
	if status := out[at[4]:at[5]]; status == "0" {
		return Answer{}, true
	}
	before := strings.Split(strings.TrimSpace(out[:at[0]]), "\n")
	trouble := strings.TrimPrefix(before[len(before)-1], "> ")
	if trouble == "" || trouble == ">" {
		trouble = "the map cannot be used"
	}
	return Answer{Trouble: trouble}, true
}
